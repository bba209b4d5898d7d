/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/escape.h"

static enum escape_action after_key(uint8_t byte, uint8_t *ret_byte)
{
	struct escape esc = { 0 };
	assert_int_equal(escape_feed(&esc, ESCAPE_KEY, ret_byte), ESCAPE_NOTHING);
	enum escape_action action = escape_feed(&esc, byte, ret_byte);
	assert_false(esc.pending);
	return action;
}

static void escape_feed__plain_bytes__go_to_the_guest(void **state)
{
	(void)state;
	struct escape esc = { 0 };
	for (int i = 0; i < 256; i++) {
		uint8_t out = 0;
		if (i == ESCAPE_KEY)
			continue;
		assert_int_equal(escape_feed(&esc, (uint8_t)i, &out), ESCAPE_BYTE);
		assert_int_equal(out, i);
	}
}

static void escape_feed__key_and_letter__is_the_action(void **state)
{
	(void)state;
	uint8_t out;
	assert_int_equal(after_key('d', &out), ESCAPE_DETACH);
	assert_int_equal(after_key('p', &out), ESCAPE_POWER);
	assert_int_equal(after_key('x', &out), ESCAPE_STOP);
	assert_int_equal(after_key('?', &out), ESCAPE_HELP);
	assert_int_equal(after_key('h', &out), ESCAPE_HELP);
}

static void escape_feed__key_twice_or_bracket__sends_the_key(void **state)
{
	(void)state;
	uint8_t out = 0;
	assert_int_equal(after_key(ESCAPE_KEY, &out), ESCAPE_BYTE);
	assert_int_equal(out, ESCAPE_KEY);
	out = 0;
	assert_int_equal(after_key(']', &out), ESCAPE_BYTE);
	assert_int_equal(out, ESCAPE_KEY);
}

static void escape_feed__key_and_unknown_byte__swallows_both(void **state)
{
	(void)state;
	uint8_t out;
	assert_int_equal(after_key('q', &out), ESCAPE_NOTHING);
	assert_int_equal(after_key(0, &out), ESCAPE_NOTHING);
	assert_int_equal(after_key('D', &out), ESCAPE_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_feed__plain_bytes__go_to_the_guest),
		cmocka_unit_test(escape_feed__key_and_letter__is_the_action),
		cmocka_unit_test(escape_feed__key_twice_or_bracket__sends_the_key),
		cmocka_unit_test(escape_feed__key_and_unknown_byte__swallows_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
