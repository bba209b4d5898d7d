/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

static void err_set__message__has_code_kind_and_no_hint(void **state)
{
	(void)state;
	struct err e = { .kind = ERR_BUG, .msg = "old", .hint = "old" };
	assert_int_equal(err_set(&e, -EINVAL, "leaf %#x", 0xb), -EINVAL);
	assert_int_equal(e.kind, ERR_HOST);
	assert_string_equal(e.msg, "leaf 0xb");
	assert_string_equal(e.hint, "");
}

static void err_set_config__message__is_the_users_fault(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_set_config(&e, -ENOENT, "no %s", "file"), -ENOENT);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.msg, "no file");
}

static void err_set_errno__code__appends_its_text(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_set_errno(&e, -ENOENT, "open %s", "x"), -ENOENT);
	assert_string_equal(e.msg, "open x: No such file or directory");
}

static void err_functions__null_err__return_the_code(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -1, "x"), -1);
	assert_int_equal(err_set_config(NULL, -2, "x"), -2);
	assert_int_equal(err_set_errno(NULL, -3, "x"), -3);
	assert_int_equal(err_wrap(NULL, -4, "x"), -4);
	assert_int_equal(err_hint(NULL, -5, "x"), -5);
}

static void err_wrap__message_and_hint__prefixes_and_keeps_the_rest(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	(void)err_set_config(&e, -EINVAL, "bad value");
	(void)err_hint(&e, -EINVAL, "use %d", 7);
	assert_int_equal(err_wrap(&e, -EINVAL, "vm.toml:%d", 3), -EINVAL);
	assert_string_equal(e.msg, "vm.toml:3: bad value");
	assert_string_equal(e.hint, "use 7");
	assert_int_equal(e.kind, ERR_CONFIG);
}

static void err_reason__wrapped_or_not__what_was_said_at_first(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	(void)err_set(&e, -EIO, "a: b");
	assert_string_equal(err_reason(&e), "a: b");
	(void)err_wrap(&e, -EIO, "%s", "path: with: colons");
	assert_string_equal(e.msg, "path: with: colons: a: b");
	assert_string_equal(err_reason(&e), "a: b");
	(void)err_wrap(&e, -EIO, "outer");
	assert_string_equal(err_reason(&e), "path: with: colons: a: b");
	(void)err_set(&e, -EIO, "new");
	assert_string_equal(err_reason(&e), "new");
	/* What was cut away leaves all there is. */
	char long_text[600];
	(void)memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (int i = 0; i < 3; i++)
		(void)err_wrap(&e, -EIO, "%s", long_text);
	assert_true(err_reason(&e) >= e.msg && err_reason(&e) <= e.msg + strlen(e.msg));
}

static void err_wrap__its_own_message_as_argument__is_read_before_it_changes(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	(void)err_set(&e, -EIO, "one");
	(void)err_wrap(&e, -EIO, "%s", e.msg);
	assert_string_equal(e.msg, "one: one");
}

static void err_wrap__message_that_fits__loses_nothing(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char body[1000];
	memset(body, 'b', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	(void)err_set(&e, -EIO, "%s", body);
	(void)err_wrap(&e, -EIO, "head");
	assert_memory_equal(e.msg, "head: ", 6);
	assert_string_equal(e.msg + 6, body);
}

static void err_texts__longer_than_the_buffers__are_cut_off(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char body[4096];
	memset(body, 'b', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	(void)err_set_errno(&e, -EIO, "%s", body);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_hint(&e, -EIO, "%s", body);
	assert_int_equal(strlen(e.hint), sizeof(e.hint) - 1);
	(void)err_wrap(&e, -EIO, "%s", body);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_non_null(strstr(e.msg, "b: b"));
}

/* Of descriptors: which limit, and how to raise it. */
static void err_set_errno__no_descriptors__hints_at_the_limit(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct rlimit limit;
	char number[64];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	(void)snprintf(number, sizeof(number),
		"may have %llu descriptors: raise the limit (ulimit -n",
		(unsigned long long)limit.rlim_cur);
	assert_int_equal(err_set_errno(&e, -EMFILE, "cannot open it"), -EMFILE);
	assert_string_equal(e.msg, "cannot open it: Too many open files");
	assert_non_null(strstr(e.hint, number));
	assert_int_equal(err_set_errno(&e, -ENFILE, "cannot open it"), -ENFILE);
	assert_non_null(strstr(e.hint, "raise fs.file-max"));
	assert_int_equal(err_set_errno(&e, -EACCES, "cannot open it"), -EACCES);
	assert_string_equal(e.hint, "");
	assert_int_equal(err_set_errno(NULL, -EMFILE, "cannot open it"), -EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set__message__has_code_kind_and_no_hint),
		cmocka_unit_test(err_set_config__message__is_the_users_fault),
		cmocka_unit_test(err_set_errno__code__appends_its_text),
		cmocka_unit_test(err_set_errno__no_descriptors__hints_at_the_limit),
		cmocka_unit_test(err_functions__null_err__return_the_code),
		cmocka_unit_test(err_wrap__message_and_hint__prefixes_and_keeps_the_rest),
		cmocka_unit_test(err_reason__wrapped_or_not__what_was_said_at_first),
		cmocka_unit_test(err_wrap__its_own_message_as_argument__is_read_before_it_changes),
		cmocka_unit_test(err_wrap__message_that_fits__loses_nothing),
		cmocka_unit_test(err_texts__longer_than_the_buffers__are_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
