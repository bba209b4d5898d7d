#include "cli/planning.h"

#include <errno.h>
#include <stdlib.h>

int plan_on_host(
	struct kvm *kvm, const struct vm_config *vm, struct machine_plan **ret_plan, struct err *e)
{
	struct host_facts *facts = malloc(sizeof(*facts));
	struct machine_plan *plan = malloc(sizeof(*plan));
	int rc = facts && plan ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = kvm_host_facts(kvm, facts, e);
	if (rc == 0)
		rc = plan_machine(vm, facts, plan, e);
	free(facts);
	if (rc) {
		free(plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}
