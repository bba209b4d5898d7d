/* SPDX-License-Identifier: MIT */
/* Host files written: both formats, one CPUID entry a line. */
#include "formats/hostfile.h"

#include "formats/input.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int finish(FILE *out)
{
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

/* A JSON string (RFC 8259, section 7); text is UTF-8. */
static void write_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)fprintf(out, "\\u%04x", c);
		else
			(void)fputc(c, out);
	}
	(void)fputc('"', out);
}

/* The brand as text where it is some: printable ASCII, then only NULs. */
static bool brand_text(const uint32_t brand[12], char ret_text[49])
{
	(void)memcpy(ret_text, brand, 48);
	ret_text[48] = '\0';
	size_t n = strlen(ret_text);
	for (size_t i = 0; i < 48; i++) {
		if (i < n ? ret_text[i] < 0x20 || ret_text[i] > 0x7e : ret_text[i] != '\0')
			return false;
	}
	return true;
}

static void write_table(FILE *out, const char *name, const struct cpuid_table *table)
{
	(void)fprintf(out, "  \"%s\": [", name);
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *entry = &table->entries[i];
		(void)fprintf(out, "%s\n    { \"leaf\": \"0x%x\"", i ? "," : "", entry->leaf);
		if (entry->subleaf_matters)
			(void)fprintf(out, ", \"subleaf\": \"0x%x\"", entry->subleaf);
		(void)fprintf(out,
			", \"eax\": \"0x%08x\", \"ebx\": \"0x%08x\", \"ecx\": \"0x%08x\", "
			"\"edx\": \"0x%08x\" }",
			entry->reg[0], entry->reg[1], entry->reg[2], entry->reg[3]);
	}
	(void)fprintf(out, "%s]", table->nr_entries ? "\n  " : "");
}

static void write_msrs(FILE *out, const char *name, const struct msr_value *msrs, unsigned n)
{
	(void)fprintf(out, "  \"%s\": [", name);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(out,
			"%s\n    { \"index\": \"0x%x\", \"value\": \"0x%016" PRIx64 "\" }",
			i ? "," : "", msrs[i].index, msrs[i].value);
	(void)fprintf(out, "%s]", n ? "\n  " : "");
}

static void write_brand(FILE *out, const uint32_t brand[12])
{
	char text[49];
	(void)fputs("  \"brand\": ", out);
	if (brand_text(brand, text)) {
		write_string(out, text);
	} else {
		for (unsigned i = 0; i < 12; i++)
			(void)fprintf(out, "%s\"0x%08x\"", i ? ", " : "[", brand[i]);
		(void)fputc(']', out);
	}
}

static void write_limits(FILE *out, const struct host_facts *f)
{
	(void)fprintf(out,
		"  \"limits\": {\n    \"max_vcpus\": %u,\n    \"max_vcpu_id\": %u,\n"
		"    \"memslots\": %u,\n    \"threads_per_core\": %u,\n    \"tsc_khz\": %u",
		f->max_vcpus, f->max_vcpu_id, f->nr_memslots, f->threads_per_core, f->tsc_khz);
	if (f->nesting_limited)
		(void)fprintf(out, ",\n    \"nesting_depth\": %u", f->nesting_depth);
	(void)fputs("\n  },\n", out);
	const struct {
		const char *name;
		bool on;
	} flags[] = {
		{ "tsc_scaling", f->tsc_scaling },
		{ "tsc_deadline_timer", f->tsc_deadline_timer },
		{ "split_irqchip", f->split_irqchip },
		{ "nested_state", f->nested_state },
		{ "user_space_msr", f->user_space_msr },
	};
	(void)fputs("  \"capabilities\": {", out);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		(void)fprintf(out, "%s\n    \"%s\": %s", i ? "," : "", flags[i].name,
			flags[i].on ? "true" : "false");
	if (f->hyperv_enforce_cpuid)
		(void)fputs(",\n    \"hyperv_enforce_cpuid\": true", out);
	(void)fputs("\n  },\n", out);
}

int hostfile_write_json(const struct hostfile *file, FILE *out)
{
	static const char *const kinds[] = { [HOSTFILE_KVM] = "kvm",
		[HOSTFILE_PROCESSOR] = "processor",
		[HOSTFILE_GUEST] = "guest" };
	const struct host_facts *f = &file->facts;
	(void)fprintf(out, "{\n  \"format\": \"nestor-cpuid\",\n  \"version\": 1,\n");
	(void)fprintf(out, "  \"kind\": \"%s\",\n  \"name\": ", kinds[file->kind]);
	char name[sizeof(file->name)];
	(void)memcpy(name, file->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	input_clean(name);
	for (char *newline = name; (newline = strchr(newline, '\n'));)
		*newline = '?';
	write_string(out, name);
	(void)fputs(",\n", out);
	write_brand(out, f->brand);
	(void)fputs(",\n", out);
	write_limits(out, f);
	write_table(out, "cpuid", &f->supported);
	(void)fputs(",\n", out);
	write_table(out, "emulated", &f->emulated);
	(void)fputs(",\n", out);
	if (f->hyperv.nr_entries > 0) {
		write_table(out, "hyperv", &f->hyperv);
		(void)fputs(",\n", out);
	}
	write_msrs(out, "msrs", f->feature_msrs, f->nr_feature_msrs);
	if (f->kept_known) {
		(void)fputs(",\n", out);
		write_table(out, "kept", &f->unkept);
		(void)fputs(",\n", out);
		write_msrs(out, "kept_msrs", f->unkept_msrs, f->nr_unkept_msrs);
	}
	(void)fputs("\n}\n", out);
	return finish(out);
}

int hostfile_write_raw(const struct hostfile *file, FILE *out)
{
	const struct host_facts *f = &file->facts;
	char brand[49];
	if (brand_text(f->brand, brand) && brand[0] != '\0')
		(void)fprintf(out, "# %s\n", brand);
	(void)fputs("CPU 0:\n", out);
	for (unsigned i = 0; i < f->supported.nr_entries; i++) {
		const struct cpuid_entry *entry = &f->supported.entries[i];
		(void)fprintf(out,
			"   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n",
			entry->leaf, entry->subleaf_matters ? entry->subleaf : 0, entry->reg[0],
			entry->reg[1], entry->reg[2], entry->reg[3]);
	}
	for (unsigned i = 0; i < f->nr_feature_msrs; i++)
		(void)fprintf(out, "msr 0x%x: 0x%016" PRIx64 "\n", f->feature_msrs[i].index,
			f->feature_msrs[i].value);
	return finish(out);
}
