/* SPDX-License-Identifier: MIT */
/* What goes out. */
#include "convert/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct convert_subject subject_of(const struct convert *c)
{
	struct convert_subject s = {
		.policy = c->policy,
		.nr_guests = c->nr_views,
		.host_given = c->host_given,
		.of_qemu = c->from == CONVERT_QEMU || c->from == CONVERT_LIBVIRT,
		.checked_before = c->doc && policy_doc_checked_before(c->doc),
	};
	for (unsigned i = 0; i < c->nr_views; i++)
		s.guests[i] = (struct convert_guest){ c->views[i].host, &c->views[i].plan->cpu,
			c->views[i].vcpu };
	return s;
}

static int write_words(const struct convert *c, enum convert_format to, FILE *out,
	struct losses *losses, struct err *e)
{
	struct convert_subject s = subject_of(c);
	struct policy_feature enlightenments[CONVERT_MAX_ENLIGHTENMENTS];
	struct cpu_policy shown = *c->policy;
	shown.hyperv_features = enlightenments;
	shown.nr_hyperv_features = convert_enlightenments(c, enlightenments);
	shown.hyperv_spinlock_retries = convert_spinlock_retries(c);
	s.policy = &shown;
	switch (to) {
	case CONVERT_QEMU:
		return qemu_cpu_write(&s, out, losses, e);
	case CONVERT_LIBVIRT:
		return libvirt_cpu_write(&s, out, losses, e);
	case CONVERT_FIRECRACKER:
		return firecracker_cpu_write(&s, out, losses, e);
	case CONVERT_TOML:
	case CONVERT_FORMATS:
		break;
	}
	/* A text's own words, not what the config made of them: what it does not say stays unsaid.
	 */
	return toml_cpu_write(c->doc ? policy_doc_policy(c->doc) : c->policy, out, e);
}

int convert_write(
	struct convert *c, enum convert_format to, FILE *out, struct losses *losses, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	FILE *words = open_memstream(&text, &n);
	if (!words)
		return err_set(e, -ENOMEM, "out of memory");
	/* What QEMU's model host has of the host's, QEMU and libvirt leave open in the same way. */
	bool from_qemu = c->from == CONVERT_QEMU || c->from == CONVERT_LIBVIRT;
	losses_settle(losses, from_qemu && (to == CONVERT_QEMU || to == CONVERT_LIBVIRT));
	int rc = write_words(c, to, words, losses, e);
	if (fclose(words) != 0 && rc == 0)
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = convert_verify(c, to, text, n, losses, e);
	if (rc == 0 && (fwrite(text, 1, n, out) != n || fflush(out) != 0))
		rc = err_set_config(e, -EIO, "cannot write the result");
	free(text);
	return rc;
}
