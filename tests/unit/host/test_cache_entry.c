/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/cache_entry.h"

#include <stdlib.h>

#define UNPACKED_BYTES (3 * CACHE_BLOCK_BYTES + 1000)

static const uint8_t payload[] = "a payload, compressed";

struct fixture {
	uint8_t *unpacked; /* blocks 0 and 3 have something, the others are zero */
	struct cache_entry entry;
	uint8_t header[CACHE_HEADER_BYTES];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->unpacked = calloc(1, UNPACKED_BYTES);
	if (!f->unpacked)
		return -1;
	f->unpacked[CACHE_BLOCK_BYTES - 1] = 1;
	f->unpacked[UNPACKED_BYTES - 1] = 2;
	cache_entry_describe(&f->entry, payload, sizeof(payload), f->unpacked, UNPACKED_BYTES);
	cache_entry_encode(&f->entry, f->header);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	free(f->unpacked);
	free(f);
	return 0;
}

static void describe__zero_blocks__not_present(void **state)
{
	const struct fixture *f = *state;
	assert_int_equal(cache_entry_nr_blocks(&f->entry), 4);
	assert_true(cache_entry_has_block(&f->entry, 0));
	assert_false(cache_entry_has_block(&f->entry, 1));
	assert_false(cache_entry_has_block(&f->entry, 2));
	assert_true(cache_entry_has_block(&f->entry, 3));
	assert_int_equal(cache_entry_block_bytes(&f->entry, 0), CACHE_BLOCK_BYTES);
	assert_int_equal(cache_entry_block_bytes(&f->entry, 3), 1000);
	assert_int_equal(cache_entry_file_bytes(&f->entry),
		CACHE_HEADER_BYTES + sizeof(payload) + CACHE_BLOCK_BYTES + 1000);
}

static void describe__other_block__other_hash(void **state)
{
	struct fixture *f = *state;
	struct cache_entry other;
	f->unpacked[UNPACKED_BYTES - 1] = 3;
	cache_entry_describe(&other, payload, sizeof(payload), f->unpacked, UNPACKED_BYTES);
	assert_true(other.blocks_hash != f->entry.blocks_hash);
	assert_true(other.payload_hash.low == f->entry.payload_hash.low);
}

static void decode__encoded__is_the_same(void **state)
{
	const struct fixture *f = *state;
	struct cache_entry got;
	assert_null(cache_entry_decode(f->header, cache_entry_file_bytes(&f->entry), &got));
	assert_int_equal(got.payload_bytes, sizeof(payload));
	assert_int_equal(got.unpacked_bytes, UNPACKED_BYTES);
	assert_true(got.payload_hash.low == f->entry.payload_hash.low);
	assert_true(got.payload_hash.high == f->entry.payload_hash.high);
	assert_true(got.blocks_hash == f->entry.blocks_hash);
	assert_memory_equal(got.present, f->entry.present, sizeof(got.present));
}

static void decode__any_bit_changed__refused(void **state)
{
	struct fixture *f = *state;
	struct cache_entry got;
	uint64_t bytes = cache_entry_file_bytes(&f->entry);
	for (size_t i = 0; i < CACHE_HEADER_BYTES; i++) {
		uint8_t bit = (uint8_t)(1U << (i % 8));
		f->header[i] ^= bit;
		assert_non_null(cache_entry_decode(f->header, bytes, &got));
		f->header[i] ^= bit;
	}
}

static void decode__other_length__refused(void **state)
{
	const struct fixture *f = *state;
	struct cache_entry got;
	uint64_t bytes = cache_entry_file_bytes(&f->entry);
	assert_non_null(cache_entry_decode(f->header, bytes - 1, &got));
	assert_non_null(cache_entry_decode(f->header, bytes + 1, &got));
	assert_non_null(cache_entry_decode(f->header, 0, &got));
	assert_non_null(cache_entry_decode(f->header, UINT64_MAX, &got));
}

static void decode__impossible_sizes_with_right_hash__refused(void **state)
{
	static const struct {
		uint64_t payload, unpacked;
	} sizes[] = { { 0, 1 }, { 1, 0 }, { UINT64_MAX, 1 }, { UINT64_MAX - CACHE_HEADER_BYTES, 1 },
		{ 1, UINT64_MAX }, { 1, CACHE_MAX_UNPACKED_BYTES + 1 } };
	struct fixture *f = *state;
	struct cache_entry got;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		f->entry.payload_bytes = sizes[i].payload;
		f->entry.unpacked_bytes = sizes[i].unpacked;
		cache_entry_encode(&f->entry, f->header);
		assert_non_null(cache_entry_decode(f->header, 100000, &got));
	}
}

static void is_name__names_and_others__told_apart(void **state)
{
	char name[CACHE_NAME_BYTES];
	(void)state;
	cache_entry_name((struct hash128){ UINT64_MAX, 1 }, name);
	assert_string_equal(name, "0000000000000001ffffffffffffffff.kernel");
	assert_true(cache_entry_is_name(name));
	assert_false(cache_entry_is_name("0000000000000001ffffffffffffffff.kernel.wanted"));
	assert_false(cache_entry_is_name("0000000000000001ffffffffffffffff"));
	assert_false(cache_entry_is_name("0000000000000001fffffffffffffff.kernel"));
	assert_false(cache_entry_is_name("0000000000000001FFFFFFFFFFFFFFFF.kernel"));
	assert_false(cache_entry_is_name("../00000000000001ffffffffffffffff.kernel"));
	assert_false(cache_entry_is_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			describe__zero_blocks__not_present, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			describe__other_block__other_hash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(decode__encoded__is_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			decode__any_bit_changed__refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(decode__other_length__refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			decode__impossible_sizes_with_right_hash__refused, set_up, tear_down),
		cmocka_unit_test(is_name__names_and_others__told_apart),
	};
	return cmocka_run_group_tests_name("host/cache_entry", tests, NULL, NULL);
}
