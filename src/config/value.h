/* SPDX-License-Identifier: MIT */
/*
 * One value on its way into struct vm_config: converted from TOML or from bare text, checked
 * against its key's type and range, not stored yet.
 */
#ifndef NESTOR_CONFIG_VALUE_H
#define NESTOR_CONFIG_VALUE_H

#include "base/err.h"
#include "config/keys.h"
#include "config/toml_reader.h"

#define VALUE_WHY_BYTES 320 /* more than KEY_EXPECTS_BYTES and what is found */

/* Which field counts is the key's type. Owns all pointers. */
struct value {
	uint64_t number; /* boolean, integer, port, bytes, milliseconds, kHz, index of a word */
	char *text;      /* name, string, model, absolute path */
	uint64_t *list;
	size_t nr_list;
	struct config_texts texts; /* without origins */
	struct config_mask mask;
	size_t bad_item; /* after a refusal: the element at fault, from 1 on; 0: the value as a
			    whole */
};

/*
 * Both return 0 and fill *ret_value (value_done), or -EINVAL with why ("expected …, found …"; one
 * printable line), or -ENOMEM. Relative paths are resolved against base_dir, or against the working
 * directory where that is NULL or relative itself.
 */
int value_from_toml(const struct key *key, const struct toml_value *toml, const char *base_dir,
	struct value *ret_value, char why[VALUE_WHY_BYTES]) MUST_CHECK;
int value_from_text(const struct key *key, const char *text, const char *base_dir,
	struct value *ret_value, char why[VALUE_WHY_BYTES]) MUST_CHECK;

/* Frees what v owns; accepts one that is all zero. */
void value_done(struct value *v);
void value_texts_done(struct config_texts *texts);

#endif
