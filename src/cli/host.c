/* SPDX-License-Identifier: MIT */
/* nestor host: what this host's KVM can do. */
#include "cli/args.h"
#include "cli/cli.h"
#include "policy/cpuid_bits.h"
#include "render/json_out.h"

#include "setup/setup.h"
#include "nesting/nesting.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct host_args {
	bool json;
};

/* All that is printed, gathered first, so that text and JSON cannot differ. */
struct host_report {
	int api_version;
	struct host_facts facts;
	struct cpu_kept kept;  /* against what KVM offers, where facts.kept_known … */
	struct err kept_error; /* … else why that is not known */
	struct nesting_support nesting;
	char module[16];       /* kvm_intel, kvm_amd, or "unknown" */
	char module_nested[8]; /* that module's parameter `nested`, or "" */
	struct utsname kernel;
	size_t nr_caps;
	const struct kvm_capability *caps;
	int cap_values[64];
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct host_args *args = state->input;
	(void)arg;
	if (option != 'j')
		return option == ARGP_KEY_ARG ? (argp_usage(state), 0) : ARGP_ERR_UNKNOWN;
	args->json = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show what this host's KVM can do: API version, capabilities that nestor uses, "
	       "nested "
	       "virtualization, limits.\vThe exit status is 0, or 102 where KVM cannot be used.",
};

/* The first word of a small file; "" where it cannot be read. */
static void read_word(const char *path, char *ret_word, size_t size)
{
	ret_word[0] = '\0';
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret_word, (int)size, f))
		ret_word[strcspn(ret_word, " \n")] = '\0';
	(void)fclose(f);
}

static void find_module(struct host_report *r)
{
	static const char *const modules[] = { "kvm_intel", "kvm_amd" };
	(void)snprintf(r->module, sizeof(r->module), "unknown");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		char path[96], word[sizeof(r->module_nested)];
		(void)snprintf(path, sizeof(path), "/sys/module/%s/parameters/nested", modules[i]);
		read_word(path, word, sizeof(word));
		if (!word[0])
			continue;
		(void)snprintf(r->module, sizeof(r->module), "%s", modules[i]);
		(void)snprintf(r->module_nested, sizeof(r->module_nested), "%s",
			word[0] == '1' || word[0] == 'Y' ? "on" : "off");
	}
}

static int gather(struct host_report *r, struct err *e)
{
	struct kvm *kvm = NULL;
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, e);
	if (rc == 0)
		rc = kvm_host_facts(kvm, &r->facts, e);
	if (rc) {
		kvm_close(kvm);
		return rc;
	}
	r->kept_error = (struct err)ERR_INIT;
	if (setup_host_kept(kvm, &r->facts, &r->kept_error) == 0)
		cpu_kept_of_host(&r->facts, &r->kept);
	r->api_version = kvm_api_version(kvm);
	r->caps = kvm_capabilities(&r->nr_caps);
	for (size_t i = 0; i < r->nr_caps && i < ARRAY_SIZE(r->cap_values); i++)
		r->cap_values[i] = kvm_check_extension(kvm, r->caps[i].number);
	kvm_close(kvm);
	r->nesting = nesting_support(&r->facts);
	find_module(r);
	if (uname(&r->kernel) < 0)
		return err_set_errno(e, -errno, "uname");
	return 0;
}

static const char *vendor_name(const struct host_report *r)
{
	switch (cpuid_vendor(&r->facts.supported)) {
	case CPUID_VENDOR_INTEL:
		return "intel";
	case CPUID_VENDOR_AMD:
		return "amd";
	case CPUID_VENDOR_OTHER:
		break;
	}
	return "other";
}

static json_t *unkept_json(const struct cpu_unkept *u)
{
	const struct bits_place place = { .is_msr = u->kind != CPU_UNKEPT_CPUID,
		.leaf = u->leaf,
		.subleaf = u->subleaf,
		.reg = u->reg };
	char where[BITS_PLACE_BYTES], text[CPU_UNKEPT_BYTES];
	return json_pack("{s:o, s:o, s:o, s:o}", "place", json_text(bits_place_text(where, &place)),
		"offered", json_hex(u->set), "kept", json_hex(u->kept), "text",
		json_text(cpu_unkept_text(text, u)));
}

/* null where it could not be tried. */
static json_t *kept_json(const struct host_report *r)
{
	if (!r->facts.kept_known)
		return json_null();
	json_t *all = json_array();
	for (unsigned i = 0; all && i < r->kept.nr_items; i++)
		(void)json_array_append_new(all, unkept_json(&r->kept.items[i]));
	return all;
}

static int print_json(const struct host_report *r)
{
	json_t *caps = json_object();
	for (size_t i = 0; caps && i < r->nr_caps; i++)
		(void)json_object_set_new(caps, r->caps[i].name, json_integer(r->cap_values[i]));
	json_t *root = json_pack("{s:s, s:s, s:i, s:s, s:s, s:{s:b, s:s, s:s, s:s, s:b}, s:{s:i, "
				 "s:i, s:i, s:i}, s:o, s:o}",
		"device", KVM_DEVICE_PATH, "kernel", r->kernel.release, "api_version",
		r->api_version, "vendor", vendor_name(r), "module", r->module, "nested",
		"supported", r->nesting.supported, "extensions", r->nesting.extensions, "reason",
		r->nesting.reason, "module_parameter", r->module_nested, "state",
		r->facts.nested_state, "limits", "max_vcpus", (int)r->facts.max_vcpus,
		"max_vcpu_id", (int)r->facts.max_vcpu_id, "memslots", (int)r->facts.nr_memslots,
		"physical_address_bits", (int)cpuid_phys_bits(&r->facts.supported), "not_kept",
		kept_json(r), "capabilities", caps);
	int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	json_decref(root);
	(void)putchar('\n');
	return cli_flush(rc ? STATUS_HOST : STATUS_OK);
}

/* What KVM offers is not always what it gives. */
static void print_kept(const struct host_report *r)
{
	char text[CPU_UNKEPT_BYTES];
	if (!r->facts.kept_known) {
		(void)printf("kept       not known: %s\n", r->kept_error.msg);
		return;
	}
	if (r->kept.nr_items == 0) {
		(void)printf("kept       all of the CPUID and feature MSRs that KVM offers\n");
		return;
	}
	(void)printf("kept       not all of the CPUID and feature MSRs that KVM offers\n");
	for (unsigned i = 0; i < r->kept.nr_items; i++)
		(void)printf("  %s\n", cpu_unkept_text(text, &r->kept.items[i]));
}

static int print_text(const struct host_report *r)
{
	(void)printf("KVM        %s, API version %d, %s, kernel %s\n", KVM_DEVICE_PATH,
		r->api_version, r->module, r->kernel.release);
	(void)printf("CPU        %s, %u physical address bits\n", vendor_name(r),
		cpuid_phys_bits(&r->facts.supported));
	print_kept(r);
	if (r->nesting.supported)
		(void)printf("nested     yes, %s; state can%s be saved\n", r->nesting.extensions,
			r->facts.nested_state ? "" : "not");
	else
		(void)printf("nested     no: %s%s%s\n", r->nesting.reason,
			r->module_nested[0] ? "; the module's parameter nested is " : "",
			r->module_nested);
	(void)printf("limits     %u vCPUs, APIC IDs below %u, %u memory slots\n",
		r->facts.max_vcpus, r->facts.max_vcpu_id, r->facts.nr_memslots);
	(void)printf("capabilities\n");
	for (size_t i = 0; i < r->nr_caps; i++)
		(void)printf("  %-32s %6d  %s%s\n", r->caps[i].name, r->cap_values[i],
			r->caps[i].purpose, r->caps[i].required ? " (required)" : "");
	return cli_flush(STATUS_OK);
}

int cmd_host(int argc, char **argv)
{
	struct host_args args = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct host_report *r = calloc(1, sizeof(*r));
	if (!r) {
		(void)err_set(&e, -ENOMEM, "out of memory");
		return cli_fail(&e);
	}
	int status = gather(r, &e) ? cli_fail(&e) : args.json ? print_json(r) : print_text(r);
	free(r);
	return status;
}
