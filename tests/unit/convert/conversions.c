/* SPDX-License-Identifier: MIT */
#include "unit/convert/conversions.h"

#include "cpuid/features.h"
#include "cpuid/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

void vm_done(struct vm *v)
{
	vm_policy_destroy(v->policy);
	config_destroy(v->config);
	*v = (struct vm){ 0 };
}

int vm_read(struct vm *ret, const char *toml, struct err *e)
{
	*ret = (struct vm){ .config = config_create() };
	assert_non_null(ret->config);
	int rc = config_load_text(ret->config, toml, strlen(toml), "vm.toml", NULL, e);
	if (rc == 0)
		rc = config_finish_policy(ret->config, &ret->vm, e);
	if (rc == 0)
		rc = vm_policy_create(&ret->policy, ret->config, ret->vm, NULL, NULL, NULL, e);
	if (rc)
		vm_done(ret);
	return rc;
}

int vm_guest(const struct vm *v, const struct host_facts *host, struct guest *ret, struct err *e)
{
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	assert_non_null(plan);
	int rc = plan_machine(v->vm, vm_policy_get(v->policy), host, NULL, plan, e);
	if (rc == 0) {
		rc = plan_vcpu_cpuid(plan, 0, &ret->table, e);
		ret->nr_msrs = plan->cpu.msrs.nr_set;
		(void)memcpy(ret->msrs, plan->cpu.msrs.set, ret->nr_msrs * sizeof(ret->msrs[0]));
		ret->lacks = false;
		for (unsigned i = 0; i < plan->cpu.nr_notes; i++)
			ret->lacks |= plan->cpu.notes[i].kind == CPU_NOTE_MISSING;
		machine_plan_done(plan);
	}
	free(plan);
	return rc;
}

static int finish(struct convert *c, enum convert_format to, const struct host_facts *host,
	char **ret_text, struct losses *losses, struct err *e)
{
	size_t n = 0;
	FILE *out = open_memstream(ret_text, &n);
	assert_non_null(out);
	int rc = convert_plan(c, host, losses, e);
	if (rc == 0)
		rc = convert_write(c, to, out, losses, e);
	assert_int_equal(fclose(out), 0);
	if (rc) {
		free(*ret_text);
		*ret_text = NULL;
	}
	convert_destroy(c);
	return rc;
}

int convert_vm(const struct vm *v, enum convert_format to, const struct host_facts *host,
	char **ret_text, struct losses *losses, struct err *e)
{
	struct convert *c = NULL;
	*ret_text = NULL;
	int rc = convert_own(&c, v->vm, vm_policy_get(v->policy), e);
	return rc ? rc : finish(c, to, host, ret_text, losses, e);
}

int convert_text(enum convert_format from, const char *text, enum convert_format to,
	const struct host_facts *host, char **ret_text, struct losses *losses, struct err *e)
{
	struct convert *c = NULL;
	*ret_text = NULL;
	int rc = convert_read(&c, from, text, strlen(text), "test", losses, e);
	return rc ? rc : finish(c, to, host, ret_text, losses, e);
}

char *converted(enum convert_format from, const char *text, enum convert_format to,
	const struct host_facts *host, struct losses *losses)
{
	struct err e = ERR_INIT;
	char *result = NULL;
	if (convert_text(from, text, to, host, &result, losses, &e))
		fail_msg("not converted: %s\n%s", e.msg, text);
	return result;
}

char *written(const char *toml, enum convert_format to, const struct host_facts *host,
	struct losses *losses)
{
	struct err e = ERR_INIT;
	struct vm vm;
	char *text = NULL;
	if (vm_read(&vm, toml, &e) || convert_vm(&vm, to, host, &text, losses, &e))
		fail_msg("not converted: %s\n%s", e.msg, toml);
	vm_done(&vm);
	return text;
}

/* Whether a line has the word, with nothing of a longer one beside it. */
static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = strstr(line, word); at; at = strstr(at + 1, word)) {
		char before = at == line ? ' ' : at[-1], after = at[n];
		bool more = after == '.' && isdigit((unsigned char)at[n + 1]);
		if (!isalnum((unsigned char)before) && before != '-' && before != '_' &&
			!isalnum((unsigned char)after) && after != '-' && after != '_' && !more)
			return true;
	}
	return false;
}

static bool is_named(const struct losses *l, const char *word)
{
	/* The sign that a feature is shown with is no part of its name. */
	char with_sign[2][64];
	(void)snprintf(with_sign[0], sizeof(with_sign[0]), "+%s", word);
	(void)snprintf(with_sign[1], sizeof(with_sign[1]), "-%s", word);
	for (size_t i = 0; i < l->nr_lines; i++) {
		if (has_word(l->lines[i], word) || has_word(l->lines[i], with_sign[0]) ||
			has_word(l->lines[i], with_sign[1]))
			return true;
	}
	return false;
}

/* Whether a line has "0xA to 0xB" with the leaf between them. */
static bool is_in_range(const struct losses *l, uint32_t leaf)
{
	for (size_t i = 0; i < l->nr_lines; i++) {
		for (const char *at = strstr(l->lines[i], " to 0x"); at;
			at = strstr(at + 1, " to 0x")) {
			const char *from = at;
			while (from > l->lines[i] && isxdigit((unsigned char)from[-1]))
				from--;
			if (leaf >= strtoul(from, NULL, 16) && leaf <= strtoul(at + 4, NULL, 16))
				return true;
		}
		/* "highest leaf 0x2: … in the leaves above it" */
		unsigned highest = 0;
		if (sscanf(l->lines[i], "highest leaf 0x%x", &highest) == 1 &&
			strstr(l->lines[i], "above it") && leaf > highest &&
			leaf >> 28 == highest >> 28)
			return true;
	}
	return false;
}

static bool is_dynamic(uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
	/* OSXSAVE and OSPKE follow CR4; what leaf 0xD has for the features that are on, XCR0. */
	return (leaf == 1 && reg == CPUID_ECX && bit == 27) ||
	       (leaf == 7 && subleaf == 0 && reg == CPUID_ECX && bit == 4) ||
	       (leaf == 0xd && subleaf < 2 && reg == CPUID_EBX);
}

static bool names_bit(
	const struct losses *l, uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
	char place[64];
	int word = feature_word_of_cpuid(leaf, subleaf, (enum cpuid_reg)reg);
	const struct feature *f =
		word < 0 ? NULL : feature_by_id((feature_id)((unsigned)word * 32 + bit));
	if (f && is_named(l, f->name))
		return true;
	(void)snprintf(place, sizeof(place), "0x%x", leaf);
	if (is_named(l, place) || is_in_range(l, leaf))
		return true;
	(void)snprintf(place, sizeof(place), "0x%x.%u", leaf, subleaf);
	return is_named(l, place);
}

static bool compare_entry(const struct guest *ours, const struct guest *theirs,
	const struct cpuid_entry *e, const struct losses *l, char text[160])
{
	static const uint32_t none[4];
	const struct cpuid_entry *a = cpuid_get(&ours->table, e->leaf, e->subleaf);
	const struct cpuid_entry *b = cpuid_get(&theirs->table, e->leaf, e->subleaf);
	const uint32_t *x = a ? a->reg : none, *y = b ? b->reg : none;
	for (unsigned reg = 0; reg < 4; reg++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			if (!((x[reg] ^ y[reg]) >> bit & 1) ||
				is_dynamic(e->leaf, e->subleaf, reg, bit) ||
				names_bit(l, e->leaf, e->subleaf, reg, bit))
				continue;
			(void)snprintf(text, 160, "%#x.%u register %u bit %u: %#x, %#x", e->leaf,
				e->subleaf, reg, bit, x[reg], y[reg]);
			return true;
		}
	}
	return false;
}

static const struct msr_value *msr_of(const struct guest *g, uint32_t index)
{
	for (unsigned i = 0; i < g->nr_msrs; i++) {
		if (g->msrs[i].index == index)
			return &g->msrs[i];
	}
	return NULL;
}

static bool compare_msr(const struct guest *ours, const struct guest *theirs, uint32_t index,
	const struct losses *l, char text[160])
{
	const struct msr_value *a = msr_of(ours, index), *b = msr_of(theirs, index);
	uint64_t differ = (a ? a->value : 0) ^ (b ? b->value : 0);
	char place[32];
	(void)snprintf(place, sizeof(place), "%#x", index);
	for (unsigned bit = 0; bit < 64 && !is_named(l, place); bit++) {
		bool named = !(differ >> bit & 1);
		for (unsigned w = 0; w < FEATURE_NR_WORDS && !named; w++) {
			const struct feature_word *word = feature_word(w);
			const struct feature *f = NULL;
			if (word->kind == FEATURE_WORD_MSR && bit >= word->shift &&
				bit < word->shift + 32u &&
				/* A control's older MSR (SDM vol. 3, appendix A.2) */
				(word->msr == index || word->msr - 0x48d == index - 0x481))
				f = feature_by_id((feature_id)(w * 32 + bit - word->shift));
			named = f && is_named(l, f->name);
		}
		if (named)
			continue;
		(void)snprintf(text, 160, "MSR %#x bit %u: %#lx, %#lx", index, bit,
			a ? (unsigned long)a->value : 0, b ? (unsigned long)b->value : 0);
		return true;
	}
	return false;
}

const char *unnamed_difference(const struct guest *ours, const struct guest *theirs,
	const struct losses *losses, char text[160])
{
	text[0] = '\0';
	const struct guest *both[] = { ours, theirs };
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < both[k]->table.nr_entries; i++) {
			if (compare_entry(ours, theirs, &both[k]->table.entries[i], losses, text))
				return text;
		}
		for (unsigned i = 0; i < both[k]->nr_msrs; i++) {
			if (compare_msr(ours, theirs, both[k]->msrs[i].index, losses, text))
				return text;
		}
	}
	return text;
}

void assert_nothing_lost(const struct losses *l)
{
	assert_int_equal(l->error, 0);
	for (size_t i = 0; i < l->nr_lines; i++)
		print_error("loss: %s\n", l->lines[i]);
	assert_int_equal(l->nr_lines, 0);
}
