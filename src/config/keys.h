/* SPDX-License-Identifier: MIT */
/*
 * The one table of config keys. Reading, setting, showing, the manual page's test and the
 * suggestions for misspelt keys all walk it; a new key is a row here, a field in struct vm_config
 * and an entry in nestor.toml(5).
 */
#ifndef NESTOR_CONFIG_KEYS_H
#define NESTOR_CONFIG_KEYS_H

#include "base/err.h"
#include "config/vm_config.h"

#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAX_KEYS 96
#define KEY_PATH_BYTES 64     /* longer than the name of any key, with an index */
#define KEY_TEXT_MAX 4095     /* bytes of a string or a path */
#define KEY_MODEL_MAX 64      /* letters of a CPU model's name */
#define KEY_FEATURE_MAX 40    /* letters of a CPU feature's name */
#define KEY_EXPECTS_BYTES 200 /* enough for what key_expects() says of any key */

enum key_type {
	KEY_BOOLEAN,   /* bool */
	KEY_INTEGER,   /* uint64_t */
	KEY_PORT,      /* uint64_t, shown in hexadecimal */
	KEY_HEX,       /* likewise; as TOML integers end at 2^63 - 1, "0x..." is taken too */
	KEY_SIZE,      /* uint64_t, bytes */
	KEY_DURATION,  /* uint64_t, milliseconds */
	KEY_FREQUENCY, /* uint64_t, kHz */
	KEY_WORD,      /* an enum whose values are the indices of `words` */
	KEY_NAME,      /* char *, letters, digits, "." "_" "-" */
	KEY_STRING,    /* char * */
	KEY_ASCII,     /* char *, printable ASCII */
	KEY_UUID,      /* char *, as uuid_parse takes it; neither all 0 nor all 1 */
	KEY_PATH,      /* char *, made absolute when read */
	KEY_MODEL,     /* char *, a CPU model's name or (it then contains "/") a path as KEY_PATH */
	KEY_MASK,      /* struct config_mask, of `max` bits */
	KEY_INTEGERS,  /* uint64_t[], with its length at count_offset */
	KEY_FEATURES,  /* struct config_texts, of "+NAME" and "-NAME" */
	KEY_PATHS,     /* struct config_texts, made absolute when read */
	KEY_ASCIIS,    /* struct config_texts, each printable ASCII */
};

/* An array of tables, such as [[serial]]. */
struct key_array {
	const char *name;    /* "serial", "boot.modules" */
	size_t offset;       /* in struct vm_config, of element 0 or of the pointer to it */
	bool allocated;      /* it is a pointer; there is as much memory as elements */
	size_t count_offset; /* of the size_t in struct vm_config */
	size_t stride;
	unsigned max;
	bool in_model; /* as of a key */
};

#define KEY_NR_ARRAYS 5
extern const struct key_array key_arrays[KEY_NR_ARRAYS];

struct key {
	const char *name; /* "memory.size", "serial[].mode" */
	enum key_type type;
	size_t offset;                 /* in struct vm_config, or in the element of array */
	const struct key_array *array; /* NULL: a key of its own */
	uint64_t min, max;             /* numbers: range, inclusive; KEY_INTEGERS: of an element;
					  texts: bytes; KEY_MASK: max is how many bits */
	size_t count_offset;           /* KEY_INTEGERS only */
	unsigned max_count;            /* of KEY_INTEGERS and of arrays of texts */
	const char *const *words;      /* KEY_WORD only; ends with NULL */
	const char *initial;           /* the default, as text; NULL: not given */
	const char *unit;              /* what a bare number counts; NULL: nothing */
	const char *help;              /* one line */
	bool in_model;                 /* may stand in a model file (config_finish_model) */
	bool is_output;                /* KEY_PATH: the VM writes that file */
};

extern const struct key key_table[];
extern const size_t key_count;

/* Position in key_table. */
size_t key_index(const struct key *key);

/* True where the field is a char *. */
bool key_holds_text(const struct key *key);

/* True where the field is a struct config_texts. */
bool key_holds_texts(const struct key *key);

/* The row, or NULL. name is as in the table ("serial[].mode"). */
const struct key *key_find(const char *name);

/* The array of tables called name, or NULL; and its position in key_arrays. */
const struct key_array *key_array_find(const char *name);
size_t key_array_index(const struct key_array *array);

/* The tables that hold keys, but not arrays of tables; ends with NULL. */
extern const char *const key_sections[];

/* True where name is one of key_sections. */
bool key_is_section(const char *name);

/*
 * The known name nearest to a misspelt one: the same last part in another section, or few edits
 * away. NULL where nothing is near.
 */
const char *key_nearest(const char *name);

/*
 * Which key, element or section a user means: "memory.size", "serial[0].path", "serial.0.path",
 * "serial", "boot.modules[1]". Fills ret_name with the table's spelling, such as "serial[].path",
 * and *ret_index with the index (0 where none). Returns 0, or -EINVAL where it cannot be a name.
 */
int key_parse_path(const char *path, char ret_name[KEY_PATH_BYTES], unsigned *ret_index) MUST_CHECK;

/* True for the words that are written in TOML as what they say: true and false. */
bool key_word_is_boolean(const char *word);

/* "serial[].path" and 1 make "serial[1].path"; a name without "[]" stays. Returns text. */
char *key_format_path(char text[KEY_PATH_BYTES], const char *name, unsigned index);

/* Writes what values the key takes: "an integer from 1 to 255", which KEY_EXPECTS_BYTES hold.
 * Returns text. */
char *key_expects(char *text, size_t capacity, const struct key *key);

/* The same of an element of an array of texts. */
char *key_expects_item(char *text, size_t capacity, const struct key *key);

#endif
