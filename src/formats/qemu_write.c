/* SPDX-License-Identifier: MIT */
/* What nestor's guest sees as QEMU's -cpu argument. */
#include "formats/input.h"
#include "formats/qemu_need.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char target[] = "QEMU's -cpu";

/* Of two bits under one name QEMU can only say that both are on, or both off. */
static bool twins_differ(
	const struct qemu_need *n, const struct feature *a, const struct feature *b)
{
	return feature_set_has(&n->on, a->id) != feature_set_has(&n->on, b->id) ||
	       feature_set_has(&n->off, a->id) != feature_set_has(&n->off, b->id);
}

static void write_feature(
	const struct qemu_need *n, FILE *out, feature_id id, bool on, struct losses *losses)
{
	const struct feature *f = feature_by_id(id);
	const char *name = f ? dialect_feature(DIALECT_QEMU, f) : NULL;
	char place[FEATURE_PLACE_BYTES], sign = on ? '+' : '-';
	if (!f)
		return;
	if (!name) {
		losses_add(losses, "%c%s: QEMU 10.0 has no name for it (%s)", sign, f->name,
			feature_place(place, id));
		shared_cover_feature(losses, id);
		return;
	}
	const struct feature *twin = dialect_qemu_twin(f);
	if (twin && twins_differ(n, f, twin)) {
		losses_add(losses,
			"%c%s: QEMU has one name for it and %s, and the policy does not say the "
			"same of both",
			sign, f->name, twin->name);
		shared_cover_feature(losses, id);
		return;
	}
	/* One word for both. */
	if (!twin || strcmp(name, f->name) == 0)
		(void)fprintf(out, ",%c%s", sign, name);
}

/* In the policy's order, then what follows from it. */
static void write_features(
	const struct qemu_need *n, const struct fold *f, FILE *out, struct losses *losses)
{
	struct feature_set rest = n->on, done = { { 0 } };
	feature_set_or(&rest, &n->off);
	for (size_t i = 0; i < f->policy->nr_features; i++) {
		const struct feature *feature = feature_find(f->policy->features[i].name);
		if (!feature || !feature_set_has(&rest, feature->id) ||
			feature_set_has(&done, feature->id))
			continue;
		feature_set_add(&done, feature->id);
		write_feature(n, out, feature->id, feature_set_has(&n->on, feature->id), losses);
	}
	feature_set_subtract(&rest, &done);
	for (feature_id id = feature_set_next(&rest, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&rest, (feature_id)(id + 1)))
		write_feature(n, out, id, feature_set_has(&n->on, id), losses);
}

static void write_text(FILE *out, const char *property, const char *text, struct losses *losses)
{
	(void)fprintf(out, ",%s=", property);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == ',')
			losses_add(losses,
				"%s: QEMU's -cpu cannot have a comma in it; written without",
				property);
		else
			(void)fputc(*p, out);
	}
}

/* Of a vendor whose hosts are taken for another's, too, QEMU shows the host's name. */
static void write_vendor(const struct qemu_need *n, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = n->policy;
	const struct cpu_model *m = n->subject->guests[0].cpu->model;
	const char *id = p->vendor.text ? cpuid_vendor_id(p->vendor.text) : NULL;
	if (!id && m && m->vendor_id[0] && strcmp(m->vendor_id, "GenuineIntel") != 0 &&
		strcmp(m->vendor_id, "AuthenticAMD") != 0 && !n->subject->of_qemu)
		id = m->vendor_id;
	if (!id)
		return;
	if (strlen(id) == 12 && !strchr(id, ','))
		(void)fprintf(out, ",vendor=%s", id);
	else
		losses_add(losses,
			"vendor = \"%s\": QEMU takes 12 characters, no comma (leaves "
			"0x0 and 0x80000000)",
			id);
}

static void write_identity(const struct qemu_need *n, FILE *out, struct losses *losses)
{
	write_vendor(n, out, losses);
	if (n->family)
		(void)fprintf(out, ",family=%u", n->family_value);
	if (n->number)
		(void)fprintf(out, ",model=%u", n->number_value);
	if (n->stepping)
		(void)fprintf(out, ",stepping=%u", n->stepping_value);
	if (n->brand[0])
		write_text(out, "model-id", n->brand, losses);
	if (n->width == QEMU_WIDTH_HOST)
		(void)fputs(",host-phys-bits=on", out);
	if (n->width == QEMU_WIDTH_NUMBER)
		(void)fprintf(out, "%s,phys-bits=%u", n->model ? "" : ",host-phys-bits=off",
			n->width_value);
	if (n->policy->tsc_khz.given)
		(void)fprintf(out, ",tsc-frequency=%" PRIu64 "%s", n->policy->tsc_khz.value * 1000,
			n->subject->of_qemu ? "" : ",vmware-cpuid-freq=off");
	if (n->level)
		(void)fprintf(out, ",level=%#" PRIx32, n->level_value);
	if (n->xlevel)
		(void)fprintf(out, ",xlevel=%#" PRIx32, n->xlevel_value);
}

static void write_modes(const struct qemu_need *n, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = n->policy;
	enum cpu_on_missing missing = p->on_missing_given ? p->on_missing : CPU_MISSING_ERROR;
	enum cpu_hypervisor hypervisor = p->hypervisor_given ? p->hypervisor : CPU_HYPERVISOR_KVM;
	if (hypervisor == CPU_HYPERVISOR_NONE)
		(void)fputs(",hypervisor=off,kvm=off", out);
	if (hypervisor == CPU_HYPERVISOR_HYPERV && !n->enlightened) {
		losses_add(losses,
			"hypervisor = \"hyperv\": QEMU shows Hyper-V's leaves where a "
			"hv-* property is on, and KVM's behind them (leaves 0x40000000 to "
			"0x4000001f and 0x40000100 to 0x4000011f)");
		shared_cover_hypervisor(losses);
	}
	if (n->host_caches && !n->model)
		(void)fputs(",host-cache-info=on", out);
	else if (n->host_caches)
		losses_add(losses,
			"cache = \"host\": QEMU has the host's caches with the models host and max "
			"alone (%s)",
			SHARED_CACHE_LEAVES);
	else if (p->cache == CPU_CACHE_NONE)
		losses_add(losses, "cache = \"none\": QEMU always describes caches (%s)",
			SHARED_CACHE_LEAVES);
	else if (!n->subject->of_qemu)
		losses_add(losses, "cache = \"emulate\": QEMU makes up other caches (%s)",
			SHARED_CACHE_LEAVES);
	if (!n->host_caches || n->model)
		shared_cover_caches(losses);
	if (n->migratable_off)
		(void)fputs(",migratable=off", out);
	if (n->pmu_off)
		(void)fputs(",pmu=off", out);
	if (missing == CPU_MISSING_ERROR && !n->subject->checked_before)
		(void)fputs(",enforce=on", out);
	else if (missing == CPU_MISSING_DROP)
		(void)fputs(",check=off", out);
}

/* The names are QEMU's own. */
static void write_hyperv(const struct qemu_need *n, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = n->policy;
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		const struct policy_feature *f = &p->hyperv_features[i];
		(void)fprintf(out, ",%s=%s", f->name, f->on ? "on" : "off");
	}
	if (p->hyperv_spinlock_retries.given)
		(void)fprintf(out, ",hv-spinlocks=%#" PRIx64, p->hyperv_spinlock_retries.value);
	if (p->hyperv_vendor_id.text)
		write_text(out, "hv-vendor-id", p->hyperv_vendor_id.text, losses);
}

/* Hyper-V's version, where it is another than the one of both programs. */
static void write_version(const struct qemu_need *n, FILE *out)
{
	static const struct {
		enum cpuid_reg reg;
		unsigned low, high, usual;
		char name[24];
	} fields[] = {
		{ CPUID_EAX, 0, 31, 14393, "hv-version-id-build" },
		{ CPUID_EBX, 16, 31, 10, "hv-version-id-major" },
		{ CPUID_EBX, 0, 15, 0, "hv-version-id-minor" },
		{ CPUID_ECX, 0, 31, 0, "hv-version-id-spack" },
		{ CPUID_EDX, 24, 31, 0, "hv-version-id-sbranch" },
		{ CPUID_EDX, 0, 23, 0, "hv-version-id-snumber" },
	};
	const struct cpuid_table *t = n->subject->guests[0].vcpu;
	for (size_t i = 0; n->hyperv && i < ARRAY_SIZE(fields); i++) {
		uint32_t value = cpuid_value(t, 0x40000002, 0, fields[i].reg) >> fields[i].low &
				 (uint32_t)bit_mask(fields[i].high - fields[i].low + 1);
		if (value != fields[i].usual)
			(void)fprintf(out, ",%s=%" PRIu32, fields[i].name, value);
	}
}

/* QEMU sets one MSR's first value, all of it. Bits of others are features, or have no word. */
static void write_ucode(const struct cpu_policy *p, FILE *out, struct losses *losses)
{
	uint64_t set = 0, clear = 0;
	bool given = false;
	for (size_t i = 0; i < p->nr_msr_bits; i++) {
		const struct policy_msr_bits *b = &p->msr_bits[i];
		if (b->index != MSR_IA32_UCODE_REV) {
			if (shared_unnamed_msr_bits(b))
				losses_add(losses,
					"bits of MSR %#x: %s sets none but the microcode revision",
					b->index, target);
			continue;
		}
		given = true;
		set |= b->set;
		clear |= b->clear;
	}
	if (given && (set | clear) != UINT64_MAX)
		losses_add(losses, "bits of MSR 0x8b: %s sets all of them or none", target);
	else if (given)
		(void)fprintf(out, ",ucode-rev=%#" PRIx64, set);
}

int qemu_cpu_write(
	const struct convert_subject *subject, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	struct qemu_need n;
	int rc = fold_init(&f, subject->policy, e);
	if (rc == 0)
		rc = qemu_need_make(&n, &f, subject, DIALECT_QEMU, target, losses, e);
	if (rc == 0) {
		(void)fputs(n.model_name, out);
		write_features(&n, &f, out, losses);
		write_identity(&n, out, losses);
		write_ucode(f.policy, out, losses);
		write_modes(&n, out, losses);
		write_hyperv(&n, out, losses);
		write_version(&n, out);
		(void)fputc('\n', out);
		unsigned says = SAYS_IDENTITY | SAYS_BRAND | SAYS_TSC | SAYS_MSR_BITS |
				SAYS_HYPERV | SAYS_LEVELS | (n.pmu_off ? SAYS_PMU : 0);
		shared_losses(losses, &f, target, says);
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the -cpu argument");
	}
	fold_done(&f);
	return rc;
}
