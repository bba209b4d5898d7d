/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/finding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void origin__made_and_read__the_same(void **state)
{
	(void)state;
	static const char *const files[] = { "vm.toml", "/a/b c.toml", "a:1:2", "x:", ":", "7" };
	static const unsigned numbers[] = { 1, 9, 10, 4711, 99999999 };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			char text[ORIGIN_BYTES];
			unsigned line = 0, column = 0;
			(void)origin_text(text, files[i], numbers[k], numbers[k] + 1);
			assert_int_equal(origin_file_bytes(text, &line, &column), strlen(files[i]));
			assert_int_equal(line, numbers[k]);
			assert_int_equal(column, numbers[k] + 1);
		}
	}
}

static void origin__no_place__names_no_file(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "--set", "--set a=b:1:2", "the policy", "vm.toml",
		"vm.toml:3", ":3", ":3:4", "vm.toml:3:", "vm.toml::3", "vm.toml:3:4x",
		"vm.toml:4294967296:1", "3:4" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		unsigned line = 7, column = 7;
		if (origin_file_bytes(texts[i], &line, &column) != 0)
			fail_msg("%s", texts[i]);
		assert_int_equal(line, 0);
		assert_int_equal(column, 0);
	}
}

static void findings_add__all_parts__are_kept_apart(void **state)
{
	(void)state;
	struct findings f = { 0 };
	char key[] = "cpu.model", origin[] = "vm.toml:3:9", fix[] = "do";
	findings_add(&f, FINDING_ERROR, &(struct fault){ "id", key, origin, fix }, "text: of it");
	key[0] = origin[0] = fix[0] = '!';
	findings_add(&f, FINDING_NOTE, &(struct fault){ "bare", NULL, NULL, "" }, "alone");
	assert_int_equal(f.n, 2);
	assert_string_equal(f.items[0].id, "id");
	assert_string_equal(f.items[0].key, "cpu.model");
	assert_string_equal(f.items[0].origin, "vm.toml:3:9");
	assert_string_equal(f.items[0].file, "vm.toml");
	assert_int_equal(f.items[0].line, 3);
	assert_int_equal(f.items[0].column, 9);
	assert_string_equal(f.items[0].text, "text: of it");
	assert_string_equal(f.items[0].fix, "do");
	assert_true(!f.items[1].key && !f.items[1].origin && !f.items[1].file && !f.items[1].fix);
	findings_done(&f);
	assert_int_equal(f.n, 0);
}

static void expect_line(const char *key, const char *origin, const char *text, const char *expected)
{
	struct findings f = { 0 };
	findings_add(&f, FINDING_ERROR, &(struct fault){ "id", key, origin, NULL }, text);
	char *line = finding_line(&f.items[0]);
	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
	findings_done(&f);
}

static void finding_line__what_there_is__each_once(void **state)
{
	(void)state;
	expect_line("a.b", "f:1:2", "is wrong", "f:1:2: a.b: is wrong");
	expect_line("a.b", "f:1:2", "a.b is wrong", "f:1:2: a.b is wrong");
	expect_line("a.b", "f:1:2", "a.bc is wrong", "f:1:2: a.b: a.bc is wrong");
	expect_line("a.b", NULL, "is wrong", "a.b: is wrong");
	expect_line(NULL, "f", "is wrong", "f: is wrong");
	expect_line(NULL, NULL, "is wrong", "is wrong");
}

static void add(struct findings *f, const char *origin, const char *text)
{
	findings_add(f, FINDING_ERROR, &(struct fault){ "id", "k", origin, NULL }, text);
}

static void findings_say__what_forbids__is_the_answer_until_it_is_gone(void **state)
{
	(void)state;
	struct findings f = { 0 };
	findings_fix(&f, "of nothing");
	assert_int_equal(f.n, 0);
	for (unsigned i = 0; i < 100; i++)
		findings_say(&f, i % 2 ? FINDING_NOTE : FINDING_WEAKENS, "note", "%u", i);
	assert_false(f.forbidden);
	findings_say(&f, FINDING_FORBIDS, "late", "no %s", "way");
	findings_fix(&f, "try %u", 1);
	findings_fix(&f, "try %u", 2);
	assert_true(f.forbidden);
	assert_int_equal(f.n, 101);
	assert_null(f.items[99].fix);
	assert_string_equal(f.items[100].text, "no way");
	assert_string_equal(f.items[100].fix, "try 2");
	findings_remove(&f, 100);
	assert_false(f.forbidden);
	findings_done(&f);
}

static void findings_add_error__nothing_said_yet__who_is_at_fault_decides(void **state)
{
	(void)state;
	struct findings f = { 0 };
	struct err e = ERR_INIT;
	findings_add_error(&f, 0, &e); /* there is none */
	assert_int_equal(f.n, 0);
	(void)err_set(&e, -ENOTSUP, "the host lacks it");
	(void)err_hint(&e, -ENOTSUP, "another host");
	findings_add_error(&f, 0, &e);
	findings_add_error(&f, 0, &e); /* said */
	assert_int_equal(f.n, 1);
	assert_int_equal(f.items[0].level, FINDING_FORBIDS);
	assert_string_equal(f.items[0].fix, "another host");
	(void)err_set_config(&e, -EINVAL, "bad");
	findings_add_error(&f, 1, &e);
	assert_int_equal(f.items[1].level, FINDING_ERROR);
	findings_done(&f);
}

static void findings_sort__by_place__what_has_none_comes_last(void **state)
{
	(void)state;
	static const char *const sorted[] = { "e", "c", "b", "d", "a", "f", "g" };
	struct findings f = { 0 };
	add(&f, "--set", "a");
	add(&f, "m:2:10", "b");
	add(&f, "m:2:9", "c");
	add(&f, "m:11:1", "d");
	add(&f, "b:99:1", "e");
	add(&f, NULL, "f");
	add(&f, "m", "g");
	findings_sort(&f);
	for (size_t i = 0; i < f.n; i++)
		assert_string_equal(f.items[i].text, sorted[i]);
	findings_done(&f);
}

static void findings_merge__what_is_there__comes_once(void **state)
{
	(void)state;
	struct findings a = { 0 }, b = { 0 };
	add(&a, "m:1:1", "x");
	add(&b, "m:1:1", "x");
	add(&b, "m:1:2", "x");
	add(&b, "m:1:2", "x");
	findings_merge(&a, &b);
	assert_int_equal(a.n, 2);
	findings_remove(&a, 0);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.items[0].origin, "m:1:2");
	assert_true(findings_has_key(&a, "k"));
	assert_false(findings_has_key(&a, "other"));
	findings_done(&a);
	findings_done(&b);
}

static void findings_result__more_than_fit__are_counted_and_the_first_fix_is_the_hint(void **state)
{
	(void)state;
	struct findings f = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(findings_result(&f, &e), 0);
	for (int i = 0; i < 300; i++) {
		char text[40];
		(void)snprintf(text, sizeof(text), "fault number %03d", i);
		const struct fault what = { "id", "key", NULL, i >= 5 ? "mend it" : NULL };
		findings_add(&f, FINDING_ERROR, &what, text);
	}
	assert_int_equal(findings_result(&f, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.hint, "mend it");
	unsigned shown = 0;
	for (const char *p = e.msg; (p = strstr(p, "fault number")); p++)
		shown++;
	char tail[40];
	(void)snprintf(tail, sizeof(tail), "\nand %u more faults", 300 - shown);
	assert_true(shown > 20 && strlen(e.msg) > strlen(tail));
	assert_string_equal(e.msg + strlen(e.msg) - strlen(tail), tail);
	findings_done(&f);
}

static void findings_result__a_line_of_any_length__is_cut(void **state)
{
	(void)state;
	char *text = calloc(1, 5000);
	struct findings f = { 0 };
	struct err e = ERR_INIT;
	assert_non_null(text);
	(void)memset(text, 'x', 4999);
	add(&f, NULL, text);
	assert_int_equal(findings_result(&f, &e), -EINVAL);
	assert_true(strlen(e.msg) > 500);
	assert_null(strstr(e.msg, "more"));
	add(&f, NULL, text);
	assert_int_equal(findings_result(&f, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "\nand 1 more fault"));
	findings_done(&f);
	free(text);
}

static void err_fault__collected__message_and_value(void **state)
{
	(void)state;
	struct findings f = { 0 };
	struct err e = { .findings = &f };
	assert_int_equal(
		err_fault(&e, -EINVAL, &(struct fault){ "a", "k", "m:1:2", NULL }, "n %d", 1),
		-EINVAL);
	(void)err_fault(&e, -EINVAL, &(struct fault){ "b", NULL, NULL, NULL }, "second");
	assert_string_equal(e.msg, "m:1:2: k: n 1\nsecond");
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.items[0].text, "n 1");
	assert_int_equal(f.items[0].column, 2);
	findings_done(&f);
	assert_int_equal(
		err_fault(NULL, -EINVAL, &(struct fault){ "a", NULL, NULL, NULL }, "x"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origin__made_and_read__the_same),
		cmocka_unit_test(origin__no_place__names_no_file),
		cmocka_unit_test(findings_add__all_parts__are_kept_apart),
		cmocka_unit_test(finding_line__what_there_is__each_once),
		cmocka_unit_test(findings_say__what_forbids__is_the_answer_until_it_is_gone),
		cmocka_unit_test(findings_add_error__nothing_said_yet__who_is_at_fault_decides),
		cmocka_unit_test(findings_sort__by_place__what_has_none_comes_last),
		cmocka_unit_test(findings_merge__what_is_there__comes_once),
		cmocka_unit_test(
			findings_result__more_than_fit__are_counted_and_the_first_fix_is_the_hint),
		cmocka_unit_test(findings_result__a_line_of_any_length__is_cut),
		cmocka_unit_test(err_fault__collected__message_and_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
