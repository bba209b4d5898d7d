/* SPDX-License-Identifier: MIT */
/* QEMU's -cpu argument (docs/system/i386/cpu.rst; the properties of target/i386's CPU class). */
#include "cpuid/models.h"
#include "formats/convert.h"
#include "formats/input.h"
#include "formats/qemu_guest.h"
#include "formats/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *name; /* of the text, for errors */
	struct policy_doc *doc;
	struct losses *losses;
	struct err *e;
	struct qemu_guest guest;
	/* What the text says of each feature, by precedence: minus over plus over NAME=VALUE. */
	struct feature_set minus, plus, on, off;
	feature_id order[FEATURE_COUNT]; /* those that were named, as they came */
	size_t nr_order;
	bool enforce, check, hyperv;
	struct policy_leaf version[4]; /* of Hyper-V's leaf 2, by register */
	/* The item in hand: NAME=VALUE, NAME, +NAME or -NAME. */
	char sign; /* '+', '-' or '\0' */
	const char *item, *value;
};

static int no_memory(struct reader *r)
{
	return err_set(r->e, -ENOMEM, "out of memory");
}

static int fail(struct reader *r, const char *what)
{
	return input_fail(r->e, "%s: %s=%s: %s", r->name, r->item, r->value, what);
}

static int take_flag(struct reader *r, bool *ret_on)
{
	static const char *const yes[] = { "on", "yes", "true", "y" };
	static const char *const no[] = { "off", "no", "false", "n" };
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(r->value, yes[i]) == 0 || strcmp(r->value, no[i]) == 0) {
			*ret_on = strcmp(r->value, yes[i]) == 0;
			return 0;
		}
	}
	return fail(r, "expected on or off");
}

static int take_number(struct reader *r, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	int rc = input_number(r->value, strlen(r->value), max, ret_value);
	if (rc == 0 && *ret_value >= min)
		return 0;
	char what[96];
	(void)snprintf(
		what, sizeof(what), "expected a number from %" PRIu64 " to %" PRIu64, min, max);
	return fail(r, what);
}

static int take_text(struct reader *r, size_t n, struct policy_text *to)
{
	const char *copy = policy_doc_string(r->doc, r->value, n);
	if (!copy)
		return no_memory(r);
	*to = (struct policy_text){ copy, r->guest.origin };
	return 0;
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}

static int set_vendor(struct reader *r)
{
	if (strlen(r->value) != 12 || !is_ascii(r->value))
		return fail(r, "expected 12 characters, such as GenuineIntel");
	return take_text(r, 12, &policy_doc_edit(r->doc)->vendor);
}

static int set_number(struct reader *r, uint64_t max, struct policy_number *to)
{
	uint64_t value = 0;
	int rc = take_number(r, 0, max, &value);
	if (rc == 0)
		*to = (struct policy_number){ true, value, r->guest.origin };
	return rc;
}

static int set_family(struct reader *r)
{
	return set_number(r, 270, &policy_doc_edit(r->doc)->family);
}

static int set_model(struct reader *r)
{
	return set_number(r, 255, &policy_doc_edit(r->doc)->model_number);
}

static int set_stepping(struct reader *r)
{
	return set_number(r, 15, &policy_doc_edit(r->doc)->stepping);
}

static int set_brand(struct reader *r)
{
	size_t n = strlen(r->value);
	if (!is_ascii(r->value))
		return fail(r, "expected printable ASCII");
	if (n > 47)
		losses_add(
			r->losses, "model-id: cut after 47 characters, the most that a brand has");
	return take_text(r, n < 47 ? n : 47, &policy_doc_edit(r->doc)->brand);
}

static int set_phys_bits(struct reader *r)
{
	uint64_t value = 0;
	int rc = take_number(r, 0, 52, &value);
	if (rc == 0 && value > 0)
		rc = take_number(r, 32, 52, &value);
	if (rc == 0)
		policy_doc_edit(r->doc)->phys_bits =
			(struct policy_number){ value > 0, value, r->guest.origin };
	return rc;
}

static int take_switch(struct reader *r, enum qemu_switch *to)
{
	bool on = false;
	int rc = take_flag(r, &on);
	*to = on ? QEMU_ON : QEMU_OFF;
	return rc;
}

static int set_host_phys_bits(struct reader *r)
{
	return take_switch(r, &r->guest.host_phys_bits);
}

/* What QEMU refuses as a property of a named model. */
static int of_host_alone(struct reader *r)
{
	if (!r->guest.model)
		return 0;
	return fail(r, "QEMU has it with the models host and max alone");
}

static int set_migratable(struct reader *r)
{
	int rc = of_host_alone(r);
	return rc ? rc : take_switch(r, &r->guest.migratable);
}

static int set_pmu(struct reader *r)
{
	return take_switch(r, &r->guest.pmu);
}

static int set_enforce(struct reader *r)
{
	return take_flag(r, &r->enforce);
}

static int set_check(struct reader *r)
{
	return take_flag(r, &r->check);
}

static int set_kvm(struct reader *r)
{
	bool on = true;
	int rc = take_flag(r, &on);
	r->guest.kvm_hidden = !on;
	return rc;
}

/* Hz; tsc-freq takes a decimal suffix as well, and so does tsc-frequency here. */
static int set_tsc(struct reader *r)
{
	static const char suffixes[] = "kmgt";
	char text[64];
	uint64_t unit = 1, hz = 0;
	size_t n = strlen(r->value);
	if (n == 0 || n >= sizeof(text))
		return fail(r, "expected a frequency in Hz");
	(void)memcpy(text, r->value, n + 1);
	char last = text[n - 1];
	last = last >= 'A' && last <= 'Z' ? (char)(last - 'A' + 'a') : last;
	const char *suffix = strchr(suffixes, last);
	if (suffix && strncmp(text, "0x", 2) != 0) {
		text[--n] = '\0';
		for (const char *p = suffixes; p <= suffix; p++)
			unit *= 1000;
	}
	/* A fraction ("2.5G") counts in units. */
	char *dot = strchr(text, '.');
	uint64_t fraction = 0, scale = unit;
	if (dot && unit > 1) {
		if (dot[1] == '\0')
			return fail(r, "expected a frequency in Hz");
		for (const char *p = dot + 1; *p != '\0'; p++) {
			if (*p < '0' || *p > '9')
				return fail(r, "expected a frequency in Hz");
			scale /= 10;
			fraction += scale * (uint64_t)(*p - '0');
		}
		n = (size_t)(dot - text);
	}
	if (input_number(text, n, UINT64_C(100000000000000) / unit, &hz))
		return fail(r, "expected a frequency in Hz");
	hz = hz * unit + fraction;
	if (hz % 1000)
		losses_add(r->losses, "%s=%s: rounded down to a whole number of kHz", r->item,
			r->value);
	if (hz / 1000 > UINT32_MAX)
		return fail(r, "more than any processor's");
	policy_doc_edit(r->doc)->tsc_khz =
		(struct policy_number){ hz >= 1000, hz / 1000, r->guest.origin };
	return 0;
}

static int set_cache(struct reader *r)
{
	bool on = false;
	int rc = of_host_alone(r);
	if (rc == 0)
		rc = take_flag(r, &on);
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->cache_given = true;
	p->cache = on ? CPU_CACHE_HOST : CPU_CACHE_EMULATE;
	return rc;
}

/* The microcode revision is an MSR of which all bits are given. */
static int set_ucode_rev(struct reader *r)
{
	uint64_t value = 0;
	int rc = take_number(r, 0, UINT64_MAX, &value);
	const struct policy_msr_bits bits = { MSR_IA32_UCODE_REV, value, ~value, r->guest.origin };
	if (rc)
		return rc;
	return policy_doc_add_msr_bits(r->doc, &bits) ? no_memory(r) : 0;
}

/* A whole register by a rule: what QEMU has a number for, and nestor no key. */
static int set_register(struct reader *r, uint32_t leaf)
{
	uint64_t value = 0;
	int rc = take_number(r, 0, UINT32_MAX, &value);
	const struct policy_leaf l = {
		.leaf = leaf,
		.any_subleaf = leaf != 7,
		.reg = CPUID_EAX,
		.set = (uint32_t)value,
		.clear = ~(uint32_t)value,
		.origin = r->guest.origin,
	};
	/* QEMU's own mark for "as it comes". */
	if (rc || value == UINT32_MAX)
		return rc;
	return policy_doc_add_leaf(r->doc, &l) ? no_memory(r) : 0;
}

static int set_level(struct reader *r)
{
	return set_register(r, 0);
}

static int set_level_7(struct reader *r)
{
	return set_register(r, 7);
}

static int set_xlevel(struct reader *r)
{
	return set_register(r, 0x80000000);
}

static int set_spinlocks(struct reader *r)
{
	uint64_t retries = 0;
	int rc = take_number(r, 0, UINT32_MAX, &retries);
	/* QEMU's own mark for "never"; its least is 0xfff, as nestor's. */
	if (rc == 0 && retries != UINT32_MAX)
		policy_doc_edit(r->doc)->hyperv_spinlock_retries =
			(struct policy_number){ true, retries, r->guest.origin };
	return rc;
}

static int set_hyperv_vendor(struct reader *r)
{
	size_t n = strlen(r->value);
	if (n == 0)
		return 0;
	if (n > 12 || !is_ascii(r->value))
		return fail(r, "expected at most 12 printable ASCII characters");
	return take_text(r, n, &policy_doc_edit(r->doc)->hyperv_vendor_id);
}

/* Bits low to high of a register of leaf 0x40000002 (Hyper-V TLFS, "Hypervisor System Identity").
 */
static int set_version(struct reader *r, enum cpuid_reg reg, unsigned low, unsigned high)
{
	uint64_t value = 0, most = bit_mask(high - low + 1);
	uint32_t mask = (uint32_t)(most << low);
	int rc = take_number(r, 0, most, &value);
	struct policy_leaf *l = &r->version[reg];
	l->set = (l->set & ~mask) | (uint32_t)(value << low);
	l->clear = (l->clear & ~mask) | (~(uint32_t)(value << low) & mask);
	return rc;
}

static int set_build(struct reader *r)
{
	return set_version(r, CPUID_EAX, 0, 31);
}

static int set_major(struct reader *r)
{
	return set_version(r, CPUID_EBX, 16, 31);
}

static int set_minor(struct reader *r)
{
	return set_version(r, CPUID_EBX, 0, 15);
}

static int set_service_pack(struct reader *r)
{
	return set_version(r, CPUID_ECX, 0, 31);
}

static int set_service_branch(struct reader *r)
{
	return set_version(r, CPUID_EDX, 24, 31);
}

static int set_service_number(struct reader *r)
{
	return set_version(r, CPUID_EDX, 0, 23);
}

/* Properties that say more than one feature bit. */
static const struct {
	const char *name;
	int (*set)(struct reader *r);
} properties[] = {
	{ "check", set_check },
	{ "enforce", set_enforce },
	{ "family", set_family },
	{ "host-cache-info", set_cache },
	{ "host-phys-bits", set_host_phys_bits },
	{ "hv-spinlocks", set_spinlocks },
	{ "hv-vendor-id", set_hyperv_vendor },
	{ "hv-version-id-build", set_build },
	{ "hv-version-id-major", set_major },
	{ "hv-version-id-minor", set_minor },
	{ "hv-version-id-sbranch", set_service_branch },
	{ "hv-version-id-snumber", set_service_number },
	{ "hv-version-id-spack", set_service_pack },
	{ "kvm", set_kvm },
	{ "level", set_level },
	{ "level-func7", set_level_7 },
	{ "migratable", set_migratable },
	{ "model", set_model },
	{ "model-id", set_brand },
	{ "phys-bits", set_phys_bits },
	{ "pmu", set_pmu },
	{ "stepping", set_stepping },
	{ "tsc-freq", set_tsc },
	{ "tsc-frequency", set_tsc },
	{ "ucode-rev", set_ucode_rev },
	{ "vendor", set_vendor },
	{ "xlevel", set_xlevel },
};

static int add_enlightenment(struct reader *r)
{
	bool on = false;
	if (strcmp(r->value, "auto") == 0) {
		losses_add(r->losses, "%s=auto: on or off, by the host; left off", r->item);
		return 0;
	}
	int rc = take_flag(r, &on);
	if (rc)
		return rc;
	r->hyperv |= on;
	const struct policy_feature f = { policy_doc_string(r->doc, r->item, strlen(r->item)), on,
		r->guest.origin };
	return f.name && policy_doc_add_hyperv_feature(r->doc, &f) == 0 ? 0 : no_memory(r);
}

/* What there is no row for in properties: an enlightenment, or what is not carried over. */
static int take_word(struct reader *r)
{
	const struct word *word = word_find(WORDS_QEMU, r->item);
	if (!word)
		return -ENOENT;
	switch (word->fate) {
	case WORD_REFUSED:
		return input_fail(r->e, "%s: %s: %s", r->name, r->item, word->note);
	case WORD_LOST:
		if (!word_is_nothing(word, r->value))
			losses_add(r->losses, "%s=%s: %s", r->item, r->value, word->note);
		return 0;
	case WORD_SAME:
		return 0;
	case WORD_CARRIED:
		break;
	}
	return add_enlightenment(r);
}

static void name_feature(struct reader *r, const struct feature *f, bool on)
{
	const feature_id id = f->id;
	bool known = feature_set_has(&r->minus, id) || feature_set_has(&r->plus, id) ||
		     feature_set_has(&r->on, id) || feature_set_has(&r->off, id);
	if (!known)
		r->order[r->nr_order++] = id;
	if (r->sign == '-') {
		feature_set_add(&r->minus, id);
	} else if (r->sign == '+') {
		feature_set_add(&r->plus, id);
	} else {
		/* The last NAME=VALUE stands. */
		feature_set_add(on ? &r->on : &r->off, id);
		feature_set_remove(on ? &r->off : &r->on, id);
	}
}

static int read_feature(struct reader *r, const struct feature *f)
{
	bool on = true;
	int rc = take_flag(r, &on);
	if (rc)
		return rc;
	name_feature(r, f, on);
	const struct feature *twin = dialect_qemu_twin(f);
	const char *name = dialect_feature(DIALECT_QEMU, f);
	/* Two bits under one name of QEMU's; nestor's own name of the second means that alone. */
	if (twin && name && strcmp(name, f->name) == 0)
		name_feature(r, twin, on);
	return 0;
}

static int fail_unknown(struct reader *r)
{
	const char *near = feature_nearest(r->item);
	for (size_t i = 0; !near && strlen(r->item) > 2 && i < ARRAY_SIZE(properties); i++) {
		if (strncmp(properties[i].name, r->item, strlen(r->item)) == 0)
			near = properties[i].name;
	}
	return input_fail(r->e, "%s: unknown feature or property %s%s%s%s", r->name, r->item,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

/* One item, NUL-terminated, changed in place. */
static int read_item(struct reader *r, char *item)
{
	r->sign = item[0] == '+' || item[0] == '-' ? *item++ : '\0';
	char *equals = r->sign ? NULL : strchr(item, '=');
	if (equals)
		*equals = '\0';
	r->item = item;
	r->value = equals ? equals + 1 : r->sign == '-' ? "off" : "on";
	const struct feature *f = feature_find(item);
	if (f)
		return read_feature(r, f);
	for (char *p = item; *p != '\0'; p++)
		*p = *p == '_' ? '-' : *p;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		if (strcmp(properties[i].name, item) == 0)
			return properties[i].set(r);
	}
	int rc = take_word(r);
	return rc == -ENOENT ? fail_unknown(r) : rc;
}

/*
 * Where the item at p ends. QEMU knows no escape: it takes ",," for one comma between items. Only
 * in model-id, where that would cut a name in two, ",," is read as a comma of the text.
 */
static char *end_of_item(char *p)
{
	bool text = strncmp(p, "model-id=", 9) == 0 || strncmp(p, "model_id=", 9) == 0;
	char *to = p;
	for (; *p != '\0' && (*p != ',' || (text && p[1] == ',')); p++) {
		*to++ = *p;
		if (*p == ',')
			p++;
	}
	bool more = *p == ',';
	*to = '\0';
	return more ? p + 1 : p;
}

/* The words on features, settled. */
static void name_features(struct reader *r)
{
	feature_set_subtract(&r->on, &r->minus);
	feature_set_subtract(&r->off, &r->plus);
	feature_set_or(&r->on, &r->plus);
	feature_set_subtract(&r->on, &r->minus);
	for (size_t i = 0; i < r->nr_order; i++)
		qemu_guest_name(&r->guest, r->order[i], feature_set_has(&r->on, r->order[i]));
}

/* Its version is seen where Hyper-V's leaves are. */
static int finish_version(struct reader *r)
{
	for (unsigned i = 0; i < 4; i++) {
		struct policy_leaf *l = &r->version[i];
		l->leaf = 0x40000002;
		l->any_subleaf = true;
		l->reg = (enum cpuid_reg)i;
		l->origin = r->guest.origin;
		if (r->hyperv && (l->set | l->clear) && policy_doc_add_leaf(r->doc, l))
			return no_memory(r);
	}
	return 0;
}

static int finish(struct reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->on_missing_given = true;
	p->on_missing = r->enforce ? CPU_MISSING_ERROR
			: r->check ? CPU_MISSING_WARN
				   : CPU_MISSING_DROP;
	r->hyperv |= p->hyperv_spinlock_retries.given;
	name_features(r);
	int rc = finish_version(r);
	return rc ? rc : qemu_guest_finish(&r->guest);
}

/* QEMU's "base" has no feature at all; nestor's smallest model without its own comes nearest. */
static int read_base(struct reader *r, struct policy_text *model)
{
	const struct cpu_model *m = cpu_model_find("486");
	int rc = 0;
	if (!m)
		return input_fail(r->e, "%s: the model base has no counterpart", r->name);
	struct feature_set has;
	dialect_qemu_features(m, /* exposed */ false, &has);
	model->text = m->name;
	r->guest.model = m;
	losses_add(r->losses, "base: written as 486 without its features");
	for (feature_id id = feature_set_next(&has, 0); rc == 0 && id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&has, (feature_id)(id + 1))) {
		feature_set_add(&r->off, id);
		r->order[r->nr_order++] = id;
	}
	return rc;
}

static int read_model(struct reader *r, const char *item)
{
	static const char suffix[] = "-x86_64-cpu"; /* of QEMU's type names */
	size_t n = strlen(item), len = sizeof(suffix) - 1;
	struct policy_text *model = &policy_doc_edit(r->doc)->model;
	if (n > len && strcmp(item + n - len, suffix) == 0)
		n -= len;
	const char *name = policy_doc_string(r->doc, item, n);
	if (!name)
		return no_memory(r);
	if (n == 0)
		return input_fail(
			r->e, "%s: the model is missing: expected MODEL[,FEATURE...]", r->name);
	*model = (struct policy_text){ name, r->guest.origin };
	if (strcmp(name, "host") == 0 || strcmp(name, "max") == 0)
		return 0;
	if (strcmp(name, "base") == 0)
		return read_base(r, model);
	r->guest.model = cpu_model_find(name);
	if (r->guest.model)
		return 0;
	const char *near = cpu_model_nearest(name);
	return input_fail(r->e, "%s: unknown model %s%s%s%s", r->name, name,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static int read_items(struct reader *r, char *p)
{
	char *next = end_of_item(p);
	int rc = read_model(r, p);
	for (p = next; rc == 0 && *p != '\0'; p = next) {
		next = end_of_item(p);
		if (*p != '\0')
			rc = read_item(r, p);
	}
	return rc ? rc : finish(r);
}

/* The argument alone, without blanks around it and without the flag's name. */
static char *copy_argument(const char *text, size_t n)
{
	static const char flag[] = "-cpu ";
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		n--;
	while (n > 0 && strchr(" \t\r\n", *text)) {
		text++;
		n--;
	}
	if (n >= sizeof(flag) - 1 && memcmp(text, flag, sizeof(flag) - 1) == 0) {
		text += sizeof(flag) - 1;
		n -= sizeof(flag) - 1;
	}
	return strndup(text, n);
}

int qemu_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e)
{
	*ret_doc = NULL;
	if (n > CONVERT_MAX_BYTES)
		return input_fail(e, "%s: longer than 1 MiB", name);
	if (!input_is_utf8(text, n))
		return input_fail(e, "%s: not UTF-8 text", name);
	struct reader *r = calloc(1, sizeof(*r));
	char *copy = copy_argument(text, n);
	int rc = -ENOMEM;
	if (!r || !copy)
		goto out;
	*r = (struct reader){ .name = name, .losses = losses, .e = e, .check = true };
	r->doc = policy_doc_create();
	r->guest.doc = r->doc;
	r->guest.losses = losses;
	r->guest.e = e;
	r->guest.origin = r->doc ? policy_doc_string(r->doc, name, strlen(name)) : NULL;
	if (!r->guest.origin)
		goto out;
	rc = read_items(r, copy);
	if (rc == 0) {
		*ret_doc = r->doc;
		r->doc = NULL;
	}
out:
	if (rc == -ENOMEM)
		(void)err_set(e, rc, "out of memory");
	free(copy);
	if (r)
		policy_doc_destroy(r->doc);
	free(r);
	return rc;
}
