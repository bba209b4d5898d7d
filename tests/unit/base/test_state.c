/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/state.h"

#include "fake/allocation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WIDE UINT64_C(0x123456789abcdef0)

static void write_two(struct state_writer *w)
{
	const uint64_t numbers[2] = { 1, UINT64_MAX };
	state_begin(w, "serial0", "16550A", 1);
	state_put_number(w, "wide", WIDE);
	state_put_signed(w, "offset", -5);
	state_put_number(w, "flag", 1);
	state_put_bytes(w, "rx", "abc", 3);
	state_put_numbers(w, "entries", numbers, 2);
	state_end(w);
	state_begin(w, "post-code", "POST code", 3);
	state_end(w);
}

static struct state_writer two(void)
{
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	write_two(&w);
	assert_int_equal(state_written(&w, &e), 0);
	return w;
}

/* All of what the first section has; its fault. */
static int read_first(struct state_reader *r, struct err *e)
{
	uint8_t rx[8];
	uint64_t entries[2];
	(void)state_get_number(r, "wide", 0, UINT64_MAX);
	(void)state_get_signed(r, "offset", -10, 10);
	(void)state_get_flag(r, "flag");
	(void)state_get_bytes(r, "rx", rx, 0, sizeof(rx));
	state_get_numbers(r, "entries", entries, 2);
	return state_read(r, e);
}

static void state__written_and_read__the_same(void **state)
{
	struct state_writer w = two();
	struct state_reader r = state_reader(w.bytes, w.used);
	struct err e = ERR_INIT;
	uint8_t rx[5];
	uint64_t entries[2];
	(void)state;
	assert_int_equal(state_next(&r, &e), 1);
	assert_string_equal(r.id, "serial0");
	assert_string_equal(r.kind, "16550A");
	assert_int_equal(r.version, 1);
	assert_true(state_get_number(&r, "wide", 0, UINT64_MAX) == WIDE);
	assert_true(state_get_signed(&r, "offset", INT64_MIN, INT64_MAX) == -5);
	assert_true(state_get_flag(&r, "flag"));
	assert_int_equal(state_get_bytes(&r, "rx", rx, 0, sizeof(rx)), 3);
	assert_memory_equal(rx, "abc\0\0", 5);
	state_get_numbers(&r, "entries", entries, 2);
	assert_int_equal(entries[0], 1);
	assert_true(entries[1] == UINT64_MAX);
	assert_int_equal(state_read(&r, &e), 0);
	assert_int_equal(state_next(&r, &e), 1);
	assert_string_equal(r.id, "post-code");
	assert_int_equal(r.version, 3);
	assert_int_equal(state_read(&r, &e), 0);
	assert_int_equal(state_next(&r, &e), 0);
	state_writer_done(&w);
}

/* The form is a promise to files: these bytes, and no others. */
static void state__written__these_bytes(void **state)
{
	static const uint8_t want[] = "NSEC\3rtc\2MC\1\0\x24\0\0\0"
				      "\1a\1\2\1\0\0\0\0\0\0"
				      "\2bb\3\2\0\0\0xy"
				      "\1c\4\1\0\0\0\1\0\0\0\0\0\0\x80";
	const uint64_t number = UINT64_C(1) << 63 | 1;
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	(void)state;
	state_begin(&w, "rtc", "MC", 1);
	state_put_number(&w, "a", 258);
	state_put_bytes(&w, "bb", "xy", 2);
	state_put_numbers(&w, "c", &number, 1);
	state_end(&w);
	assert_int_equal(state_written(&w, &e), 0);
	assert_int_equal(w.used, sizeof(want) - 1);
	assert_memory_equal(w.bytes, want, w.used);
	state_writer_done(&w);
}

static void state__section_skipped__next_is_found(void **state)
{
	struct state_writer w = two();
	struct state_reader r = state_reader(w.bytes, w.used);
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(state_next(&r, &e), 1);
	assert_true(state_get_number(&r, "wide", 0, UINT64_MAX) == WIDE);
	assert_int_equal(state_next(&r, &e), 1);
	assert_string_equal(r.id, "post-code");
	state_writer_done(&w);
}

/* Each access that does not fit, and what it says. */
static void assert_fault(void (*get)(struct state_reader *r), const char *want)
{
	struct state_writer w = two();
	struct state_reader r = state_reader(w.bytes, w.used);
	struct err e = ERR_INIT;
	assert_int_equal(state_next(&r, &e), 1);
	get(&r);
	assert_int_equal(state_read(&r, &e), -EBADMSG);
	assert_string_equal(e.msg, want);
	assert_int_equal(e.kind, ERR_CONFIG);
	/* The first fault stays, and what follows gives the least. */
	assert_int_equal(state_get_number(&r, "wide", 7, 9), 7);
	assert_true(state_get_signed(&r, "wide", -7, 9) == -7);
	assert_int_equal(state_read(&r, &e), -EBADMSG);
	assert_string_equal(e.msg, want);
	assert_int_equal(state_next(&r, &e), 1); /* but the next section is another matter */
	assert_int_equal(state_read(&r, &e), 0);
	state_writer_done(&w);
}

static void get_too_small(struct state_reader *r)
{
	(void)state_get_number(r, "wide", WIDE + 1, UINT64_MAX);
}

static void get_too_large(struct state_reader *r)
{
	(void)state_get_number(r, "wide", 0, 0xff);
}

static void get_no_flag(struct state_reader *r)
{
	(void)state_get_flag(r, "wide");
}

static void get_other_type(struct state_reader *r)
{
	(void)state_get_signed(r, "wide", 0, 1);
}

static void get_missing(struct state_reader *r)
{
	(void)state_get_number(r, "narrow", 0, 1);
}

static void get_later(struct state_reader *r)
{
	(void)state_get_flag(r, "flag");
}

static void get_signed_range(struct state_reader *r)
{
	(void)state_get_number(r, "wide", 0, UINT64_MAX);
	(void)state_get_signed(r, "offset", -4, 4);
}

static void get_to_rx(struct state_reader *r)
{
	(void)state_get_number(r, "wide", 0, UINT64_MAX);
	(void)state_get_signed(r, "offset", -10, 10);
	(void)state_get_flag(r, "flag");
}

static void get_too_many(struct state_reader *r)
{
	uint8_t rx[2];
	get_to_rx(r);
	(void)state_get_bytes(r, "rx", rx, 0, sizeof(rx));
}

static void get_bytes_of_another_type(struct state_reader *r)
{
	uint8_t rx[2] = { 1, 1 };
	assert_int_equal(state_get_bytes(r, "wide", rx, 1, 2), 1);
	assert_int_equal(rx[0] | rx[1], 0);
}

static void get_numbers_missing(struct state_reader *r)
{
	uint64_t entries[2] = { 1, 1 };
	state_get_numbers(r, "entry", entries, 2);
	assert_int_equal(entries[0] | entries[1], 0);
}

static void get_below_least(struct state_reader *r)
{
	assert_int_equal(state_get_number(r, "wide", 5, 6), 5);
}

static void get_too_few(struct state_reader *r)
{
	uint8_t rx[4];
	get_to_rx(r);
	(void)state_get_bytes(r, "rx", rx, 4, 4);
}

static void get_other_count(struct state_reader *r)
{
	uint8_t rx[8];
	uint64_t entries[3];
	get_to_rx(r);
	(void)state_get_bytes(r, "rx", rx, 0, 8);
	state_get_numbers(r, "entries", entries, 3);
}

/* A field whose name no field can have is no field: what follows the last one is told apart. */
static void state__bytes_that_are_no_field__said(void **state)
{
	static const char *const names[] = { "A", "a b", "\n" };
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct state_writer w = { 0 };
		struct err e = ERR_INIT;
		state_begin(&w, "a", "b", 1);
		state_put_number(&w, names[i], 1);
		state_end(&w);
		assert_int_equal(state_written(&w, &e), 0);
		struct state_reader r = state_reader(w.bytes, w.used);
		assert_int_equal(state_next(&r, &e), 1);
		assert_int_equal(state_read(&r, &e), -EBADMSG);
		assert_contains(e.msg, "field after the last: there are bytes that are no field");
		assert_int_equal(state_next(&r, &e), 0);
		r = state_reader(w.bytes, w.used);
		assert_int_equal(state_next(&r, &e), 1);
		(void)state_get_number(&r, names[i], 0, 1);
		assert_int_equal(state_read(&r, &e), -EBADMSG);
		assert_contains(e.msg, "what stands in its place is no field");
		state_writer_done(&w);
	}
}

static void get_refused(struct state_reader *r)
{
	(void)state_get_number(r, "wide", 0, UINT64_MAX);
	state_refuse(r, "wide", "does not go with offset");
}

static void get_past_end(struct state_reader *r)
{
	struct err e = ERR_INIT;
	assert_int_equal(read_first(r, &e), 0);
	(void)state_get_number(r, "more", 0, 1);
}

static void state__field_does_not_fit__named(void **state)
{
	(void)state;
#define FAULT "saved state of serial0 (16550A): field "
	assert_fault(get_too_small,
		FAULT "wide: is 0x123456789abcdef0, and must be from 0x123456789abcdef1 to "
		      "0xffffffffffffffff");
	assert_fault(
		get_too_large, FAULT "wide: is 0x123456789abcdef0, and must be from 0 to 0xff");
	assert_fault(get_no_flag, FAULT "wide: is 0x123456789abcdef0, and must be from 0 to 0x1");
	assert_fault(get_other_type, FAULT "wide: is of another type");
	assert_fault(get_missing, FAULT "narrow: is missing");
	assert_fault(get_later,
		FAULT "wide: is not of version 1, or not in this place, which is that of flag");
	assert_fault(get_signed_range, FAULT "offset: is -5, and must be from -4 to 4");
	assert_fault(get_to_rx, FAULT "rx: is not of this version");
	assert_fault(get_too_many, FAULT "rx: has 3 elements, and must have from 0 to 2");
	assert_fault(get_too_few, FAULT "rx: has 3 elements, and must have from 4 to 4");
	assert_fault(get_other_count, FAULT "entries: has 2 elements, and must have from 3 to 3");
	assert_fault(get_bytes_of_another_type, FAULT "wide: is of another type");
	assert_fault(get_numbers_missing, FAULT "entry: is missing");
	assert_fault(
		get_below_least, FAULT "wide: is 0x123456789abcdef0, and must be from 0x5 to 0x6");
	assert_fault(get_refused, FAULT "wide: does not go with offset");
	assert_fault(get_past_end, FAULT "more: is missing");
}

/* All of it, whatever it is: never past the end (ASan), and an answer. */
static int read_all(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* of exactly that size */
	struct state_reader r;
	struct err e = ERR_INIT;
	int rc, fault = 0;
	assert_non_null(copy);
	memcpy(copy, bytes, n);
	r = state_reader(copy, n);
	while ((rc = state_next(&r, &e)) == 1) {
		rc = strcmp(r.id, "serial0") == 0 ? read_first(&r, &e) : state_read(&r, &e);
		if (rc)
			fault = rc;
	}
	free(copy);
	return rc ? rc : fault;
}

static void state__cut_short_anywhere__refused(void **state)
{
	struct state_writer w = two();
	unsigned good = 0;
	(void)state;
	for (size_t n = 0; n <= w.used; n++)
		good += read_all(w.bytes, n) == 0;
	assert_int_equal(good, 3); /* nothing at all; the first section; both */
	state_writer_done(&w);
}

static void state__any_byte_changed__read_or_refused(void **state)
{
	struct state_writer w = two();
	(void)state;
	for (size_t at = 0; at < w.used; at++) {
		uint8_t was = w.bytes[at];
		for (unsigned v = 0; v < 256; v++) {
			w.bytes[at] = (uint8_t)v;
			int rc = read_all(w.bytes, w.used);
			assert_true(rc == 0 || rc == -EBADMSG);
		}
		w.bytes[at] = was;
	}
	state_writer_done(&w);
}

static void assert_no_section(const char *bytes, size_t n)
{
	struct state_reader r = state_reader(bytes, n);
	struct err e = ERR_INIT;
	assert_int_equal(state_next(&r, &e), -EBADMSG);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.msg, "no section"));
}

static void state__header_is_bad__no_section(void **state)
{
	(void)state;
#define NO_SECTION(text) assert_no_section(text, sizeof(text) - 1)
	NO_SECTION("N");
	NO_SECTION("NSEX\1a\1b\1\0\0\0\0\0");
	NO_SECTION("NSEC\0\1b\1\0\0\0\0\0");
	NO_SECTION("NSEC\1A\1b\1\0\0\0\0\0");
	NO_SECTION("NSEC\1a\0\1\0\0\0\0\0");
	NO_SECTION("NSEC\1a\1\n\1\0\0\0\0\0");
	NO_SECTION("NSEC\1a\1b\0\0\0\0\0\0");
	NO_SECTION("NSEC\1a\1b\1\0\1\0\0\0");
	NO_SECTION("NSEC\1a\1b\1\0\xff\xff\xff\xff");
	NO_SECTION("NSEC\40abcdefghijklmnopqrstuvwxyzabcdef\1b\1\0\0\0\0\0");
}

static void assert_not_written(struct state_writer *w, int rc, enum err_kind kind, const char *what)
{
	struct err e = ERR_INIT;
	assert_int_equal(state_written(w, &e), rc);
	assert_int_equal(e.kind, kind);
	assert_contains(e.msg, "saving state: ");
	assert_contains(e.msg, what);
	state_writer_done(w);
}

static void writer__used_wrongly__a_bug(void **state)
{
	struct state_writer w = { 0 };
	(void)state;
	state_put_number(&w, "a", 1);
	assert_not_written(&w, -EINVAL, ERR_BUG, "no section is open");
	state_begin(&w, "a", "a", 1);
	assert_not_written(&w, -EINVAL, ERR_BUG, "a section is open");
	state_begin(&w, "a", "a", 1);
	state_begin(&w, "b", "b", 1);
	assert_not_written(&w, -EINVAL, ERR_BUG, "b: the last section is open");
	state_end(&w);
	assert_not_written(&w, -EINVAL, ERR_BUG, "no section is open");
	state_begin(&w, "a", "a", 0);
	assert_not_written(&w, -EINVAL, ERR_BUG, "a: no such version");
	state_begin(&w, "abcdefghijklmnopqrstuvwxyzabcdef", "a", 1);
	assert_not_written(&w, -EINVAL, ERR_BUG, "1 to 31 letters");
	state_begin(&w, "a", "a", UINT16_MAX + 1);
	assert_not_written(&w, -EINVAL, ERR_BUG, "a: no such version");
	state_begin(&w, "a", "a", UINT16_MAX);
	state_end(&w);
	assert_int_equal(state_written(&w, NULL), 0);
	state_writer_done(&w);
}

static void writer__section_too_large__refused(void **state)
{
	struct state_writer w = { 0 };
	uint8_t *large = calloc(1, STATE_MAX_SECTION_BYTES);
	(void)state;
	assert_non_null(large);
	state_begin(&w, "a", "a", 1);
	state_put_bytes(&w, "b", large, STATE_MAX_SECTION_BYTES - 7);
	state_end(&w);
	assert_int_equal(state_written(&w, NULL), 0);
	assert_int_equal(read_all(w.bytes, w.used), -EBADMSG); /* b is no field of a's */
	state_begin(&w, "a", "a", 1);
	state_put_bytes(&w, "b", large, STATE_MAX_SECTION_BYTES - 6);
	state_end(&w);
	assert_not_written(&w, -E2BIG, ERR_HOST, "b: the section is too large");
	free(large);
}

static void writer__out_of_memory__said_at_the_end(void **state)
{
	struct state_writer w = { 0 };
	uint8_t bytes[2000] = { 0 };
	(void)state;
	for (int i = 1; i <= 2; i++) {
		allocation_fail_at((unsigned)i);
		state_begin(&w, "a", "a", 1);
		state_put_bytes(&w, "b", bytes, sizeof(bytes));
		state_put_number(&w, "c", 1);
		state_end(&w);
		allocation_fail_at(0);
		assert_not_written(&w, -ENOMEM, ERR_HOST, "out of memory");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state__written_and_read__the_same),
		cmocka_unit_test(state__written__these_bytes),
		cmocka_unit_test(state__section_skipped__next_is_found),
		cmocka_unit_test(state__field_does_not_fit__named),
		cmocka_unit_test(state__bytes_that_are_no_field__said),
		cmocka_unit_test(state__cut_short_anywhere__refused),
		cmocka_unit_test(state__any_byte_changed__read_or_refused),
		cmocka_unit_test(state__header_is_bad__no_section),
		cmocka_unit_test(writer__used_wrongly__a_bug),
		cmocka_unit_test(writer__section_too_large__refused),
		cmocka_unit_test(writer__out_of_memory__said_at_the_end),
	};
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
