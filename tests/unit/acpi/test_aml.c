/* SPDX-License-Identifier: MIT */
#include "acpi/aml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* needs the above */
#include <cmocka.h>

#define BUF_BYTES (1u << 21)

struct fixture {
	struct aml aml;
	uint8_t *buf;
	size_t used;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->buf = malloc(BUF_BYTES);
	assert_non_null(f->buf);
	aml_init(&f->aml, f->buf, BUF_BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	free(f->buf);
	free(f);
	return 0;
}

#define assert_encodes(f, ...)                                                                     \
	do {                                                                                       \
		const uint8_t want_[] = { __VA_ARGS__ };                                           \
		assert_int_equal(aml_finish(&(f)->aml, &(f)->used, &(f)->err), 0);                 \
		assert_int_equal((f)->used, sizeof(want_));                                        \
		assert_memory_equal((f)->buf, want_, sizeof(want_));                               \
	} while (0)

static void assert_refused(struct fixture *f, int code, const char *text)
{
	assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), code);
	assert_int_equal(f->err.kind, ERR_BUG);
	assert_string_equal(f->err.msg, text);
}

static void aml_integer__each_width__shortest_form(void **state)
{
	struct fixture *f = *state;
	const uint64_t values[] = { 0, 1, 2, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff,
		UINT64_C(0x100000000), UINT64_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		aml_integer(&f->aml, values[i]);
	assert_encodes(f, 0x00, 0x01, 0x0a, 2, 0x0a, 0xff, 0x0b, 0, 1, 0x0b, 0xff, 0xff, 0x0c, 0, 0,
		1, 0, 0x0c, 0xff, 0xff, 0xff, 0xff, 0x0e, 0, 0, 0, 0, 1, 0, 0, 0, 0x0e, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
}

static void aml_string__text__has_a_final_nul(void **state)
{
	struct fixture *f = *state;
	aml_string(&f->aml, "Ab");
	aml_string(&f->aml, "");
	assert_encodes(f, 0x0d, 'A', 'b', 0, 0x0d, 0);
}

static void aml_string__not_ascii__refused(void **state)
{
	struct fixture *f = *state;
	aml_string(&f->aml, "\xc3\xa4");
	assert_refused(f, -EINVAL, "AML cannot encode '\xc3\xa4'");
}

static void aml_eisa_id__pnp__compressed(void **state)
{
	struct fixture *f = *state;
	aml_eisa_id(&f->aml, "PNP0C02");
	aml_eisa_id(&f->aml, "PNP0000");
	assert_encodes(f, 0x0c, 0x41, 0xd0, 0x0c, 0x02, 0x0b, 0x41, 0xd0);
}

static void aml_eisa_id__malformed__refused(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = { "", "PNP050", "PNP05011", "pnp0501", "PN10501", "PNP05g1",
		"PNP0a01" };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		aml_init(&f->aml, f->buf, BUF_BYTES);
		aml_eisa_id(&f->aml, ids[i]);
		assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), -EINVAL);
	}
}

static void aml_name__one_segment__padded(void **state)
{
	struct fixture *f = *state;
	aml_name(&f->aml, "_HID");
	aml_name(&f->aml, "A");
	aml_name(&f->aml, "B2");
	assert_encodes(f, 8, '_', 'H', 'I', 'D', 8, 'A', '_', '_', '_', 8, 'B', '2', '_', '_');
}

static void aml_name__paths__prefixed_by_count(void **state)
{
	struct fixture *f = *state;
	aml_name(&f->aml, "\\");
	aml_name(&f->aml, "\\_SB");
	aml_name(&f->aml, "\\_SB.COM1");
	aml_name(&f->aml, "A.B.C");
	assert_encodes(f, 8, '\\', 0, 8, '\\', '_', 'S', 'B', '_', 8, '\\', 0x2e, '_', 'S', 'B',
		'_', 'C', 'O', 'M', '1', 8, 0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C',
		'_', '_', '_');
}

static void aml_name__malformed__refused(void **state)
{
	struct fixture *f = *state;
	const char *names[] = { "", "ABCDE", "1ABC", "abcd", "A..B", ".A", "A.", "A B", "\\.A",
		"^A" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		aml_init(&f->aml, f->buf, BUF_BYTES);
		aml_name(&f->aml, names[i]);
		assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), -EINVAL);
	}
	assert_string_equal(f->err.msg, "AML cannot encode '^A'");
}

/* "A.A. … .A" of nr segments. */
static void fill_path(char *path, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		path[2 * i] = 'A';
		path[2 * i + 1] = '.';
	}
	path[2 * nr - 1] = '\0';
}

static void aml_name__255_segments__encoded(void **state)
{
	struct fixture *f = *state;
	char path[2 * 255];
	fill_path(path, 255);
	aml_name(&f->aml, path);
	assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), 0);
	assert_int_equal(f->used, 3 + 255 * 4);
	assert_int_equal(f->buf[2], 255);
}

static void aml_name__256_segments__refused(void **state)
{
	struct fixture *f = *state;
	char path[2 * 256];
	fill_path(path, 256);
	aml_name(&f->aml, path);
	assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), -EINVAL);
}

/* A Scope (A) whose PkgLength counts `length` bytes: itself, 4 of name, the rest of zeros. */
static void scope_of(struct fixture *f, size_t length, size_t length_bytes)
{
	aml_init(&f->aml, f->buf, BUF_BYTES);
	aml_scope_open(&f->aml, "A");
	for (size_t i = 0; i < length - length_bytes - 4; i++)
		aml_integer(&f->aml, 0);
	aml_close(&f->aml);
	assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), 0);
	assert_int_equal(f->used, 1 + length);
	assert_memory_equal(f->buf + 1 + length_bytes, "A___", 4);
}

static void aml_close__63_bytes__one_length_byte(void **state)
{
	struct fixture *f = *state;
	scope_of(f, 63, 1);
	assert_int_equal(f->buf[1], 0x3f);
}

static void aml_close__one_more_than_63__two_length_bytes(void **state)
{
	struct fixture *f = *state;
	/* 63 bytes of content need a second length byte, so the length is 65; 64 never occurs. */
	scope_of(f, 65, 2);
	assert_memory_equal(f->buf + 1, "\x41\x04", 2);
}

static void aml_close__4095_bytes__two_length_bytes(void **state)
{
	struct fixture *f = *state;
	scope_of(f, 4095, 2);
	assert_memory_equal(f->buf + 1, "\x4f\xff", 2);
}

static void aml_close__one_more_than_4095__three_length_bytes(void **state)
{
	struct fixture *f = *state;
	scope_of(f, 4097, 3);
	assert_memory_equal(f->buf + 1, "\x81\x00\x01", 3);
}

static void aml_close__1_mib_less_one__three_length_bytes(void **state)
{
	struct fixture *f = *state;
	scope_of(f, 0xfffff, 3);
	assert_memory_equal(f->buf + 1, "\x8f\xff\xff", 3);
}

static void aml_close__above_1_mib__four_length_bytes(void **state)
{
	struct fixture *f = *state;
	scope_of(f, 0x100001, 4);
	assert_memory_equal(f->buf + 1, "\xc1\x00\x00\x01", 4);
}

static void aml_close__nested__outer_counts_inner(void **state)
{
	struct fixture *f = *state;
	aml_scope_open(&f->aml, "\\_SB");
	aml_device_open(&f->aml, "D");
	aml_close(&f->aml);
	aml_close(&f->aml);
	assert_encodes(
		f, 0x10, 0x0d, '\\', '_', 'S', 'B', '_', 0x5b, 0x82, 0x05, 'D', '_', '_', '_');
}

static void aml_close__nothing_open__refused(void **state)
{
	struct fixture *f = *state;
	aml_close(&f->aml);
	assert_refused(f, -EINVAL, "AML cannot encode 'a close without an open'");
}

static void aml_finish__left_open__refused(void **state)
{
	struct fixture *f = *state;
	aml_scope_open(&f->aml, "A");
	aml_device_open(&f->aml, "B");
	assert_refused(f, -EINVAL, "AML ends with 2 packages open");
}

static void aml_scope_open__too_deep__refused(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < AML_MAX_DEPTH + 1; i++)
		aml_scope_open(&f->aml, "DEEP");
	assert_refused(f, -EINVAL, "AML cannot encode 'DEEP'");
}

static void aml_buffer__bytes__size_comes_first(void **state)
{
	struct fixture *f = *state;
	aml_buffer(&f->aml, (const uint8_t[]){ 7, 8, 9 }, 3);
	assert_encodes(f, 0x11, 0x06, 0x0a, 3, 7, 8, 9);
}

static void aml_resources__io_and_irq__template(void **state)
{
	struct fixture *f = *state;
	struct aml_resources r = { .used = 0 };
	aml_resources_io(&r, 0x3f8, 8);
	aml_resources_irq(&r, 12);
	aml_resources(&f->aml, &r);
	assert_encodes(f, 0x11, 0x10, 0x0a, 13, 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x00, 0x10,
		0x79, 0);
}

static void aml_resources__not_expressible__refused(void **state)
{
	struct fixture *f = *state;
	struct aml_resources bad[4] = { { .used = 0 } };
	aml_resources_io(&bad[0], 0x3f8, 0);
	aml_resources_io(&bad[1], 0xffff, 2);
	aml_resources_irq(&bad[2], 16);
	for (int i = 0; i < AML_RESOURCES_BYTES / 8 + 1; i++)
		aml_resources_io(&bad[3], 0x10, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		aml_init(&f->aml, f->buf, BUF_BYTES);
		aml_resources(&f->aml, &bad[i]);
		assert_refused(f, -EINVAL, "AML cannot encode 'a resource template'");
	}
}

static void write_all_kinds(struct aml *a)
{
	struct aml_resources r = { .used = 0 };
	aml_resources_io(&r, 0xffff, 1);
	aml_scope_open(a, "\\_SB.A.B");
	aml_device_open(a, "C");
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0501");
	aml_name(a, "_UID");
	aml_integer(a, UINT64_MAX);
	aml_string(a, "text");
	aml_resources(a, &r);
	aml_close(a);
	aml_close(a);
}

/* Under ASan, a byte past any of these buffers is found. */
static void aml__every_smaller_buffer__no_room(void **state)
{
	struct fixture *f = *state;
	write_all_kinds(&f->aml);
	assert_int_equal(aml_finish(&f->aml, &f->used, &f->err), 0);
	size_t whole = f->used;
	for (size_t n = 0; n <= whole; n++) {
		struct aml a;
		size_t used = 12345;
		uint8_t *exact = malloc(n ? n : 1);
		assert_non_null(exact);
		aml_init(&a, exact, n);
		write_all_kinds(&a);
		assert_int_equal(aml_finish(&a, &used, NULL), n < whole ? -ENOSPC : 0);
		assert_int_equal(used, n < whole ? 12345 : whole);
		free(exact);
	}
}

static void aml__first_fault__is_the_one_reported(void **state)
{
	struct fixture *f = *state;
	aml_init(&f->aml, f->buf, 4);
	aml_string(&f->aml, "longer than four");
	aml_eisa_id(&f->aml, "bad");
	assert_refused(f, -ENOSPC, "AML does not fit into 4 bytes");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(aml_integer__each_width__shortest_form),
		T(aml_string__text__has_a_final_nul),
		T(aml_string__not_ascii__refused),
		T(aml_eisa_id__pnp__compressed),
		T(aml_eisa_id__malformed__refused),
		T(aml_name__one_segment__padded),
		T(aml_name__paths__prefixed_by_count),
		T(aml_name__malformed__refused),
		T(aml_name__255_segments__encoded),
		T(aml_name__256_segments__refused),
		T(aml_close__63_bytes__one_length_byte),
		T(aml_close__one_more_than_63__two_length_bytes),
		T(aml_close__4095_bytes__two_length_bytes),
		T(aml_close__one_more_than_4095__three_length_bytes),
		T(aml_close__1_mib_less_one__three_length_bytes),
		T(aml_close__above_1_mib__four_length_bytes),
		T(aml_close__nested__outer_counts_inner),
		T(aml_close__nothing_open__refused),
		T(aml_finish__left_open__refused),
		T(aml_scope_open__too_deep__refused),
		T(aml_buffer__bytes__size_comes_first),
		T(aml_resources__io_and_irq__template),
		T(aml_resources__not_expressible__refused),
		T(aml__every_smaller_buffer__no_room),
		T(aml__first_fault__is_the_one_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
