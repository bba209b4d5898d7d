/* SPDX-License-Identifier: MIT */
/*
 * What bash's completion of nestor offers that is no command and no option, from the tables of the
 * program itself: CPU models, features, profiles, and keys with the words that each takes. Written
 * as assignments of bash; no name has a character that would mean something to it.
 */
#include <stdio.h>
#include <string.h>

#include "config/keys.h"
#include "cpuid/features.h"
#include "cpuid/models.h"
#include "nesting/profile.h"

static void print_models(void)
{
	(void)printf("_nestor_models='host max");
	for (size_t i = 0; cpu_model_at(i); i++)
		(void)printf(" %s", cpu_model_at(i)->name);
	(void)printf("'\n");
}

static void print_features(void)
{
	(void)printf("_nestor_features='");
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		(void)printf("%s%s", i > 0 ? " " : "", feature_at(i)->name);
	(void)printf("'\n");
}

static void print_profiles(void)
{
	size_t nr = 0;
	const struct nesting_profile *profiles = nesting_profiles(&nr);
	(void)printf("_nestor_profiles='");
	for (size_t i = 0; i < nr; i++)
		(void)printf("%s%s", i > 0 ? " " : "", profiles[i].name);
	(void)printf("'\n");
}

/* A line each: the key, with the first index for an array's, and what it takes; - where that is
 * free. */
static void print_keys(void)
{
	(void)printf("_nestor_keys='\n");
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &key_table[i];
		const char *index = strstr(key->name, "[]");
		if (index)
			(void)printf("%.*s.0%s", (int)(index - key->name), key->name, index + 2);
		else
			(void)printf("%s", key->name);
		if (key->type == KEY_BOOLEAN)
			(void)printf(" true false");
		else if (key->type == KEY_MODEL)
			(void)printf(" @models");
		else if (!key->words)
			(void)printf(" -");
		for (size_t j = 0; key->words && key->words[j]; j++)
			(void)printf(" %s", key->words[j]);
		(void)printf("\n");
	}
	(void)printf("'\n");
}

int main(void)
{
	print_models();
	print_features();
	print_profiles();
	print_keys();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
