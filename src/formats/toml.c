/* SPDX-License-Identifier: MIT */
/* A policy as the tables [cpu], [msr] and [hyperv] of a VM's config; the first two are a model
 * file, too. */
#include "base/toml_string.h"
#include "cpuid/fields.h"
#include "formats/convert.h"
#include "formats/fold.h"
#include "formats/input.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FEATURES_IN_A_LINE 4 /* more are written one a line */

static int write_string(
	FILE *out, const char *table, const char *key, const char *text, struct err *e)
{
	if (!input_is_utf8(text, strlen(text)))
		return input_fail(e, "%s.%s: %s is not UTF-8 text", table, key, text);
	(void)fprintf(out, "%s = ", key);
	toml_put_string(out, text);
	(void)fputc('\n', out);
	return 0;
}

static void write_features(FILE *out, const struct policy_feature *features, size_t n)
{
	bool lines = n > FEATURES_IN_A_LINE;
	if (n == 0)
		return;
	(void)fputs("features = [", out);
	for (size_t i = 0; i < n; i++) {
		const char *separator = lines ? "\n\t" : i ? ", " : "";
		(void)fprintf(out, "%s\"%c%s\"%s", separator, features[i].on ? '+' : '-',
			features[i].name, lines ? "," : "");
	}
	(void)fputs(lines ? "\n]\n" : "]\n", out);
}

static void write_number(FILE *out, const char *key, const struct policy_number *n)
{
	if (n->given)
		(void)fprintf(out, "%s = %" PRIu64 "\n", key, n->value);
}

static void write_topology(FILE *out, const struct policy_topology *t)
{
	if (t->sockets <= 1 && t->dies <= 1 && t->cores <= 1 && t->threads <= 1)
		return;
	(void)fprintf(out, "sockets = %u\n", t->sockets);
	if (t->dies > 1)
		(void)fprintf(out, "dies = %u\n", t->dies);
	(void)fprintf(out, "cores = %u\nthreads = %u\n", t->cores, t->threads);
}

static void write_modes(FILE *out, const struct cpu_policy *p)
{
	static const char *const hypervisors[] = { [CPU_HYPERVISOR_KVM] = "kvm",
		[CPU_HYPERVISOR_HYPERV] = "hyperv",
		[CPU_HYPERVISOR_NONE] = "none" };
	static const char *const missing[] = { [CPU_MISSING_ERROR] = "error",
		[CPU_MISSING_WARN] = "warn",
		[CPU_MISSING_DROP] = "drop" };
	static const char *const caches[] = { [CPU_CACHE_HOST] = "host",
		[CPU_CACHE_EMULATE] = "emulate",
		[CPU_CACHE_NONE] = "none" };
	if (p->hypervisor_given)
		(void)fprintf(out, "hypervisor = \"%s\"\n", hypervisors[p->hypervisor]);
	if (p->on_missing_given)
		(void)fprintf(out, "on_missing = \"%s\"\n", missing[p->on_missing]);
	if (p->cache_given)
		(void)fprintf(out, "cache = \"%s\"\n", caches[p->cache]);
	if (p->migration != CPU_MIGRATION_OFF)
		(void)fputs("compatibility_for_migration_enabled = true\n", out);
	if (p->migration == CPU_MIGRATION_MINIMUM)
		(void)fputs("compatibility_for_migration_mode = \"minimum_feature_set\"\n", out);
	/* A policy has what the cluster's hosts share, but not the names of their files. */
	if (p->migration == CPU_MIGRATION_CLUSTER)
		(void)fputs("compatibility_for_migration_mode = \"common_cluster_feature_set\"\n"
			    "# migration_cluster = [ ] # needed: the host files of the cluster\n",
			out);
	if (p->older_os)
		(void)fputs("compatibility_for_older_operating_systems = true\n", out);
}

static int write_cpu(FILE *out, const struct cpu_policy *p, struct err *e)
{
	int rc = 0;
	(void)fputs("[cpu]\n", out);
	if (p->model.text)
		rc = write_string(out, "cpu", "model", p->model.text, e);
	write_features(out, p->features, p->nr_features);
	if (rc == 0 && p->vendor.text)
		rc = write_string(out, "cpu", "vendor", p->vendor.text, e);
	if (rc == 0 && p->host_vendor.text)
		rc = write_string(out, "cpu", "host_vendor", p->host_vendor.text, e);
	write_number(out, "family", &p->family);
	write_number(out, "model_number", &p->model_number);
	write_number(out, "stepping", &p->stepping);
	if (rc == 0 && p->brand.text)
		rc = write_string(out, "cpu", "brand", p->brand.text, e);
	write_number(out, "phys_bits", &p->phys_bits);
	if (p->tsc_khz.given)
		(void)fprintf(out, "tsc_frequency = \"%" PRIu64 "kHz\"\n", p->tsc_khz.value);
	write_modes(out, p);
	write_topology(out, &p->topology);
	return rc;
}

static void write_mask(FILE *out, unsigned width, uint64_t set, uint64_t clear)
{
	(void)fputs("mask = \"", out);
	for (unsigned i = width; i-- > 0;)
		(void)fputc(set >> i & 1 ? '1' : clear >> i & 1 ? '0' : 'x', out);
	(void)fputs("\"\n", out);
}

static void write_leaves(FILE *out, const struct cpu_policy *p)
{
	for (size_t i = 0; i < p->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		(void)fprintf(out, "\n[[cpu.leaves]]\nleaf = 0x%x\n", l->leaf);
		if (!l->any_subleaf)
			(void)fprintf(out, "subleaf = 0x%x\n", l->subleaf);
		(void)fprintf(out, "register = \"%s\"\n", cpuid_reg_name(l->reg));
		write_mask(out, 32, l->set, l->clear);
	}
}

static void write_rule(FILE *out, const struct msr_rule *r, const char *action)
{
	(void)fputs("\n[[msr.rules]]\n", out);
	if (r->first == r->last)
		(void)fprintf(out, "index = 0x%x\n", r->first);
	else
		(void)fprintf(out, "first = 0x%x\nlast = 0x%x\n", r->first, r->last);
	(void)fprintf(out, "action = \"%s\"\n", action);
	/* TOML's integers end at 2^63 - 1; the key takes a string as well. */
	if (strcmp(action, "read-as") == 0)
		(void)fprintf(out, "value = \"0x%" PRIx64 "\"\n", r->value);
	if (r->log)
		(void)fputs("log = true\n", out);
}

/* The config's actions rule both directions (allow, deny) or one; others are put together. */
static int write_actions(FILE *out, const struct msr_rule *r, struct err *e)
{
	bool read_as = r->read == MSR_VALUE, ignore = r->write == MSR_IGNORE;
	enum msr_action other = read_as ? r->write : r->read;
	if (!read_as && !ignore && r->read != r->write)
		return input_fail(e,
			"the rule for MSR %#x allows one direction and denies the other, "
			"for which the config has no word",
			r->first);
	if (!(read_as && ignore) && other == MSR_KVM)
		write_rule(out, r, "allow");
	if (!(read_as && ignore) && other == MSR_DENY)
		write_rule(out, r, "deny");
	if (read_as)
		write_rule(out, r, "read-as");
	if (ignore)
		write_rule(out, r, "ignore-write");
	return 0;
}

static int write_msrs(FILE *out, const struct cpu_policy *p, struct err *e)
{
	int rc = 0;
	if (p->msr_default_deny)
		(void)fputs("\n[msr]\ndefault = \"deny\"\n", out);
	for (size_t i = 0; rc == 0 && i < p->nr_msr_rules; i++)
		rc = write_actions(out, &p->msr_rules[i], e);
	for (size_t i = 0; i < p->nr_msr_bits; i++) {
		const struct policy_msr_bits *b = &p->msr_bits[i];
		(void)fprintf(out, "\n[[msr.bits]]\nindex = 0x%x\n", b->index);
		write_mask(out, 64, b->set, b->clear);
	}
	return rc;
}

/* The knob is written where it is said: hidden is the default. */
static void write_nesting(FILE *out, const struct cpu_policy *p)
{
	const struct policy_nesting *n = &p->nesting;
	bool exposed = n->knob == POLICY_KNOB_EXPOSED;
	bool said = exposed || p->knob_origin || n->extensions || n->profile || n->nr_features ||
		    p->max_depth.given || n->require;
	if (!said)
		return;
	(void)fprintf(out, "\n[nesting]\nexpose_virtualization_extensions = %s\n",
		exposed ? "true" : "false");
	if (n->extensions)
		(void)fprintf(out, "extensions = \"%s\"\n", n->extensions);
	if (n->profile)
		(void)fprintf(out, "profile = \"%s\"\n", n->profile);
	write_features(out, n->features, n->nr_features);
	write_number(out, "max_depth", &p->max_depth);
	if (n->require)
		(void)fputs("require = true\n", out);
}

static int write_hyperv(FILE *out, const struct cpu_policy *p, struct err *e)
{
	const struct policy_number *retries = &p->hyperv_spinlock_retries;
	const char *id = p->hyperv_vendor_id.text;
	if (p->nr_hyperv_features == 0 && !retries->given && !id)
		return 0;
	(void)fputs("\n[hyperv]\n", out);
	write_features(out, p->hyperv_features, p->nr_hyperv_features);
	if (retries->given)
		(void)fprintf(out, "spinlock_retries = 0x%" PRIx64 "\n", retries->value);
	return id ? write_string(out, "hyperv", "vendor_id", id, e) : 0;
}

int toml_cpu_write(const struct cpu_policy *policy, FILE *out, struct err *e)
{
	struct fold f;
	int rc = fold_init(&f, policy, e);
	if (rc == 0)
		rc = write_cpu(out, f.policy, e);
	if (rc == 0) {
		write_leaves(out, f.policy);
		rc = write_msrs(out, f.policy, e);
	}
	if (rc == 0) {
		write_nesting(out, f.policy);
		rc = write_hyperv(out, f.policy, e);
	}
	if (rc == 0 && (fflush(out) != 0 || ferror(out)))
		rc = err_set_config(e, -EIO, "cannot write the tables [cpu] and [msr]");
	fold_done(&f);
	return rc;
}
