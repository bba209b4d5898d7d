/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/device_list.h"

#include <errno.h>
#include <stdlib.h>

/* Writes down what is done to it. */
struct logged {
	struct device dev; /* first */
	char *log;         /* of all of them: what, and to whom */
	char letter;
	unsigned value; /* its state */
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

static void on_save(struct device *dev, struct state_writer *w)
{
	state_put_number(w, "value", ((struct logged *)dev)->value);
}

static int on_load(struct device *dev, struct state_reader *r, struct err *e)
{
	unsigned value = (unsigned)state_get_number(r, "value", 0, 9);
	int rc = state_read(r, e);
	if (rc == 0) {
		((struct logged *)dev)->value = value;
		note(dev, '=');
	}
	return rc;
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
	.state_version = 2,
	.save = on_save,
	.load = on_load,
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
	assert_int_equal(list.nr_devices, 1);
	device_list_destroy(&list);
}

static void list__device_without_an_op__a_bug(void **state)
{
	struct device_ops incomplete[9];
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
	incomplete[6].state_version = 0;
	incomplete[7].save = NULL;
	incomplete[8].load = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(incomplete); i++) {
		struct err e = ERR_INIT;
		struct device *dev = logged(log, 'A');
		dev->ops = &incomplete[i];
		assert_int_equal(device_list_add(&list, dev, "a", &e), -EINVAL);
		assert_int_equal(e.kind, ERR_BUG);
	}
	assert_string_equal(log, "/A/A/A/A/A/A/A/A/A");
}

static void set_value(struct device_list *list, unsigned i, unsigned value)
{
	((struct logged *)list->devices[i])->value = value;
}

static unsigned value(const struct device_list *list, unsigned i)
{
	return ((struct logged *)list->devices[i])->value;
}

static void list__reset__all_in_order(void **state)
{
	struct device_list list = { 0 };
	char log[64] = "";
	(void)state;
	add(&list, log, 'A', "a");
	add(&list, log, 'B', "b");
	device_list_reset(&list);
	assert_string_equal(log, "!A!B");
	device_list_destroy(&list);
}

static void list__saved_and_loaded__in_the_lists_order(void **state)
{
	struct device_list list = { 0 };
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	char log[64] = "";
	(void)state;
	/* Sections in another order than the list has. */
	state_begin(&w, "b", "logged", 2);
	state_put_number(&w, "value", 7);
	state_end(&w);
	state_begin(&w, "a", "logged", 1); /* earlier versions are the device's to judge */
	state_put_number(&w, "value", 8);
	state_end(&w);
	add(&list, log, 'A', "a");
	add(&list, log, 'B', "b");
	device_list_quiesce(&list);
	log[0] = '\0';
	assert_int_equal(device_list_load(&list, state_reader(w.bytes, w.used), &e), 0);
	assert_string_equal(log, "=A=B");
	assert_int_equal(value(&list, 0), 8);
	assert_int_equal(value(&list, 1), 7);
	state_writer_done(&w);

	device_list_save(&list, &w);
	assert_int_equal(state_written(&w, &e), 0);
	set_value(&list, 0, 1);
	set_value(&list, 1, 2);
	assert_int_equal(device_list_load(&list, state_reader(w.bytes, w.used), &e), 0);
	assert_int_equal(value(&list, 0), 8);
	assert_int_equal(value(&list, 1), 7);
	state_writer_done(&w);
	device_list_destroy(&list);
}

struct section {
	const char *id, *kind;
	unsigned version, value;
};

static void assert_load_refused(
	const struct section *sections, unsigned n, bool tried, const char *want)
{
	struct device_list list = { 0 };
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	char log[64] = "";
	for (unsigned i = 0; i < n; i++) {
		state_begin(&w, sections[i].id, sections[i].kind, sections[i].version);
		state_put_number(&w, "value", sections[i].value);
		state_end(&w);
	}
	assert_int_equal(state_written(&w, &e), 0);
	add(&list, log, 'A', "a");
	add(&list, log, 'B', "b");
	set_value(&list, 0, 3);
	set_value(&list, 1, 4);
	device_list_quiesce(&list);
	log[0] = '\0';
	assert_int_equal(device_list_load(&list, state_reader(w.bytes, w.used), &e), -EBADMSG);
	/* What is seen beforehand loads nothing; else what was loaded is taken back. */
	assert_string_equal(log, tried ? "=A=A=B" : "");
	assert_string_equal(e.msg, want);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(value(&list, 0), 3);
	assert_int_equal(value(&list, 1), 4);
	state_writer_done(&w);
	device_list_destroy(&list);
}

static void list__load_does_not_fit__named_and_all_as_before(void **state)
{
	const struct section a = { "a", "logged", 2, 5 }, b = { "b", "logged", 2, 6 };
	(void)state;
	assert_load_refused((struct section[]){ a, { "b", "logged", 2, 10 } }, 2, true,
		"saved state of b (logged): field value: is 0xa, and must be from 0 to 0x9");
	assert_load_refused(
		(struct section[]){ a }, 1, false, "saved state has 0 sections of b (logged)");
	assert_load_refused((struct section[]){ a, b, b }, 3, false,
		"saved state has 2 sections of b (logged)");
	assert_load_refused((struct section[]){ a, b, { "c", "other", 1, 0 } }, 3, false,
		"saved state has a section of c (other), a device that this machine does not have");
	assert_load_refused((struct section[]){ a, { "b", "other", 2, 6 } }, 2, false,
		"saved state of b is that of a other, not of a logged");
	assert_load_refused((struct section[]){ a, { "b", "logged", 3, 6 } }, 2, false,
		"saved state of b (logged) is of version 3; versions up to 2 are known");
}

static void list__load_of_no_sections__refused(void **state)
{
	struct device_list list = { 0 };
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(device_list_load(&list, state_reader("x", 1), &e), -EBADMSG);
	assert_int_equal(device_list_load(&list, state_reader("", 0), &e), 0);
	device_list_destroy(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list__of_three__acts_in_order),
		cmocka_unit_test(list__add_while_quiesced__comes_quiesced),
		cmocka_unit_test(list__find__by_whole_id),
		cmocka_unit_test(list__add_refused__destroyed_and_list_as_it_was),
		cmocka_unit_test(list__device_without_an_op__a_bug),
		cmocka_unit_test(list__reset__all_in_order),
		cmocka_unit_test(list__saved_and_loaded__in_the_lists_order),
		cmocka_unit_test(list__load_does_not_fit__named_and_all_as_before),
		cmocka_unit_test(list__load_of_no_sections__refused),
	};
	return cmocka_run_group_tests_name("device_list", tests, NULL, NULL);
}
