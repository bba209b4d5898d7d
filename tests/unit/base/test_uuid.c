/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/uuid.h"

static void uuid_parse__text__its_bytes_in_order(void **state)
{
	(void)state;
	static const uint8_t expected[UUID_BYTES] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
		0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
	uint8_t uuid[UUID_BYTES];
	assert_true(uuid_parse("01234567-89ab-cdef-fedc-ba9876543210", uuid));
	assert_memory_equal(uuid, expected, sizeof(uuid));
	(void)memset(uuid, 0, sizeof(uuid));
	assert_true(uuid_parse("01234567-89AB-CDEF-FEDC-BA9876543210", uuid));
	assert_memory_equal(uuid, expected, sizeof(uuid));
}

static void uuid_parse__anything_else__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "-", "0123456789abcdeffedcba9876543210",
		"01234567-89ab-cdef-fedc-ba987654321", "01234567-89ab-cdef-fedc-ba98765432100",
		"01234567-89ab-cdef-fedcba9876543210-", "01234567-89ab-cdef-fedc-ba987654321g",
		"01234567 89ab cdef fedc ba9876543210", "012345678-9ab-cdef-fedc-ba9876543210",
		"+1234567-89ab-cdef-fedc-ba9876543210", "0x234567-89ab-cdef-fedc-ba9876543210",
		"{1234567-89ab-cdef-fedc-ba987654321}", "\xff\xff\xff\xff-\xff-\xff-\xff-\xff" };
	uint8_t uuid[UUID_BYTES];
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (uuid_parse(bad[i], uuid))
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuid_parse__text__its_bytes_in_order),
		cmocka_unit_test(uuid_parse__anything_else__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
