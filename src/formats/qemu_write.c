/* SPDX-License-Identifier: MIT */
/* A policy as QEMU's -cpu argument. */
#include "formats/convert.h"
#include "formats/dialect.h"
#include "formats/fold.h"
#include "formats/input.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char target[] = "QEMU's -cpu";

/* What QEMU's model has and nestor's has not goes, unless the policy asks for it. */
static int remove_extra(struct fold *f, struct err *e)
{
	struct feature_set extra;
	int rc = 0;
	if (!f->model)
		return 0;
	dialect_qemu_extra(f->model, &extra);
	for (feature_id id = feature_set_next(&extra, 0); rc == 0 && id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&extra, (feature_id)(id + 1)))
		rc = fold_add(f, id, false, e);
	return rc;
}

static int resolve_model(struct fold *f, struct losses *losses, struct err *e)
{
	if (f->model && !dialect_has_model(DIALECT_QEMU, f->model)) {
		const struct cpu_model *to = cpu_model_find("qemu64");
		const char *name = f->model_name;
		if (!to)
			return input_fail(e, "QEMU has no model %s", name);
		int rc = fold_rebase(f, to, e);
		if (rc)
			return rc;
		losses_add(losses,
			"model %s: QEMU has none of that name; written as qemu64 with its features",
			name);
	}
	return remove_extra(f, e);
}

/* Of two bits under one name QEMU can only say that both are on, or both off. */
static bool twins_differ(const struct fold *f, const struct feature *a, const struct feature *b)
{
	return feature_set_has(&f->on, a->id) != feature_set_has(&f->on, b->id) ||
	       feature_set_has(&f->off, a->id) != feature_set_has(&f->off, b->id);
}

static void write_features(const struct fold *f, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = f->policy;
	for (size_t i = 0; i < p->nr_features; i++) {
		const struct feature *feature = feature_find(p->features[i].name);
		const char *name = dialect_feature(DIALECT_QEMU, feature);
		char sign = p->features[i].on ? '+' : '-';
		if (!name) {
			losses_add(losses, "%c%s: QEMU has no name for it", sign, feature->name);
			continue;
		}
		const struct feature *twin = dialect_qemu_twin(feature);
		bool second = strcmp(name, feature->name) != 0;
		if (twin && twins_differ(f, feature, twin)) {
			losses_add(losses,
				"%c%s: QEMU has one name for it and %s, and the policy does not "
				"say "
				"the same of both",
				sign, feature->name, twin->name);
			continue;
		}
		if (feature->id == FEATURE_ID_hypervisor && p->hypervisor == CPU_HYPERVISOR_NONE)
			continue;
		if (!twin || !second)
			(void)fprintf(out, ",%c%s", sign, name);
	}
}

static void write_text(FILE *out, const char *property, const char *text, struct losses *losses)
{
	(void)fprintf(out, ",%s=", property);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == ',')
			losses_add(losses,
				"%s: QEMU's -cpu cannot have a comma in it; written "
				"without",
				property);
		else
			(void)fputc(*p, out);
	}
}

static void write_identity(const struct cpu_policy *p, FILE *out, struct losses *losses)
{
	if (p->vendor.text) {
		const char *id = cpuid_vendor_id(p->vendor.text);
		if (strlen(id) == 12 && !strchr(id, ','))
			(void)fprintf(out, ",vendor=%s", id);
		else
			losses_add(
				losses, "vendor = \"%s\": QEMU takes 12 characters, no comma", id);
	}
	if (p->family.given)
		(void)fprintf(out, ",family=%" PRIu64, p->family.value);
	if (p->model_number.given)
		(void)fprintf(out, ",model=%" PRIu64, p->model_number.value);
	if (p->stepping.given)
		(void)fprintf(out, ",stepping=%" PRIu64, p->stepping.value);
	if (p->brand.text)
		write_text(out, "model-id", p->brand.text, losses);
	if (p->phys_bits.given)
		(void)fprintf(out, ",phys-bits=%" PRIu64, p->phys_bits.value);
	if (p->tsc_khz.given)
		(void)fprintf(out, ",tsc-frequency=%" PRIu64, p->tsc_khz.value * 1000);
}

static void write_modes(const struct cpu_policy *p, FILE *out, struct losses *losses)
{
	enum cpu_on_missing missing = p->on_missing_given ? p->on_missing : CPU_MISSING_ERROR;
	enum cpu_hypervisor hypervisor = p->hypervisor_given ? p->hypervisor : CPU_HYPERVISOR_KVM;
	if (hypervisor == CPU_HYPERVISOR_NONE)
		(void)fputs(",hypervisor=off,kvm=off", out);
	if (hypervisor == CPU_HYPERVISOR_HYPERV)
		losses_add(losses, "hypervisor = \"hyperv\": QEMU shows Hyper-V's leaves where a "
				   "hv-* property is on, and KVM's behind them");
	if (p->cache_given && p->cache == CPU_CACHE_NONE)
		losses_add(losses, "cache = \"none\": QEMU always describes caches");
	else if (p->cache_given)
		(void)fprintf(
			out, ",host-cache-info=%s", p->cache == CPU_CACHE_HOST ? "on" : "off");
	(void)fputs(missing == CPU_MISSING_ERROR  ? ",enforce=on"
		    : missing == CPU_MISSING_WARN ? ",check=on"
						  : ",check=off",
		out);
}

/* The names are QEMU's own. hv-spinlocks is its number. */
static void write_hyperv(const struct cpu_policy *p, FILE *out, struct losses *losses)
{
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		const struct policy_feature *f = &p->hyperv_features[i];
		bool number = strcmp(f->name, "hv-spinlocks") == 0 ||
			      strcmp(f->name, "hv_spinlocks") == 0;
		if (!number)
			(void)fprintf(out, ",%s=%s", f->name, f->on ? "on" : "off");
	}
	if (p->hyperv_spinlock_retries.given)
		(void)fprintf(out, ",hv-spinlocks=%#" PRIx64, p->hyperv_spinlock_retries.value);
	if (p->hyperv_vendor_id.text)
		write_text(out, "hv-vendor-id", p->hyperv_vendor_id.text, losses);
}

/* QEMU sets one MSR's first value, all of it. */
static void write_ucode(const struct cpu_policy *p, FILE *out, struct losses *losses)
{
	uint64_t set = 0, clear = 0;
	bool given = false;
	for (size_t i = 0; i < p->nr_msr_bits; i++) {
		const struct policy_msr_bits *b = &p->msr_bits[i];
		if (b->index != MSR_IA32_UCODE_REV) {
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

int qemu_cpu_write(const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	int rc = fold_init(&f, policy, e);
	if (rc == 0)
		rc = resolve_model(&f, losses, e);
	if (rc == 0) {
		(void)fputs(f.model_name, out);
		write_features(&f, out, losses);
		write_identity(f.policy, out, losses);
		write_ucode(f.policy, out, losses);
		write_modes(f.policy, out, losses);
		write_hyperv(f.policy, out, losses);
		(void)fputc('\n', out);
		shared_losses(losses, &f, target,
			SAYS_IDENTITY | SAYS_BRAND | SAYS_TSC | SAYS_MSR_BITS | SAYS_HYPERV);
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the -cpu argument");
	}
	fold_done(&f);
	return rc;
}
