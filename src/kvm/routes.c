/* SPDX-License-Identifier: MIT */
#include "kvm/internal.h"

#include <errno.h>
#include <stdlib.h>

void kvm_routes_init(struct kvm_routes *routes)
{
	*routes = (struct kvm_routes){ 0 };
	/* Cannot fail with default attributes. */
	(void)pthread_mutex_init(&routes->lock, /* attr */ NULL);
}

void kvm_routes_done(struct kvm_routes *routes)
{
	free(routes->added);
	(void)pthread_mutex_destroy(&routes->lock);
}

static struct kvm_irq_routing_entry message_entry(unsigned gsi, const struct kvm_message *message)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)message->address,
			.address_hi = (uint32_t)(message->address >> 32),
			.data = message->data },
	};
}

static struct kvm_irq_routing_entry chip_entry(unsigned gsi, unsigned chip, unsigned pin)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

/* As KVM_CREATE_IRQCHIP has them: a GSI is the pin of that number of the I/O APIC, and below 16 of
 * the two PICs, too. */
static void add_kernel_pins(struct kvm_irq_routing *table)
{
	for (unsigned gsi = 0; gsi < KVM_NR_PINS; gsi++) {
		table->entries[table->nr++] = chip_entry(gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < 16)
			table->entries[table->nr++] = chip_entry(gsi,
				gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi % 8);
	}
}

#define MAX_PIN_ENTRIES (KVM_NR_PINS + 16)

static int give_to_kvm(struct kvm_vm *vm, struct err *e)
{
	const struct kvm_routes *r = &vm->routes;
	struct kvm_irq_routing *table = calloc(
		1, sizeof(*table) + (MAX_PIN_ENTRIES + r->nr_added) * sizeof(table->entries[0]));
	if (!table)
		return err_set(e, -ENOMEM, "out of memory");
	if (r->kernel_chips)
		add_kernel_pins(table);
	for (unsigned pin = 0; pin < KVM_NR_PINS; pin++) {
		if (r->pin_routed[pin])
			table->entries[table->nr++] = message_entry(pin, &r->pins[pin]);
	}
	for (unsigned i = 0; i < r->nr_added; i++) {
		if (r->added[i].routed)
			table->entries[table->nr++] =
				message_entry(KVM_NR_PINS + i, &r->added[i].message);
	}
	int rc = kvm_do(vm->kvm, vm->fd, KVM_SET_GSI_ROUTING, table);
	if (rc < 0)
		rc = err_set_errno(e, rc, "KVM_SET_GSI_ROUTING with %u routes", table->nr);
	free(table);
	return rc < 0 ? rc : 0;
}

int kvm_vm_update_pins(struct kvm_vm *vm, unsigned nr_pins,
	bool (*read)(void *ctx, unsigned pin, struct kvm_message *ret_message), void *ctx,
	struct err *e)
{
	struct kvm_routes *r = &vm->routes;
	if (nr_pins > KVM_NR_PINS || r->kernel_chips)
		return err_set(e, -EINVAL, "%u pins of an I/O APIC in user space", nr_pins);
	(void)pthread_mutex_lock(&r->lock);
	for (unsigned pin = 0; pin < nr_pins; pin++)
		r->pin_routed[pin] = read(ctx, pin, &r->pins[pin]);
	int rc = give_to_kvm(vm, e);
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

static int add_one(struct kvm_routes *r, unsigned max_gsis, unsigned *ret_gsi, struct err *e)
{
	unsigned i = 0;
	while (i < r->nr_added && r->added[i].used)
		i++;
	if (KVM_NR_PINS + i >= max_gsis)
		return err_set(e, -ENOSPC,
			"all of the %u interrupts that KVM routes are in use (KVM_CAP_IRQ_ROUTING)",
			max_gsis);
	if (i == r->nr_added) {
		struct kvm_gsi *more = reallocarray(r->added, i + 1, sizeof(*more));
		if (!more)
			return err_set(e, -ENOMEM, "out of memory");
		r->added = more;
		r->nr_added++;
	}
	r->added[i] = (struct kvm_gsi){ .used = true };
	*ret_gsi = KVM_NR_PINS + i;
	return 0;
}

int kvm_vm_add_gsi(struct kvm_vm *vm, unsigned *ret_gsi, struct err *e)
{
	int max = kvm_do_value(vm->kvm, vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING);
	if (max < 0)
		return err_set_errno(e, max, "KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING");
	(void)pthread_mutex_lock(&vm->routes.lock);
	int rc = add_one(&vm->routes, (unsigned)max, ret_gsi, e);
	(void)pthread_mutex_unlock(&vm->routes.lock);
	return rc;
}

static bool is_same(const struct kvm_gsi *a, const struct kvm_gsi *b)
{
	return a->routed == b->routed &&
	       (!a->routed || (a->message.address == b->message.address &&
				      a->message.data == b->message.data));
}

int kvm_vm_set_gsi(
	struct kvm_vm *vm, unsigned gsi, const struct kvm_message *message, struct err *e)
{
	struct kvm_routes *r = &vm->routes;
	struct kvm_gsi now = { .used = true, .routed = message != NULL };
	int rc = 0;
	if (message)
		now.message = *message;
	(void)pthread_mutex_lock(&r->lock);
	struct kvm_gsi *its = gsi >= KVM_NR_PINS && gsi - KVM_NR_PINS < r->nr_added
				      ? &r->added[gsi - KVM_NR_PINS]
				      : NULL;
	if (!its || !its->used)
		rc = err_set(e, -EINVAL, "GSI %u was not added", gsi);
	if (rc == 0 && !is_same(its, &now)) {
		const struct kvm_gsi before = *its;
		*its = now;
		rc = give_to_kvm(vm, e);
		if (rc)
			*its = before;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

void kvm_vm_remove_gsi(struct kvm_vm *vm, unsigned gsi)
{
	struct kvm_routes *r = &vm->routes;
	(void)pthread_mutex_lock(&r->lock);
	if (gsi >= KVM_NR_PINS && gsi - KVM_NR_PINS < r->nr_added)
		r->added[gsi - KVM_NR_PINS] = (struct kvm_gsi){ 0 };
	(void)pthread_mutex_unlock(&r->lock);
}
