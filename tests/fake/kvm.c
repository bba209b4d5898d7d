/* SPDX-License-Identifier: MIT */
#include "fake/kvm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIO_PAGE 4096 /* where data of port exits lies in the shared pages */

/* Writes the call down; the errno (negative) with which it has to fail, or 0. */
static int enter(struct fake_kvm *f, const char *name, int fd, uint64_t arg)
{
	(void)pthread_mutex_lock(&f->lock);
	if (f->nr_calls < FAKE_MAX_LOG)
		f->log[f->nr_calls] = (struct fake_call){ name, fd, arg };
	const char *fail_name = f->fail_name;
	int rc = ++f->nr_calls == f->fail_at || (fail_name && strcmp(name, fail_name) == 0)
			 ? -f->fail_code
			 : 0;
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

static int new_fd(struct fake_kvm *f)
{
	int fd = memfd_create("fake-kvm", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)pthread_mutex_lock(&f->lock);
	f->fds[f->nr_fds++] = fd;
	(void)pthread_mutex_unlock(&f->lock);
	return fd;
}

static int fake_open(void *ctx, const char *path)
{
	(void)path;
	int rc = enter(ctx, "open", -1, 0);
	return rc ? rc : new_fd(ctx);
}

static void forget_vcpu(struct fake_kvm *f, int fd)
{
	for (unsigned i = 0; i < f->nr_vcpus; i++) {
		if (f->vcpus[i]->fd != fd)
			continue;
		free(f->vcpus[i]);
		f->nr_vcpus--;
		memmove(&f->vcpus[i], &f->vcpus[i + 1],
			(f->nr_vcpus - i) * sizeof(struct fake_vcpu *));
		return;
	}
}

static void fake_close(void *ctx, int fd)
{
	struct fake_kvm *f = ctx;
	bool known = false;
	(void)pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < f->nr_fds && !known; i++) {
		known = f->fds[i] == fd;
		if (known)
			f->fds[i] = f->fds[--f->nr_fds];
	}
	f->bad_calls += !known;
	forget_vcpu(f, fd);
	(void)pthread_mutex_unlock(&f->lock);
	if (known)
		(void)close(fd);
}

static struct fake_vcpu *find_vcpu(struct fake_kvm *f, int fd)
{
	for (unsigned i = f->nr_vcpus; i-- > 0;) {
		if (f->vcpus[i]->fd == fd)
			return f->vcpus[i];
	}
	return NULL;
}

static void *fake_map(void *ctx, int fd, size_t size, int *ret_code)
{
	struct fake_kvm *f = ctx;
	struct fake_vcpu *vcpu = find_vcpu(f, fd);
	*ret_code = enter(f, "map", fd, size);
	if (*ret_code)
		return NULL;
	if (!vcpu || ftruncate(fd, (off_t)size) < 0) {
		*ret_code = -EINVAL;
		return NULL;
	}
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		*ret_code = -errno;
		return NULL;
	}
	vcpu->run = p;
	f->nr_maps++;
	return p;
}

static void fake_unmap(void *ctx, void *p, size_t size)
{
	struct fake_kvm *f = ctx;
	for (unsigned i = 0; i < f->nr_vcpus; i++) {
		if (f->vcpus[i]->run != p)
			continue;
		f->vcpus[i]->run = NULL;
		f->nr_maps--;
		(void)munmap(p, size);
		return;
	}
	f->bad_calls++;
}

static int check_extension(const struct fake_kvm *f, unsigned long number)
{
	if (f->absent_cap >= 0 && (unsigned long)f->absent_cap == number)
		return 0;
	switch (number) {
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_NR_VCPUS:
		return (int)f->facts->max_vcpus;
	case KVM_CAP_MAX_VCPU_ID:
		return (int)f->facts->max_vcpu_id;
	case KVM_CAP_NR_MEMSLOTS:
		return (int)f->facts->nr_memslots;
	case KVM_CAP_TSC_DEADLINE_TIMER:
		return f->facts->tsc_deadline_timer;
	case KVM_CAP_SPLIT_IRQCHIP:
		return f->facts->split_irqchip;
	case KVM_CAP_NESTED_STATE:
		return f->facts->nested_state ? 4096 : 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		return f->facts->user_space_msr;
	case KVM_CAP_TSC_CONTROL:
		return f->facts->tsc_scaling;
	case KVM_CAP_IRQ_ROUTING:
		return FAKE_MAX_GSIS;
	case KVM_CAP_X86_SMM:
		return f->smm;
	case KVM_CAP_MULTI_ADDRESS_SPACE:
		return f->smm ? 2 : 1;
	case KVM_CAP_ADJUST_CLOCK:
		return f->no_realtime ? KVM_CLOCK_TSC_STABLE
				      : KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME;
	case KVM_CAP_HYPERV_ENFORCE_CPUID:
		return f->facts->hyperv_enforce_cpuid;
	default:
		return 1;
	}
}

static void entry_to_kvm(const struct cpuid_entry *from, struct kvm_cpuid_entry2 *to)
{
	*to = (struct kvm_cpuid_entry2){
		.function = from->leaf,
		.index = from->subleaf,
		.flags = from->subleaf_matters ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = from->reg[CPUID_EAX],
		.ebx = from->reg[CPUID_EBX],
		.ecx = from->reg[CPUID_ECX],
		.edx = from->reg[CPUID_EDX],
	};
}

static int give_cpuid(const struct cpuid_table *table, struct kvm_cpuid2 *c)
{
	if (c->nent < table->nr_entries)
		return -E2BIG;
	c->nent = table->nr_entries;
	for (unsigned i = 0; i < table->nr_entries; i++)
		entry_to_kvm(&table->entries[i], &c->entries[i]);
	return 0;
}

static int list_feature_msrs(const struct host_facts *facts, struct kvm_msr_list *list)
{
	uint32_t room = list->nmsrs;
	list->nmsrs = facts->nr_feature_msrs;
	if (room < facts->nr_feature_msrs)
		return -E2BIG;
	for (uint32_t i = 0; i < facts->nr_feature_msrs; i++)
		list->indices[i] = facts->feature_msrs[i].index;
	return 0;
}

/* Stops at an MSR that cannot be read, as KVM does. */
static int read_feature_msrs(const struct fake_kvm *f, struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		uint64_t value;
		struct kvm_msr_entry *entry = &msrs->entries[i];
		if ((f->refuse_msr && entry->index == f->refuse_msr) ||
			!host_feature_msr(f->facts, entry->index, &value))
			return (int)i;
		entry->data = value;
	}
	return (int)msrs->nmsrs;
}

static int system_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return f->api_version;
	case KVM_CHECK_EXTENSION:
		return check_extension(f, (unsigned long)(uintptr_t)arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return f->run_size;
	case KVM_GET_SUPPORTED_CPUID:
		return give_cpuid(&f->facts->supported, arg);
	case KVM_GET_EMULATED_CPUID:
		return give_cpuid(&f->facts->emulated, arg);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return give_cpuid(&f->facts->hyperv, arg);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return list_feature_msrs(f->facts, arg);
	case KVM_GET_MSRS:
		return read_feature_msrs(f, arg);
	case KVM_CREATE_VM:
		return new_fd(f);
	default:
		return -ENOTTY;
	}
}

static int create_vcpu(struct fake_kvm *f, uint32_t id)
{
	struct fake_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu || f->nr_vcpus == FAKE_MAX_VCPUS) {
		free(vcpu);
		return -ENOMEM;
	}
	vcpu->id = id;
	vcpu->fd = new_fd(f);
	vcpu->script = f->scripts[f->nr_vcpus];
	vcpu->tsc_khz = 2000000;
	vcpu->mp_state = UINT32_MAX;
	vcpu->sregs.cs.base = 0xffff0000;
	f->vcpus[f->nr_vcpus++] = vcpu;
	return vcpu->fd;
}

static int set_routes(struct fake_kvm *f, const struct kvm_irq_routing *table)
{
	if (table->nr > ARRAY_SIZE(f->routes))
		return -E2BIG;
	f->nr_routes = table->nr;
	for (uint32_t i = 0; i < table->nr; i++)
		f->routes[i] = table->entries[i];
	return 0;
}

static void free_filter(struct fake_kvm *f)
{
	for (unsigned i = 0; i < ARRAY_SIZE(f->filter.ranges); i++)
		free(f->filter.ranges[i].bitmap);
	f->filter = (struct kvm_msr_filter){ 0 };
}

/* Refuses what KVM refuses (KVM API, KVM_X86_SET_MSR_FILTER); copies whole longs, as KVM does. */
static int set_filter(struct fake_kvm *f, const struct kvm_msr_filter *filter)
{
	bool empty = true;
	if (filter->flags & ~(unsigned)KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (unsigned i = 0; i < ARRAY_SIZE(filter->ranges); i++) {
		const struct kvm_msr_filter_range *r = &filter->ranges[i];
		if (r->nmsrs == 0)
			continue;
		empty = false;
		if (r->flags == 0 || r->flags & ~3u ||
			(r->nmsrs + 63) / 64 * 8 > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
			return -EINVAL;
	}
	if (empty && filter->flags & KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	free_filter(f);
	f->filter = *filter;
	for (unsigned i = 0; i < ARRAY_SIZE(filter->ranges); i++) {
		size_t bytes = (filter->ranges[i].nmsrs + 63) / 64 * 8;
		f->filter.ranges[i].bitmap = bytes ? malloc(bytes) : NULL;
		if (bytes && !f->filter.ranges[i].bitmap) {
			for (unsigned j = i + 1; j < ARRAY_SIZE(filter->ranges); j++)
				f->filter.ranges[j].bitmap = NULL; /* the caller's */
			free_filter(f);
			return -ENOMEM;
		}
		if (bytes)
			memcpy(f->filter.ranges[i].bitmap, filter->ranges[i].bitmap, bytes);
	}
	return 0;
}

bool fake_kvm_filter_passes(const struct fake_kvm *f, uint32_t index, bool write)
{
	uint32_t flag = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	if (index >= 0x800 && index <= 0x8ff)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(f->filter.ranges); i++) {
		const struct kvm_msr_filter_range *r = &f->filter.ranges[i];
		if (r->flags & flag && index >= r->base && index - r->base < r->nmsrs)
			return r->bitmap[(index - r->base) / 8] >> (index - r->base) % 8 & 1;
	}
	return !(f->filter.flags & KVM_MSR_FILTER_DEFAULT_DENY);
}

static int enable_cap(struct fake_kvm *f, const struct kvm_enable_cap *cap)
{
	if (f->nr_caps < ARRAY_SIZE(f->caps))
		f->caps[f->nr_caps++] = *cap;
	if (cap->cap == KVM_CAP_X86_USER_SPACE_MSR)
		f->msr_exits = cap->args[0] & KVM_MSR_EXIT_REASON_FILTER;
	return 0;
}

/* Adds to a list that keeps the first so many; with f->lock held. */
#define KEEP(list, count, value)                                                                   \
	do {                                                                                       \
		if ((count) < ARRAY_SIZE(list))                                                    \
			(list)[(count)++] = (value);                                               \
	} while (0)

static int vm_ioctl_locked(struct fake_kvm *f, unsigned long request, void *arg)
{
	const struct kvm_irq_level *irq = arg;
	switch (request) {
	case KVM_SET_USER_MEMORY_REGION:
		KEEP(f->slots, f->nr_slots, *(const struct kvm_userspace_memory_region *)arg);
		return 0;
	case KVM_ENABLE_CAP:
		return enable_cap(f, arg);
	case KVM_CREATE_PIT2:
		f->pit_flags = ((const struct kvm_pit_config *)arg)->flags;
		return 0;
	case KVM_GET_IRQCHIP:
		if (((const struct kvm_irqchip *)arg)->chip_id != KVM_IRQCHIP_IOAPIC)
			return -EINVAL;
		((struct kvm_irqchip *)arg)->chip.ioapic = f->ioapic;
		return 0;
	case KVM_SET_IRQCHIP:
		if (((const struct kvm_irqchip *)arg)->chip_id != KVM_IRQCHIP_IOAPIC)
			return -EINVAL;
		f->ioapic = ((const struct kvm_irqchip *)arg)->chip.ioapic;
		return 0;
	case KVM_IRQ_LINE:
		KEEP(f->irqs, f->nr_irqs, ((struct fake_irq){ irq->irq, irq->level != 0 }));
		return 0;
	case KVM_SIGNAL_MSI:
		KEEP(f->msis, f->nr_msis, *(const struct kvm_msi *)arg);
		return 1;
	case KVM_SET_GSI_ROUTING:
		return set_routes(f, arg);
	case KVM_X86_SET_MSR_FILTER:
		return set_filter(f, arg);
	case KVM_GET_PIT2:
		*(struct kvm_pit_state2 *)arg = f->pit;
		return 0;
	case KVM_SET_PIT2:
		f->pit = *(const struct kvm_pit_state2 *)arg;
		return 0;
	case KVM_GET_CLOCK:
		((struct kvm_clock_data *)arg)->clock = f->clock_ns;
		return 0;
	case KVM_SET_CLOCK:
		f->clock_ns = ((const struct kvm_clock_data *)arg)->clock;
		f->clock_wall_ns = ((const struct kvm_clock_data *)arg)->flags & KVM_CLOCK_REALTIME
					   ? ((const struct kvm_clock_data *)arg)->realtime
					   : 0;
		return 0;
	case KVM_SET_IDENTITY_MAP_ADDR:
	case KVM_SET_TSS_ADDR:
	case KVM_CREATE_IRQCHIP:
		return 0;
	default:
		return -ENOTTY;
	}
}

static int vm_ioctl(struct fake_kvm *f, unsigned long request, void *arg)
{
	if (request == KVM_CREATE_VCPU)
		return create_vcpu(f, (uint32_t)(uintptr_t)arg);
	(void)pthread_mutex_lock(&f->lock);
	int rc = vm_ioctl_locked(f, request, arg);
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

/* The bits that this KVM does not keep. */
static void rewrite(const struct fake_kvm *f, struct cpuid_table *table)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->rewrites); i++) {
		const struct fake_rewrite *r = &f->rewrites[i];
		struct cpuid_entry *e = cpuid_find(table, r->leaf, r->subleaf);
		if (e)
			e->reg[r->reg] = (e->reg[r->reg] & ~r->drop) | r->add;
	}
}

static int set_cpuid(const struct fake_kvm *f, struct fake_vcpu *vcpu, const struct kvm_cpuid2 *c)
{
	vcpu->cpuid.nr_entries = 0;
	for (uint32_t i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *from = &c->entries[i];
		vcpu->cpuid.entries[vcpu->cpuid.nr_entries++] = (struct cpuid_entry){
			.leaf = from->function,
			.subleaf = from->index,
			.subleaf_matters = from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.reg = { from->eax, from->ebx, from->ecx, from->edx },
		};
	}
	rewrite(f, &vcpu->cpuid);
	return 0;
}

static struct kvm_msr_entry *find_msr(struct fake_vcpu *vcpu, uint32_t index)
{
	for (unsigned i = 0; i < vcpu->nr_msrs; i++) {
		if (vcpu->msrs[i].index == index)
			return &vcpu->msrs[i];
	}
	return NULL;
}

static void set_msr(const struct fake_kvm *f, struct fake_vcpu *vcpu, struct kvm_msr_entry entry)
{
	struct kvm_msr_entry *there = find_msr(vcpu, entry.index);
	if (f->lossy_msr && entry.index == f->lossy_msr)
		entry.data = 0;
	if (f->sticky_msr && entry.index == f->sticky_msr)
		entry.data |= UINT64_C(1) << 63;
	if (there)
		*there = entry;
	else
		KEEP(vcpu->msrs, vcpu->nr_msrs, entry);
}

/* What KVM makes from other MSRs or from CPUID, and takes no value for. */
static bool is_derived(uint32_t index)
{
	return (index >= 0x481 && index <= 0x484) || index == 0x487 || index == 0x489;
}

static int set_msrs(const struct fake_kvm *f, struct fake_vcpu *vcpu, const struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		if (f->refuse_msr && msrs->entries[i].index == f->refuse_msr)
			return (int)i;
		if (f->zero_msr && msrs->entries[i].index == f->zero_msr && msrs->entries[i].data)
			return f->zero_msr_fails ? -EINVAL : (int)i;
		if (is_derived(msrs->entries[i].index))
			return (int)i;
		set_msr(f, vcpu, msrs->entries[i]);
	}
	return (int)msrs->nmsrs;
}

/* One that was never set reads 0. */
static int get_msrs(const struct fake_kvm *f, struct fake_vcpu *vcpu, struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		struct kvm_msr_entry *entry = &msrs->entries[i];
		uint32_t twin = entry->index >= 0x481 && entry->index <= 0x484 ? 0x48d - 0x481 : 0;
		const struct kvm_msr_entry *there = find_msr(vcpu, entry->index + twin);
		if (f->refuse_msr && entry->index == f->refuse_msr)
			return (int)i;
		entry->data = there ? there->data : 0;
		if (entry->index == 0x10 && !there)
			entry->data = f->tsc + vcpu->tsc_offset;
	}
	return (int)msrs->nmsrs;
}

/* What was set, but for what a test wants otherwise. */
static int get_cpuid(const struct fake_kvm *f, const struct fake_vcpu *vcpu, struct kvm_cpuid2 *c)
{
	int rc = give_cpuid(&vcpu->cpuid, c);
	for (uint32_t i = 0; rc == 0 && i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];
		if (f->lossy_leaf && e->function == f->lossy_leaf && f->forgets_leaf)
			e->function = 0x7fffffff;
		else if (f->lossy_leaf && e->function == f->lossy_leaf)
			e->eax ^= 1;
		if (f->shows_vmx && e->function == 1)
			e->ecx |= 1u << 5;
		if (!f->run_time_bits)
			continue;
		if (e->function == 1) { /* OSXSAVE off, APIC on */
			e->ecx &= ~(1u << 27);
			e->edx |= 1u << 9;
		} else if (e->function == 7 && e->index == 0) {
			e->ecx &= ~(1u << 4); /* OSPKE off */
		} else if (e->function == 0xd && e->index == 0) {
			e->ebx = 576;
		}
	}
	return rc;
}

/* Waits for a kick, missing none: as in KVM, the signal is let in only while waiting. */
static int wait_for_kick(const struct fake_vcpu *vcpu)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	while (!__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_ACQUIRE)) {
		if (ppoll(NULL, 0, NULL, &before) < 0)
			break;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -EINTR;
}

/* What an MSR access of the guest came to. */
static void keep_msr_result(struct fake_vcpu *vcpu, bool fault, uint64_t value)
{
	KEEP(vcpu->reads, vcpu->nr_reads, fault ? FAKE_GP : value);
}

/* 0: the filter stopped it, and it exits; 1: done. */
static int access_msr(struct fake_kvm *f, struct fake_vcpu *vcpu, const struct fake_step *step)
{
	bool write = step->kind == FAKE_WRMSR;
	uint32_t index = (uint32_t)step->addr;
	const struct kvm_msr_entry *there = find_msr(vcpu, index);
	if (fake_kvm_filter_passes(f, index, write)) {
		if (write)
			set_msr(f, vcpu,
				(struct kvm_msr_entry){ .index = index, .data = step->value });
		keep_msr_result(vcpu, false, write || !there ? 0 : there->data);
		return 1;
	}
	if (!f->msr_exits) {
		keep_msr_result(vcpu, true, 0);
		return 1;
	}
	vcpu->run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	vcpu->run->msr.error = 0;
	vcpu->run->msr.reason = KVM_MSR_EXIT_REASON_FILTER;
	vcpu->run->msr.index = index;
	vcpu->run->msr.data = write ? step->value : 0;
	vcpu->answer_to = step;
	return 0;
}

/* The answer to the access that was the last exit. */
static void take_answer(struct fake_vcpu *vcpu)
{
	const struct fake_step *step = vcpu->answer_to;
	if (step->kind == FAKE_RDMSR || step->kind == FAKE_WRMSR) {
		keep_msr_result(vcpu, vcpu->run->msr.error,
			step->kind == FAKE_RDMSR ? vcpu->run->msr.data : 0);
		vcpu->answer_to = NULL;
		return;
	}
	if (step->kind == FAKE_HYPERV) {
		bool hypercall = step->addr == KVM_EXIT_HYPERV_HCALL;
		KEEP(vcpu->reads, vcpu->nr_reads,
			hypercall ? vcpu->run->hyperv.u.hcall.result
				  : vcpu->run->hyperv.u.syndbg.status);
		vcpu->answer_to = NULL;
		return;
	}
	const uint8_t *from = step->kind == FAKE_IN ? (const uint8_t *)vcpu->run + PIO_PAGE
						    : vcpu->run->mmio.data;
	for (uint32_t i = 0; i < (step->count ? step->count : 1); i++, from += step->size) {
		uint64_t value = 0;
		memcpy(&value, from, step->size);
		KEEP(vcpu->reads, vcpu->nr_reads, value);
	}
	vcpu->answer_to = NULL;
}

static void exit_io(struct fake_vcpu *vcpu, const struct fake_step *step)
{
	struct kvm_run *run = vcpu->run;
	uint32_t count = step->count ? step->count : 1;
	bool out = step->kind == FAKE_OUT;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.port = (uint16_t)step->addr;
	run->io.size = (uint8_t)step->size;
	run->io.count = count;
	run->io.data_offset = PIO_PAGE;
	if (out)
		memcpy((uint8_t *)run + PIO_PAGE, step->data, (size_t)step->size * count);
	else
		vcpu->answer_to = step;
}

static void exit_mmio(struct fake_vcpu *vcpu, const struct fake_step *step)
{
	struct kvm_run *run = vcpu->run;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = step->addr;
	run->mmio.len = step->size;
	run->mmio.is_write = step->kind == FAKE_MMIO_WRITE;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (step->kind == FAKE_MMIO_WRITE)
		memcpy(run->mmio.data, &step->value, step->size);
	else
		vcpu->answer_to = step;
}

/* What was not answered reads as ~0. */
static void exit_hyperv(struct fake_vcpu *vcpu, const struct fake_step *step)
{
	struct kvm_hyperv_exit *h = &vcpu->run->hyperv;
	vcpu->run->exit_reason = KVM_EXIT_HYPERV;
	h->type = (uint32_t)step->addr;
	if (step->addr == KVM_EXIT_HYPERV_HCALL) {
		h->u.hcall.input = step->value;
		h->u.hcall.result = UINT64_MAX;
	} else if (step->addr == KVM_EXIT_HYPERV_SYNDBG) {
		h->u.syndbg.status = UINT64_MAX;
	}
	if (step->addr != KVM_EXIT_HYPERV_SYNIC)
		vcpu->answer_to = step;
}

static void exit_other(struct kvm_run *run, const struct fake_step *step)
{
	if (step->kind == FAKE_FAIL_ENTRY) {
		run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		run->fail_entry.hardware_entry_failure_reason = step->value;
	} else if (step->kind == FAKE_INTERNAL) {
		run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
		run->internal.suberror = (uint32_t)step->value;
		run->internal.ndata = step->count ? step->count : 2;
		for (unsigned i = 0; i < ARRAY_SIZE(run->internal.data); i++)
			run->internal.data[i] = i < 2 ? (i ? 0xdef : 0xabc) : 0xd00 + i;
	} else if (step->kind == FAKE_SYSTEM_EVENT) {
		run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
		run->system_event.type = (uint32_t)step->value;
	} else if (step->kind == FAKE_EOI) {
		run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		run->eoi.vector = (uint8_t)step->value;
	} else {
		run->exit_reason = (uint32_t)step->value;
	}
}

/* Plays the step on; 0: an exit, 1: no exit, go on, or a negative errno. */
static int play(struct fake_kvm *f, struct fake_vcpu *vcpu, const struct fake_step *step)
{
	switch (step->kind) {
	case FAKE_RDMSR:
	case FAKE_WRMSR:
		vcpu->at++;
		return access_msr(f, vcpu, step);
	case FAKE_END:
		return wait_for_kick(vcpu);
	case FAKE_OUT:
	case FAKE_IN:
		exit_io(vcpu, step);
		break;
	case FAKE_MMIO_READ:
	case FAKE_MMIO_WRITE:
		exit_mmio(vcpu, step);
		break;
	case FAKE_HYPERV:
		exit_hyperv(vcpu, step);
		break;
	case FAKE_EXIT:
	case FAKE_FAIL_ENTRY:
	case FAKE_INTERNAL:
	case FAKE_SYSTEM_EVENT:
	case FAKE_EOI:
		exit_other(vcpu->run, step);
		break;
	case FAKE_ERRNO:
		vcpu->at++;
		return -(int)step->value;
	case FAKE_CALL:
		vcpu->at++;
		step->fn(step->fn_ctx);
		return 1;
	case FAKE_REPEAT:
		vcpu->at = 0;
		return 1;
	}
	vcpu->at++;
	return 0;
}

static int run(struct fake_kvm *f, struct fake_vcpu *vcpu)
{
	static const struct fake_step end = { .kind = FAKE_END };
	vcpu->runs++;
	vcpu->thread = pthread_self();
	if (vcpu->answer_to)
		take_answer(vcpu);
	if (f->on_run)
		f->on_run(f->on_run_ctx, vcpu);
	if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_ACQUIRE))
		return -EINTR;
	int rc;
	do {
		rc = play(f, vcpu, vcpu->script ? &vcpu->script[vcpu->at] : &end);
	} while (rc > 0);
	return rc;
}

/* KVM_VCPU_TSC_OFFSET, and what else a vCPU's own thread alone does once it runs. */
static int vcpu_time_ioctl(
	struct fake_kvm *f, struct fake_vcpu *vcpu, unsigned long request, void *arg)
{
	const struct kvm_device_attr *attr = arg;
	if (vcpu->runs > 0 && !pthread_equal(vcpu->thread, pthread_self())) {
		(void)pthread_mutex_lock(&f->lock);
		f->bad_calls++;
		(void)pthread_mutex_unlock(&f->lock);
	}
	if (request == KVM_KVMCLOCK_CTRL) {
		vcpu->told_paused++;
		return 0;
	}
	if (f->no_tsc_offset || attr->group != 0 || attr->attr != 0)
		return -ENXIO;
	if (request == KVM_GET_DEVICE_ATTR)
		*(uint64_t *)(uintptr_t)attr->addr = vcpu->tsc_offset;
	else if (request == KVM_SET_DEVICE_ATTR && !f->forgets_tsc_offset)
		vcpu->tsc_offset = *(const uint64_t *)(uintptr_t)attr->addr;
	return 0;
}

static int vcpu_ioctl(struct fake_kvm *f, struct fake_vcpu *vcpu, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_ENABLE_CAP: {
		const struct kvm_enable_cap *cap = arg;
		if (cap->cap == KVM_CAP_HYPERV_ENLIGHTENED_VMCS)
			*(uint16_t *)(uintptr_t)cap->args[0] = f->evmcs_versions;
		return 0;
	}
	case KVM_SET_CPUID2:
		return set_cpuid(f, vcpu, arg);
	case KVM_GET_CPUID2:
		return get_cpuid(f, vcpu, arg);
	case KVM_SET_MSRS:
		return set_msrs(f, vcpu, arg);
	case KVM_GET_MSRS:
		return get_msrs(f, vcpu, arg);
	case KVM_SET_TSC_KHZ:
		vcpu->tsc_khz = (unsigned)(uintptr_t)arg;
		return 0;
	case KVM_GET_TSC_KHZ:
		return (int)(vcpu->tsc_khz - f->lossy_tsc);
	case KVM_SET_MP_STATE:
		vcpu->mp_state = ((const struct kvm_mp_state *)arg)->mp_state;
		return 0;
	case KVM_GET_SREGS:
		*(struct kvm_sregs *)arg = vcpu->sregs;
		return 0;
	case KVM_SET_SREGS:
		vcpu->sregs = *(const struct kvm_sregs *)arg;
		return 0;
	case KVM_GET_REGS:
		*(struct kvm_regs *)arg = vcpu->regs;
		return f->regs_fail ? -EIO : 0;
	case KVM_SET_REGS:
		vcpu->regs = *(const struct kvm_regs *)arg;
		return 0;
	case KVM_GET_LAPIC:
		*(struct kvm_lapic_state *)arg = vcpu->lapic;
		return 0;
	case KVM_SET_LAPIC:
		vcpu->lapic = *(const struct kvm_lapic_state *)arg;
		return 0;
	case KVM_TRANSLATE: {
		struct kvm_translation *t = arg;
		t->valid = !f->translate_fails;
		t->physical_address = t->linear_address;
		return 0;
	}
	case KVM_KVMCLOCK_CTRL:
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return vcpu_time_ioctl(f, vcpu, request, arg);
	case KVM_RUN:
		return run(f, vcpu);
	default:
		return -ENOTTY;
	}
}

static uint64_t number_argument(unsigned long request, const void *arg)
{
	if (request == KVM_ENABLE_CAP)
		return ((const struct kvm_enable_cap *)arg)->cap;
	if (_IOC_SIZE(request) == 0)
		return (uintptr_t)arg;
	return 0;
}

static int fake_ioctl(void *ctx, int fd, unsigned long request, const char *name, void *arg)
{
	struct fake_kvm *f = ctx;
	int rc = enter(f, name, fd, number_argument(request, arg));
	if (rc)
		return rc;
	struct fake_vcpu *vcpu = find_vcpu(f, fd);
	if (vcpu)
		return vcpu_ioctl(f, vcpu, request, arg);
	rc = system_ioctl(f, request, arg);
	return rc == -ENOTTY ? vm_ioctl(f, request, arg) : rc;
}

struct fake_kvm *fake_kvm_create(const struct host_facts *facts)
{
	struct fake_kvm *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->calls = (struct kvm_calls){ .open = fake_open,
		.ioctl = fake_ioctl,
		.map = fake_map,
		.unmap = fake_unmap,
		.close = fake_close,
		.ctx = f };
	f->facts = facts;
	f->api_version = 12;
	f->absent_cap = -1;
	f->run_size = 3 * 4096;
	f->fail_code = EIO;
	(void)pthread_mutex_init(&f->lock, NULL);
	return f;
}

void fake_kvm_destroy(struct fake_kvm *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->nr_vcpus; i++)
		free(f->vcpus[i]);
	free_filter(f);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

bool fake_kvm_is_clean(const struct fake_kvm *f)
{
	return f->nr_fds == 0 && f->nr_maps == 0 && f->bad_calls == 0;
}

int fake_kvm_find(const struct fake_kvm *f, const char *name, unsigned from)
{
	for (unsigned i = from; i < f->nr_calls && i < FAKE_MAX_LOG; i++) {
		if (strcmp(f->log[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

unsigned fake_kvm_count(const struct fake_kvm *f, const char *name)
{
	unsigned n = 0;
	for (unsigned i = 0; i < f->nr_calls && i < FAKE_MAX_LOG; i++)
		n += strcmp(f->log[i].name, name) == 0;
	return n;
}
