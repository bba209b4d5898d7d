/* SPDX-License-Identifier: MIT */
#include "fake/msr_filter.h"
#include "unit/kvm/fixture.h"

#include "cpuid/msr.h"

static void kvm_vm_create__fails__names_the_ioctl(void **state)
{
	struct fixture *f = *state;
	struct kvm_vm *vm = NULL;
	fail_next(f, ENOMEM);
	assert_int_equal(kvm_vm_create(&vm, f->kvm, &f->e), -ENOMEM);
	assert_contains(f->e.msg, "KVM_CREATE_VM, type 0");
	assert_contains(f->e.hint, "memory");
	kvm_vm_destroy(NULL);
}

static void kvm_vm_create__interrupted__tries_again(void **state)
{
	struct fixture *f = *state;
	struct kvm_vm *vm = NULL;
	fail_next(f, EINTR);
	assert_int_equal(kvm_vm_create(&vm, f->kvm, &f->e), 0);
	kvm_vm_destroy(vm);
}

static void kvm_vm_set_memslot__region__is_handed_over(void **state)
{
	struct fixture *f = *state;
	char page;
	assert_int_equal(kvm_vm_set_memslot(f->vm, 3, gpa(4 * GIB), 0x5000, &page, &f->e), 0);
	const struct kvm_userspace_memory_region *slot = &f->fake->slots[0];
	assert_int_equal(slot->slot, 3);
	assert_int_equal(slot->guest_phys_addr, 4 * GIB);
	assert_int_equal(slot->memory_size, 0x5000);
	assert_int_equal(slot->userspace_addr, (uintptr_t)&page);
	assert_int_equal(slot->flags, 0);
}

static void kvm_vm_set_memslot__fails__names_slot_address_and_size(void **state)
{
	struct fixture *f = *state;
	fail_next(f, EEXIST);
	assert_int_equal(kvm_vm_set_memslot(f->vm, 3, gpa(0x1000), 0x5000, NULL, &f->e), -EEXIST);
	assert_contains(f->e.msg, "KVM_SET_USER_MEMORY_REGION, slot 3, gpa 0x1000, 0x5000 bytes");
}

static void kvm_vm_set_smm_memslot__region__is_of_the_second_address_space(void **state)
{
	struct fixture *f = *state;
	char page;
	assert_int_equal(kvm_vm_set_smm_memslot(f->vm, 3, gpa(0x38000), 0x5000, &page, &f->e), 0);
	const struct kvm_userspace_memory_region *slot = &f->fake->slots[0];
	assert_int_equal(slot->slot, 1 << 16 | 3);
	assert_int_equal(slot->guest_phys_addr, 0x38000);
	assert_int_equal(slot->memory_size, 0x5000);
	assert_int_equal(slot->userspace_addr, (uintptr_t)&page);
	fail_next(f, EINVAL);
	assert_int_equal(
		kvm_vm_set_smm_memslot(f->vm, 3, gpa(0x38000), 0x5000, &page, &f->e), -EINVAL);
	assert_contains(f->e.msg, "slot 3 of system management mode, gpa 0x38000, 0x5000 bytes");
}

static void kvm_vm_has_smm__mode_and_address_space__both_are_needed(void **state)
{
	struct fixture *f = *state;
	bool has = true;
	assert_int_equal(kvm_vm_has_smm(f->vm, &has, &f->e), 0);
	assert_false(has);
	f->fake->smm = true;
	assert_int_equal(kvm_vm_has_smm(f->vm, &has, &f->e), 0);
	assert_true(has);
	f->fake->absent_cap = KVM_CAP_MULTI_ADDRESS_SPACE;
	assert_int_equal(kvm_vm_has_smm(f->vm, &has, &f->e), 0);
	assert_false(has);
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_has_smm(f->vm, &has, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM");
	f->fake->fail_at += 2; /* the second call of the next */
	assert_int_equal(kvm_vm_has_smm(f->vm, &has, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE");
}

static void kvm_vm_set_intel_pages__each_ioctl_fails__is_named(void **state)
{
	struct fixture *f = *state;
	struct gpa tss = gpa(0xfffbd000), map = gpa(0xfffbc000);
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_set_intel_pages(f->vm, tss, map, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_IDENTITY_MAP_ADDR, gpa 0xfffbc000");
	f->fake->fail_at++;
	f->fake->fail_at++;
	assert_int_equal(kvm_vm_set_intel_pages(f->vm, tss, map, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_TSS_ADDR, gpa 0xfffbd000");
	assert_int_equal(kvm_vm_set_intel_pages(f->vm, tss, map, &f->e), 0);
	int at = fake_kvm_find(f->fake, "KVM_SET_TSS_ADDR", 0);
	assert_int_equal(f->fake->log[at].arg, 0xfffbd000);
}

static void kvm_vm_enable_x2apic_ids__capability__wide_ids_and_no_broadcast_quirk(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_enable_x2apic_ids(f->vm, &f->e), 0);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_X2APIC_API);
	assert_int_equal(f->fake->caps[0].args[0], 3);
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vm_enable_x2apic_ids(f->vm, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_CAP_X2APIC_API with 0x3");
}

static void kvm_vm_create_irqchip__in_kernel__irqchip_alone(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_create_irqchip(f->vm, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_IRQCHIP"), 1);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_PIT2"), 0);
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_create_irqchip(f->vm, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_CREATE_IRQCHIP");
}

static void kvm_vm_create_pit__flags__speaker_port_too(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_create_pit(f->vm, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_PIT2"), 1);
	assert_int_equal(f->fake->pit_flags, KVM_PIT_SPEAKER_DUMMY);
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_create_pit(f->vm, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_CREATE_PIT2");
}

static void kvm_vm_set_ioapic_id__id__and_nothing_else_changes(void **state)
{
	struct fixture *f = *state;
	f->fake->ioapic.base_address = 0xfec00000;
	f->fake->ioapic.redirtbl[23].bits = 0x10000;
	assert_int_equal(kvm_vm_set_ioapic_id(f->vm, 5, &f->e), 0);
	assert_int_equal(f->fake->ioapic.id, 5);
	assert_int_equal(f->fake->ioapic.base_address, 0xfec00000);
	assert_int_equal(f->fake->ioapic.redirtbl[23].bits, 0x10000);
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_set_ioapic_id(f->vm, 6, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_IRQCHIP");
	f->fake->fail_at += 2;
	assert_int_equal(kvm_vm_set_ioapic_id(f->vm, 6, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_IRQCHIP, I/O APIC with ID 6");
	assert_int_equal(f->fake->ioapic.id, 5);
}

static void kvm_vm_create_split_irqchip__pins__are_the_argument(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_create_split_irqchip(f->vm, 24, &f->e), 0);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_SPLIT_IRQCHIP);
	assert_int_equal(f->fake->caps[0].args[0], 24);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_IRQCHIP"), 0);
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vm_create_split_irqchip(f->vm, 24, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_CAP_SPLIT_IRQCHIP with 24 pins");
}

static void kvm_vm_irq_line__level__reaches_kvm(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_irq_line(f->vm, 4, true), 0);
	assert_int_equal(kvm_vm_irq_line(f->vm, 4, false), 0);
	assert_int_equal(f->fake->nr_irqs, 2);
	assert_int_equal(f->fake->irqs[0].gsi, 4);
	assert_true(f->fake->irqs[0].level && !f->fake->irqs[1].level);
	fail_next(f, ENXIO);
	assert_int_equal(kvm_vm_irq_line(f->vm, 99, true), -ENXIO);
}

static void kvm_vm_signal_msi__wide_address__is_split(void **state)
{
	struct fixture *f = *state;
	assert_true(kvm_vm_signal_msi(f->vm, 0x1fee01000, 0x4031) >= 0);
	assert_int_equal(f->fake->msis[0].address_lo, 0xfee01000);
	assert_int_equal(f->fake->msis[0].address_hi, 1);
	assert_int_equal(f->fake->msis[0].data, 0x4031);
}

struct pins {
	struct kvm_message messages[24];
	unsigned calls;
};

static bool read_pin(void *ctx, unsigned pin, struct kvm_message *ret_message)
{
	struct pins *p = ctx;
	p->calls++;
	*ret_message = p->messages[pin];
	return p->messages[pin].address != 0;
}

static void assert_message(
	const struct fixture *f, unsigned i, unsigned gsi, uint64_t address, uint32_t data)
{
	assert_true(i < f->fake->nr_routes);
	const struct kvm_irq_routing_entry *entry = &f->fake->routes[i];
	assert_int_equal(entry->gsi, gsi);
	assert_int_equal(entry->type, KVM_IRQ_ROUTING_MSI);
	assert_int_equal(entry->u.msi.address_lo, (uint32_t)address);
	assert_int_equal(entry->u.msi.address_hi, address >> 32);
	assert_int_equal(entry->u.msi.data, data);
}

static void kvm_vm_update_pins__some_routed__only_those_with_their_pin_as_gsi(void **state)
{
	struct fixture *f = *state;
	struct pins p = { .messages = {
				  [4] = { 0xfee00000, 0x31 }, [9] = { 0x2fee01000, 0x8032 } } };
	assert_int_equal(kvm_vm_update_pins(f->vm, 24, read_pin, &p, &f->e), 0);
	assert_int_equal(p.calls, 24);
	assert_int_equal(f->fake->nr_routes, 2);
	assert_message(f, 0, 4, 0xfee00000, 0x31);
	assert_message(f, 1, 9, 0x2fee01000, 0x8032);
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vm_update_pins(f->vm, 24, read_pin, &p, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_SET_GSI_ROUTING with 2 routes");
	assert_int_equal(kvm_vm_update_pins(f->vm, 25, read_pin, &p, &f->e), -EINVAL);
}

/* KVM takes the whole table: a device's message does not cost the pins theirs, nor the reverse. */
static void kvm_vm_set_gsi__beside_pins__both_are_there(void **state)
{
	struct fixture *f = *state;
	struct pins p = { .messages = { [4] = { 0xfee00000, 0x31 } } };
	const struct kvm_message message = { 0xfee02000, 0x41 };
	unsigned gsi = 0;
	assert_int_equal(kvm_vm_update_pins(f->vm, 24, read_pin, &p, &f->e), 0);
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
	assert_int_equal(gsi, 24);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_int_equal(f->fake->nr_routes, 2);
	assert_message(f, 0, 4, 0xfee00000, 0x31);
	assert_message(f, 1, 24, 0xfee02000, 0x41);
	p.messages[4].data = 0x32;
	assert_int_equal(kvm_vm_update_pins(f->vm, 24, read_pin, &p, &f->e), 0);
	assert_message(f, 0, 4, 0xfee00000, 0x32);
	assert_message(f, 1, 24, 0xfee02000, 0x41);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, NULL, &f->e), 0);
	assert_int_equal(f->fake->nr_routes, 1);
}

static bool has_chip_route(const struct fixture *f, unsigned gsi, unsigned chip, unsigned pin)
{
	unsigned n = 0;
	for (unsigned i = 0; i < f->fake->nr_routes; i++) {
		const struct kvm_irq_routing_entry *entry = &f->fake->routes[i];
		n += entry->type == KVM_IRQ_ROUTING_IRQCHIP && entry->gsi == gsi &&
		     entry->u.irqchip.irqchip == chip && entry->u.irqchip.pin == pin;
	}
	return n == 1;
}

/* Nothing is asked of KVM before there is a message: it has made these routes itself. */
static void kvm_vm_set_gsi__kernel_irqchip__its_own_routes_stay(void **state)
{
	struct fixture *f = *state;
	const struct kvm_message message = { 0xfee02000, 0x41 };
	unsigned gsi = 0;
	assert_int_equal(kvm_vm_create_irqchip(f->vm, &f->e), 0);
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, NULL, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_GSI_ROUTING"), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_int_equal(f->fake->nr_routes, 24 + 16 + 1);
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_true(has_chip_route(f, pin, KVM_IRQCHIP_IOAPIC, pin));
		assert_int_equal(has_chip_route(f, pin, KVM_IRQCHIP_PIC_MASTER, pin % 8), pin < 8);
		assert_int_equal(has_chip_route(f, pin, KVM_IRQCHIP_PIC_SLAVE, pin % 8),
			pin >= 8 && pin < 16);
	}
	assert_message(f, 40, 24, 0xfee02000, 0x41);
	/* An I/O APIC in user space has no place beside KVM's. */
	struct pins p = { .calls = 0 };
	assert_int_equal(kvm_vm_update_pins(f->vm, 24, read_pin, &p, &f->e), -EINVAL);
}

static void kvm_vm_set_gsi__the_same_again__kvm_is_not_asked(void **state)
{
	struct fixture *f = *state;
	struct kvm_message message = { 0xfee02000, 0x41 };
	unsigned gsi = 0;
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_GSI_ROUTING"), 1);
	message.data++;
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	message.address += 0x1000;
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_GSI_ROUTING"), 3);
}

static void kvm_vm_set_gsi__refused__stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct kvm_message message = { 0xfee02000, 0x41 };
	unsigned gsi = 0;
	assert_int_equal(kvm_vm_set_gsi(f->vm, 24, &message, &f->e), -EINVAL);
	assert_contains(f->e.msg, "GSI 24 was not added");
	assert_int_equal(kvm_vm_set_gsi(f->vm, 4, &message, &f->e), -EINVAL);
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	message.data = 0x42;
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), -EINVAL);
	/* What it has is still the former one, so that one is no change and this one is. */
	assert_message(f, 0, 24, 0xfee02000, 0x41);
	assert_int_equal(kvm_vm_set_gsi(f->vm, gsi, &message, &f->e), 0);
	assert_message(f, 0, 24, 0xfee02000, 0x42);
}

static void kvm_vm_add_gsi__until_kvm_has_no_more__refused_until_one_is_removed(void **state)
{
	struct fixture *f = *state;
	const struct kvm_message message = { 0xfee02000, 0x41 };
	unsigned gsi = 0;
	for (unsigned want = 24; want < FAKE_MAX_GSIS; want++) {
		assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
		assert_int_equal(gsi, want);
	}
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), -ENOSPC);
	assert_contains(f->e.msg, "KVM_CAP_IRQ_ROUTING");
	assert_int_equal(kvm_vm_set_gsi(f->vm, 27, &message, &f->e), 0);
	assert_int_equal(kvm_vm_set_gsi(f->vm, 27, NULL, &f->e), 0);
	kvm_vm_remove_gsi(f->vm, 27);
	assert_int_equal(kvm_vm_set_gsi(f->vm, 27, &message, &f->e), -EINVAL);
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), 0);
	assert_int_equal(gsi, 27);
	assert_int_equal(f->fake->nr_routes, 0);
	kvm_vm_remove_gsi(f->vm, 4); /* not added: nothing happens */
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_add_gsi(f->vm, &gsi, &f->e), -EIO);
}

static uint8_t read_bits[8] = { 0x05 }, write_bits[8] = { 0xff, 0xff };

static const struct msr_filter some_filter = {
	.ranges = { { .base = 0x3a, .count = 3, .read = true, .bitmap = read_bits },
		{ .base = 0x480, .count = 20, .write = true, .bitmap = write_bits } },
	.nr_ranges = 2,
};

static void kvm_vm_set_msr_filter__ranges__arrive_with_their_bitmaps_and_no_exits(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &some_filter, &f->e), 0);
	const struct kvm_msr_filter *got = &f->fake->filter;
	assert_int_equal(got->flags, KVM_MSR_FILTER_DEFAULT_ALLOW);
	assert_int_equal(got->ranges[0].base, 0x3a);
	assert_int_equal(got->ranges[0].nmsrs, 3);
	assert_int_equal(got->ranges[0].flags, KVM_MSR_FILTER_READ);
	assert_int_equal(got->ranges[1].flags, KVM_MSR_FILTER_WRITE);
	assert_int_equal(got->ranges[2].nmsrs, 0);
	assert_int_equal(f->fake->nr_caps, 0);
	for (uint32_t msr = 0x39; msr <= 0x494; msr++) {
		for (int write = 0; write < 2; write++)
			assert_int_equal(fake_kvm_filter_passes(f->fake, msr, write),
				msr_filter_passes(&some_filter, msr, write));
	}
}

static void kvm_vm_set_msr_filter__exits__are_enabled_before_the_filter(void **state)
{
	struct fixture *f = *state;
	struct msr_filter filter = some_filter;
	filter.exits = true;
	filter.default_deny = true;
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &filter, &f->e), 0);
	assert_int_equal(f->fake->filter.flags, KVM_MSR_FILTER_DEFAULT_DENY);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_X86_USER_SPACE_MSR);
	assert_int_equal(f->fake->caps[0].args[0], KVM_MSR_EXIT_REASON_FILTER);
	assert_true(fake_kvm_find(f->fake, "KVM_ENABLE_CAP", 0) <
		    fake_kvm_find(f->fake, "KVM_X86_SET_MSR_FILTER", 0));
}

static void kvm_vm_set_msr_filter__no_ranges__makes_no_call(void **state)
{
	struct fixture *f = *state;
	const struct msr_filter filter = { .exits = true };
	unsigned before = f->fake->nr_calls;
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &filter, &f->e), 0);
	assert_int_equal(f->fake->nr_calls, before);
}

static void kvm_vm_set_msr_filter__each_ioctl_fails__is_named(void **state)
{
	struct fixture *f = *state;
	struct msr_filter filter = some_filter;
	filter.exits = true;
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &filter, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_CAP_X86_USER_SPACE_MSR with 0x4");
	f->fake->fail_at = f->fake->nr_calls + 2;
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &filter, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_X86_SET_MSR_FILTER with 2 ranges");
}

/* Whatever a policy compiles to, KVM takes. */
static void kvm_vm_set_msr_filter__compiled_policies__are_taken(void **state)
{
	struct fixture *f = *state;
	struct msr_policy *p = calloc(1, sizeof(*p));
	struct msr_filter filter;
	assert_non_null(p);
	for (int deny = 0; deny < 2; deny++) {
		p->default_deny = deny;
		p->nr_rules = 0;
		for (uint32_t i = 0; i < 40; i++) {
			assert_int_equal(msr_filter_compile(p, true, &filter, &f->e), 0);
			assert_int_equal(kvm_vm_set_msr_filter(f->vm, &filter, &f->e), 0);
			msr_filter_done(&filter);
			struct msr_rule rule = { .first = i * 0x155,
				.last = i * 0x155 + i,
				.read = i % 3 ? MSR_DENY : MSR_KVM,
				.write = i % 2 ? MSR_IGNORE : MSR_KVM };
			if (rule.first / 0x100 != 8 && rule.last / 0x100 != 8)
				assert_int_equal(msr_policy_add(p, &rule, &f->e), 0);
		}
	}
	free(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kvm_vm_create__fails__names_the_ioctl),
		TEST(kvm_vm_create__interrupted__tries_again),
		TEST(kvm_vm_set_memslot__region__is_handed_over),
		TEST(kvm_vm_set_memslot__fails__names_slot_address_and_size),
		TEST(kvm_vm_set_smm_memslot__region__is_of_the_second_address_space),
		TEST(kvm_vm_has_smm__mode_and_address_space__both_are_needed),
		TEST(kvm_vm_set_intel_pages__each_ioctl_fails__is_named),
		TEST(kvm_vm_enable_x2apic_ids__capability__wide_ids_and_no_broadcast_quirk),
		TEST(kvm_vm_create_irqchip__in_kernel__irqchip_alone),
		TEST(kvm_vm_create_pit__flags__speaker_port_too),
		TEST(kvm_vm_set_ioapic_id__id__and_nothing_else_changes),
		TEST(kvm_vm_create_split_irqchip__pins__are_the_argument),
		TEST(kvm_vm_irq_line__level__reaches_kvm),
		TEST(kvm_vm_signal_msi__wide_address__is_split),
		TEST(kvm_vm_update_pins__some_routed__only_those_with_their_pin_as_gsi),
		TEST(kvm_vm_set_gsi__beside_pins__both_are_there),
		TEST(kvm_vm_set_gsi__kernel_irqchip__its_own_routes_stay),
		TEST(kvm_vm_set_gsi__the_same_again__kvm_is_not_asked),
		TEST(kvm_vm_set_gsi__refused__stays_as_it_was),
		TEST(kvm_vm_add_gsi__until_kvm_has_no_more__refused_until_one_is_removed),
		TEST(kvm_vm_set_msr_filter__ranges__arrive_with_their_bitmaps_and_no_exits),
		TEST(kvm_vm_set_msr_filter__exits__are_enabled_before_the_filter),
		TEST(kvm_vm_set_msr_filter__no_ranges__makes_no_call),
		TEST(kvm_vm_set_msr_filter__each_ioctl_fails__is_named),
		TEST(kvm_vm_set_msr_filter__compiled_policies__are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
