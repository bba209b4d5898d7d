/* SPDX-License-Identifier: MIT */
/* What the tests of the config room share. */
#ifndef NESTOR_TESTS_CONFIG_TEST_H
#define NESTOR_TESTS_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int config_setup(void **state)
{
	*state = config_create();
	return *state ? 0 : -1;
}

static inline int config_teardown(void **state)
{
	config_destroy(*state);
	return 0;
}

#define CONFIG_TEST(f) cmocka_unit_test_setup_teardown(f, config_setup, config_teardown)

/* Loads text that is right, as "vm.toml" in /dir. */
static inline void load_good(struct config *c, const char *text)
{
	struct err e = ERR_INIT;
	int ret = config_load_text(c, text, strlen(text), "vm.toml", "/dir", &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(ret, 0);
}

/* Loads text that is wrong, and compares the whole message. */
static inline void load_bad(struct config *c, const char *text, const char *message)
{
	struct err e = ERR_INIT;
	assert_true(config_load_text(c, text, strlen(text), "vm.toml", "/dir", &e) < 0);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, ERR_CONFIG);
}

static inline void set_good(struct config *c, const char *assignment)
{
	struct err e = ERR_INIT;
	int ret = config_set(c, assignment, "--set", &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(ret, 0);
}

static inline void set_bad(struct config *c, const char *assignment, const char *message)
{
	struct err e = ERR_INIT;
	assert_true(config_set(c, assignment, "--set", &e) < 0);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, ERR_CONFIG);
}

#endif
