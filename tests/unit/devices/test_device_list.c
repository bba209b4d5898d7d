/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/device_list.h"

#include <errno.h>
#include <stdlib.h>

/* Writes down what is done to it. */
struct logged {
	struct device dev; /* first */
	char *log;         /* of all of them, a letter each; upper case: this one is 'A' to 'Z' */
	char letter;
};

static void note(struct device *dev, char what)
{
	struct logged *d = (struct logged *)dev;
	char text[3] = { what, d->letter, '\0' };
	strcat(d->log, text);
}

static uint64_t read_nothing(struct device *dev, unsigned region, uint64_t offset, unsigned size)
{
	(void)dev;
	(void)region;
	(void)offset;
	(void)size;
	return 0;
}

static void write_nothing(
	struct device *dev, unsigned region, uint64_t offset, unsigned size, uint64_t value)
{
	(void)dev;
	(void)region;
	(void)offset;
	(void)size;
	(void)value;
}

static void on_reset(struct device *dev)
{
	note(dev, '!');
}

static void on_quiesce(struct device *dev)
{
	note(dev, '-');
}

static void on_resume(struct device *dev)
{
	note(dev, '+');
}

static void on_destroy(struct device *dev)
{
	note(dev, '/');
	free(dev);
}

static const struct device_ops ops = {
	.name = "logged",
	.read = read_nothing,
	.write = write_nothing,
	.reset = on_reset,
	.quiesce = on_quiesce,
	.resume = on_resume,
	.destroy = on_destroy,
};

static struct device *logged(char *log, char letter)
{
	struct logged *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	*d = (struct logged){ .dev.ops = &ops, .log = log, .letter = letter };
	return &d->dev;
}

static void add(struct device_list *list, char *log, char letter, const char *id)
{
	struct err e = ERR_INIT;
	assert_int_equal(device_list_add(list, logged(log, letter), id, &e), 0);
}

static void list__of_three__acts_in_order(void **state)
{
	struct device_list list = { 0 };
	char log[64] = "";
	(void)state;
	add(&list, log, 'A', "a");
	add(&list, log, 'B', "b");
	add(&list, log, 'C', "c");
	device_list_quiesce(&list);
	device_list_quiesce(&list);
	device_list_resume(&list);
	device_list_resume(&list);
	device_list_destroy(&list);
	assert_string_equal(log, "-C-B-A+A+B+C/C/B/A");
	assert_int_equal(list.nr_devices, 0);
}

static void list__add_while_quiesced__comes_quiesced(void **state)
{
	struct device_list list = { 0 };
	char log[64] = "";
	(void)state;
	add(&list, log, 'A', "a");
	device_list_quiesce(&list);
	add(&list, log, 'B', "b");
	device_list_resume(&list);
	device_list_destroy(&list);
	assert_string_equal(log, "-A-B+A+B/B/A");
}

static void list__find__by_whole_id(void **state)
{
	struct device_list list = { 0 };
	char log[64] = "";
	(void)state;
	assert_null(device_list_find(&list, "serial1"));
	add(&list, log, 'A', "serial1");
	add(&list, log, 'B', "serial10");
	assert_ptr_equal(device_list_find(&list, "serial1"), list.devices[0]);
	assert_ptr_equal(device_list_find(&list, "serial10"), list.devices[1]);
	assert_null(device_list_find(&list, "serial"));
	assert_string_equal(list.devices[1]->id, "serial10");
	device_list_destroy(&list);
}

static void list__add_refused__destroyed_and_list_as_it_was(void **state)
{
	struct device_list list = { 0 };
	char log[256] = "";
	const char *bad[] = { "", "a b", "A", "serial0/x", "\xc3\xa4",
		"abcdefghijklmnopqrstuvwx" /* one too long */ };
	struct err e = ERR_INIT;
	(void)state;
	add(&list, log, 'A', "abcdefghijklmnopqrstuvw");
	log[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(device_list_add(&list, logged(log, 'B'), bad[i], &e), -EINVAL);
	assert_string_equal(log, "/B/B/B/B/B/B");
	log[0] = '\0';
	assert_int_equal(
		device_list_add(&list, logged(log, 'B'), "abcdefghijklmnopqrstuvw", &e), -EEXIST);
	assert_non_null(strstr(e.msg, "abcdefghijklmnopqrstuvw"));
	assert_string_equal(log, "/B");
	assert_int_equal(device_list_add(&list, NULL, "x", &e), -ENOMEM);
	assert_int_equal(list.nr_devices, 1);
	device_list_destroy(&list);
}

static void list__device_without_an_op__a_bug(void **state)
{
	struct device_ops incomplete[6];
	struct device_list list = { 0 };
	char log[64] = "";
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(incomplete); i++)
		incomplete[i] = ops;
	incomplete[0].read = NULL;
	incomplete[1].write = NULL;
	incomplete[2].reset = NULL;
	incomplete[3].quiesce = NULL;
	incomplete[4].resume = NULL;
	incomplete[5].name = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(incomplete); i++) {
		struct err e = ERR_INIT;
		struct device *dev = logged(log, 'A');
		dev->ops = &incomplete[i];
		assert_int_equal(device_list_add(&list, dev, "a", &e), -EINVAL);
		assert_int_equal(e.kind, ERR_BUG);
	}
	assert_string_equal(log, "/A/A/A/A/A/A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list__of_three__acts_in_order),
		cmocka_unit_test(list__add_while_quiesced__comes_quiesced),
		cmocka_unit_test(list__find__by_whole_id),
		cmocka_unit_test(list__add_refused__destroyed_and_list_as_it_was),
		cmocka_unit_test(list__device_without_an_op__a_bug),
	};
	return cmocka_run_group_tests_name("device_list", tests, NULL, NULL);
}
