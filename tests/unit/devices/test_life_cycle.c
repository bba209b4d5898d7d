/* SPDX-License-Identifier: MIT */
/*
 * A chip that was loaded cannot be told from the one that was saved: whatever was done to that one,
 * from then on both answer alike and do the same to the world, although the guest's clock says
 * something else there. And no bytes at all make a chip fall over: it takes them, or is as it was.
 */
#include "chips.h"

#include "base/byte_area.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 400
#define MANY_ROUNDS 20000
#define ACTS 60
#define SECOND UINT64_C(1000000000)
#define WALL_NS (UINT64_C(1700000000) * SECOND)

static struct state_writer save(struct chip *c)
{
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	device_list_save(&c->list, &w);
	assert_int_equal(state_written(&w, &e), 0);
	return w;
}

static int load(struct chip *c, const struct state_writer *w)
{
	struct err e = ERR_INIT;
	int rc = device_list_load(&c->list, state_reader(w->bytes, w->used), &e);
	assert_true(rc == 0 || (rc == -EBADMSG && e.msg[0] && e.kind == ERR_CONFIG));
	return rc;
}

static bool same_state(const struct state_writer *a, const struct state_writer *b)
{
	return a->used == b->used && memcmp(a->bytes, b->bytes, a->used) == 0;
}

static struct chip *used_chip(
	const struct chip_kind *kind, struct fake_random *r, uint64_t wall_ns, unsigned acts)
{
	struct chip *c = chip_new(kind, fake_random_below(r, 100000 * SECOND), wall_ns);
	for (unsigned i = 0; i < acts; i++)
		(void)chip_act(c, kind, r);
	return c;
}

/* Where the fields of the one section begin, and where field nr does: its end where there is none.
 */
static size_t field_at(const struct state_writer *w, unsigned nr)
{
	size_t at = 4;
	at += 1 + w->bytes[at]; /* id */
	at += 1 + w->bytes[at]; /* kind */
	for (at += 2 + 4; nr > 0 && at < w->used; nr--) {
		unsigned type;
		uint32_t count;
		at += 1 + w->bytes[at]; /* name */
		type = w->bytes[at++];
		memcpy(&count, &w->bytes[at], sizeof(count));
		at += type == STATE_BYTES     ? 4 + count
		      : type == STATE_NUMBERS ? 4 + 8 * (size_t)count
					      : 8;
	}
	return at;
}

static unsigned count_fields(const struct state_writer *w)
{
	unsigned nr = 0;
	while (field_at(w, nr) < w->used)
		nr++;
	return nr;
}

/* What would be there if field nr had not been saved of w, but stayed as it is in other. */
static struct state_writer without_field(
	const struct state_writer *w, const struct state_writer *other, unsigned nr)
{
	struct state_writer ret = { 0 };
	size_t at = field_at(w, nr), end = field_at(w, nr + 1);
	size_t from = field_at(other, nr), n = field_at(other, nr + 1) - from;
	size_t fields = field_at(w, 0);
	ret.used = w->used - (end - at) + n;
	ret.bytes = malloc(ret.used);
	assert_non_null(ret.bytes);
	memcpy(ret.bytes, w->bytes, at);
	memcpy(ret.bytes + at, other->bytes + from, n);
	memcpy(ret.bytes + at + n, w->bytes + end, w->used - end);
	bytes_put(ret.bytes + fields - 4, ret.used - fields, 4);
	return ret;
}

/* What the world sees of a quiesced chip. */
struct seen {
	bool irq_level[FAKE_GSIS];
	uint64_t deadline_ns;
	unsigned nr_messages;
};

static struct seen see(const struct chip *c)
{
	struct seen s = { .deadline_ns = c->f.deadline_ns, .nr_messages = c->f.nr_messages };
	memcpy(s.irq_level, c->f.irq_level, sizeof(s.irq_level));
	return s;
}

/* What the two do from now on, or NULL where that is the same. */
static const char *go_on(
	struct chip *a, struct chip *b, const struct chip_kind *kind, struct fake_random *r)
{
	uint64_t quiet = fake_random(r), stands = fake_random_below(r, 3) * SECOND;
	if (kind->quiesced_event) {
		const struct seen before = see(a);
		kind->quiesced_event(a, quiet);
		kind->quiesced_event(b, quiet);
		assert_memory_equal(before.irq_level, a->f.irq_level, sizeof(before.irq_level));
	}
	if (a->f.deadline_ns || b->f.deadline_ns)
		return "timers while quiesced";
	fake_advance(&a->f, stands);
	fake_advance(&b->f, stands);
	a->f.wall_ns += quiet % (10 * SECOND);
	b->f.wall_ns += quiet % (10 * SECOND);
	device_list_resume(&a->list);
	device_list_resume(&b->list);
	for (unsigned i = 0; i < ACTS; i++) {
		struct fake_random same = *r;
		const char *difference = chip_difference(a, b);
		if (difference)
			return difference;
		if (chip_act(a, kind, r) != chip_act(b, kind, &same))
			return "reads";
	}
	return chip_difference(a, b);
}

/*
 * Saves a chip, loads another, and goes on with both; NULL, or what they do not do alike. drop: a
 * field that is not saved, -1: none. The other is fresh or, where that is to be seen, not.
 */
static const char *one_round(
	const struct chip_kind *kind, struct fake_random *r, int drop, bool fresh)
{
	const char *difference = NULL;
	struct chip *a = used_chip(kind, r, WALL_NS, (unsigned)fake_random_below(r, ACTS));
	struct chip *b = used_chip(kind, r, WALL_NS, fresh ? 0 : ACTS);
	device_list_quiesce(&a->list);
	device_list_quiesce(&b->list);
	b->f.wall_ns = a->f.wall_ns;
	chip_forget_the_past(b);
	struct state_writer saved = save(a), was = save(b), again;
	struct state_writer given = { 0 };
	if (drop >= 0)
		given = without_field(&saved, &was, (unsigned)drop);
	if (load(b, drop >= 0 ? &given : &saved)) {
		difference = "refused";
	} else {
		again = save(b);
		if (drop < 0 && !same_state(&again, &saved))
			difference = "saved again";
		if (b->f.nr_messages || b->f.nr_sink || b->f.requests || b->f.reports ||
			b->f.input_wanted)
			difference = "acts while loaded";
		state_writer_done(&again);
	}
	chip_forget_the_past(a);
	chip_forget_the_past(b);
	if (!difference)
		difference = go_on(a, b, kind, r);
	state_writer_done(&given);
	state_writer_done(&was);
	state_writer_done(&saved);
	chip_free(a);
	chip_free(b);
	return difference;
}

static void chip__saved_and_loaded__go_on_alike(void **state)
{
	const struct chip_kind *kind = *state;
	struct fake_random r = { 0x6c6f616465640001ULL };
	for (unsigned i = 0; i < ROUNDS; i++) {
		const char *difference = one_round(kind, &r, -1, i % 2);
		if (difference)
			fail_msg("%s, round %u: %s", kind->name, i, difference);
	}
}

/* That the rounds above would tell if a field were not saved: each in turn. */
static void chip__a_field_is_not_saved__noticed(void **state)
{
	const struct chip_kind *kind = *state;
	struct fake_random r = { 0x6c6f737400000001ULL };
	struct chip *c = chip_new(kind, 0, WALL_NS);
	device_list_quiesce(&c->list);
	struct state_writer w = save(c);
	for (int field = 0; field < (int)count_fields(&w); field++) {
		const char *name = (const char *)w.bytes + field_at(&w, (unsigned)field) + 1;
		unsigned noticed = 0;
		for (unsigned i = 0; noticed == 0 && i < MANY_ROUNDS; i++) {
			const char *difference = one_round(kind, &r, field, true);
			noticed += difference && strcmp(difference, "refused") != 0;
		}
		if (noticed == 0)
			fail_msg(
				"%s: nobody noticed that %.*s is lost", kind->name, name[-1], name);
	}
	state_writer_done(&w);
	chip_free(c);
}

/* Its state, line and timer are as before, and nothing was said to the world. */
static void assert_unchanged(
	struct chip *c, const struct state_writer *was, const struct seen *before)
{
	struct state_writer now = save(c);
	assert_true(same_state(&now, was));
	assert_memory_equal(c->f.irq_level, before->irq_level, sizeof(before->irq_level));
	assert_int_equal(c->f.deadline_ns, before->deadline_ns);
	assert_int_equal(c->f.nr_messages, before->nr_messages);
	state_writer_done(&now);
}

static void chip__state_cut_short__refused_and_unchanged(void **state)
{
	const struct chip_kind *kind = *state;
	struct fake_random r = { 0x63757473686f7274ULL };
	for (unsigned i = 0; i < 4; i++) {
		struct chip *a = used_chip(kind, &r, WALL_NS, ACTS);
		struct chip *b = used_chip(kind, &r, WALL_NS, ACTS);
		device_list_quiesce(&a->list);
		device_list_quiesce(&b->list);
		struct state_writer saved = save(a), was = save(b);
		const struct seen before = see(b);
		for (size_t n = 0; n < saved.used; n++) {
			struct state_writer part = { .bytes = malloc(n ? n : 1), .used = n };
			assert_non_null(part.bytes);
			memcpy(part.bytes, saved.bytes, n);
			assert_int_equal(load(b, &part), -EBADMSG);
			free(part.bytes);
		}
		assert_unchanged(b, &was, &before);
		state_writer_done(&saved);
		state_writer_done(&was);
		chip_free(a);
		chip_free(b);
	}
}

/* Loaded from bytes that somebody changed: whatever it is now, it can be used, and saved. */
static void use(struct chip *c, const struct chip_kind *kind, struct fake_random *r)
{
	struct state_writer now = save(c), again;
	assert_int_equal(load(c, &now), 0);
	again = save(c);
	assert_true(same_state(&now, &again));
	state_writer_done(&again);
	state_writer_done(&now);
	device_list_resume(&c->list);
	for (unsigned i = 0; i < 12; i++)
		(void)chip_act(c, kind, r);
	device_list_quiesce(&c->list);
}

static void chip__any_byte_of_its_state_changed__usable_or_unchanged(void **state)
{
	const struct chip_kind *kind = *state;
	struct fake_random r = { 0x666c697062797465ULL };
	unsigned refused = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct chip *a = used_chip(kind, &r, WALL_NS, ACTS);
		struct chip *b = used_chip(kind, &r, WALL_NS, ACTS);
		device_list_quiesce(&a->list);
		device_list_quiesce(&b->list);
		struct state_writer saved = save(a), was = save(b);
		for (size_t at = 0; at < saved.used; at++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				const struct seen before = see(b);
				saved.bytes[at] ^= (uint8_t)(1u << bit);
				if (load(b, &saved) == 0) {
					use(b, kind, &r);
					state_writer_done(&was);
					was = save(b);
				} else {
					refused++;
					assert_unchanged(b, &was, &before);
				}
				saved.bytes[at] ^= (uint8_t)(1u << bit);
			}
		}
		state_writer_done(&saved);
		state_writer_done(&was);
		chip_free(a);
		chip_free(b);
	}
	assert_true(refused > 0);
}

/* A value that fits its field, but not the chip: element of bytes or numbers; which is fresh. */
struct misfit {
	const char *chip, *field;
	unsigned element;
	uint64_t value;
	const char *want;
};

static const struct misfit misfits[] = {
	{ "ns16550", "ier", 0, 0x10, "field ier: is 0x10" },
	{ "ns16550", "mcr", 0, 0x20, "field mcr: is 0x20" },
	{ "ns16550", "msr", 0, 0xa0, "field msr: has inputs" },
	{ "ns16550", "lcr", 0, 0x100, "field lcr: is 0x100" },
	{ "ns16550", "fifo-enabled", 0, 2, "field fifo-enabled: is 0x2" },
	{ "ns16550", "trigger-bytes", 0, 2, "field trigger-bytes: is no trigger" },
	{ "ns16550", "trigger-bytes", 0, 17, "field trigger-bytes: is 0x11" },
	{ "ns16550", "thr-empty-pending", 0, 1, "field thr-empty-pending: is set while" },
	{ "i8042", "ram", 0, 0x44, "field ram: has an auxiliary port" },
	{ "i8042", "status", 0, 0x10, "field status: has bits" },
	{ "i8042", "status", 0, 0x40, "field status: has a time-out" },
	{ "i8042", "command", 0, 0x60, "field command: is none" }, /* status does not say so */
	{ "i8042", "command", 0, 0x20, "field command: is none" },
	{ "i8042", "fast", 0, 0x02, "field fast: has A20" },
	{ "acpi_pm", "status", 0, 0x0020, "field status: has events" },
	{ "acpi_pm", "enable", 0, 0x8000, "field enable: has bits" },
	{ "acpi_pm", "control", 0, 0x2000, "field control: has bits" },
	{ "acpi_pm", "control", 0, 0x0001, "field control: has bits" },
	{ "acpi_pm", "reset-control", 0, 0x01, "field reset-control: has bits" },
	{ "acpi_pm", "elapsed-ns", 0, UINT64_C(1) << 62 | 1, "field elapsed-ns: is" },
	{ "acpi_pm", "seen-toggles", 0, 1, "field seen-toggles: is 0x1" },
	{ "ioapic", "id", 0, 16, "field id: is 0x10" },
	{ "ioapic", "entries", 5, UINT64_C(1) << 40, "field entries: one has bits" },
	{ "ioapic", "entries", 5, UINT64_C(0x1000), "field entries: one has bits" },
	{ "ioapic", "entries", 23, UINT64_C(0x4000), "field entries: one of an edge" },
	{ "ioapic", "asserted", 0, 0x1000000, "field asserted: is 0x1000000" },
	{ "mc146818", "index", 0, 0x80, "field index: is 0x80" },
	{ "mc146818", "cmos", 10, 0xa6, "field cmos: register A" },
	{ "mc146818", "cmos", 11, 0x92, "field cmos: register B" },
	{ "mc146818", "cmos", 12, 0x80, "field cmos: register C" },
	{ "mc146818", "cmos", 12, 0x01, "field cmos: register C" },
	{ "mc146818", "cmos", 13, 0x80, "field cmos: register D" },
	{ "mc146818", "offset-s", 0, (uint64_t)-80000000000, "field offset-s: makes a date" },
	{ "mc146818", "offset-s", 0, UINT64_C(1) << 41, "field offset-s: makes a date" },
	{ "mc146818", "offset-s", 0, UINT64_C(1) << 42, "field offset-s: is" },
	{ "mc146818", "offset-ns", 0, SECOND, "field offset-ns: is" },
	{ "mc146818", "seen-s", 0, UINT64_C(1) << 42, "field seen-s: is" },
	{ "mc146818", "elapsed-ns", 0, UINT64_C(1) << 63, "field elapsed-ns: is" },
	{ "mc146818", "seen-period", 0, 1, "field seen-period: is 0x1" },
	{ "pvpanic", "crash-loaded-reported", 0, 2, "field crash-loaded-reported: is 0x2" },
	{ "post_code", "last", 0, 0x100, "field last: is 0x100" },
};

static void set_element(struct state_writer *w, const struct misfit *m)
{
	size_t n = strlen(m->field);
	for (unsigned i = 0; field_at(w, i) < w->used; i++) {
		uint8_t *at = w->bytes + field_at(w, i);
		if (*at != n || memcmp(at + 1, m->field, n) != 0)
			continue;
		at += 1 + n;
		if (*at == STATE_BYTES)
			at[1 + 4 + m->element] = (uint8_t)m->value;
		else if (*at == STATE_NUMBERS)
			bytes_put(at + 1 + 4 + 8 * m->element, m->value, 8);
		else
			bytes_put(at + 1, m->value, 8);
		return;
	}
	fail_msg("%s has no field %s", m->chip, m->field);
}

static const struct chip_kind *kind_of(const char *name)
{
	for (unsigned i = 0; i < nr_chip_kinds; i++) {
		if (strcmp(chip_kinds[i].name, name) == 0)
			return &chip_kinds[i];
	}
	fail_msg("no chip %s", name);
	return NULL;
}

static void chip__state_that_it_cannot_have__refused_and_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(misfits); i++) {
		const struct misfit *m = &misfits[i];
		struct chip *c = chip_new(kind_of(m->chip), 0, WALL_NS);
		struct err e = ERR_INIT;
		device_list_quiesce(&c->list);
		const struct seen before = see(c);
		struct state_writer was = save(c), w = save(c);
		set_element(&w, m);
		assert_int_equal(
			device_list_load(&c->list, state_reader(w.bytes, w.used), &e), -EBADMSG);
		if (!strstr(e.msg, m->want) || !strstr(e.msg, "saved state of chip"))
			fail_msg("%s, %s: %s", m->chip, m->field, e.msg);
		assert_unchanged(c, &was, &before);
		state_writer_done(&w);
		state_writer_done(&was);
		chip_free(c);
	}
}

/* More than one field: a level-triggered pin, unmasked and asserted, whose interrupt was not sent;
 * and a byte more than there is room for without FIFOs. */
static void chip__fields_that_do_not_go_together__refused(void **state)
{
	const struct misfit pin[] = { { "ioapic", "entries", 3, 0x8031, NULL },
		{ "ioapic", "asserted", 0, 1u << 3, "should have been sent" } };
	struct chip *c = chip_new(kind_of("ioapic"), 0, WALL_NS);
	struct err e = ERR_INIT;
	(void)state;
	device_list_quiesce(&c->list);
	struct state_writer w = save(c);
	set_element(&w, &pin[0]);
	assert_int_equal(load(c, &w), 0);
	set_element(&w, &pin[1]);
	assert_int_equal(device_list_load(&c->list, state_reader(w.bytes, w.used), &e), -EBADMSG);
	assert_non_null(strstr(e.msg, pin[1].want));
	state_writer_done(&w);
	chip_free(c);

	c = chip_new(kind_of("ns16550"), 0, WALL_NS);
	fake_outb(&c->f, 0x3fa, 1); /* FIFOs on */
	kind_of("ns16550")->event(c, UINT64_C(3) << 32);
	device_list_quiesce(&c->list);
	w = save(c);
	assert_int_equal(load(c, &w), 0);
	set_element(&w, &(const struct misfit){ "ns16550", "fifo-enabled", 0, 0, NULL });
	assert_int_equal(device_list_load(&c->list, state_reader(w.bytes, w.used), &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "field rx: has more bytes"));
	state_writer_done(&w);
	chip_free(c);
}

/* A command may wait for its byte only if it is one that takes one. */
static void chip__i8042_command_that_waits__only_those_that_do(void **state)
{
	static const struct {
		uint8_t command;
		bool waits;
	} commands[] = { { 0x00, true }, { 0x5f, false }, { 0x60, true }, { 0x7f, true },
		{ 0x80, false }, { 0xd0, false }, { 0xd1, true }, { 0xd4, true }, { 0xd5, false } };
	struct chip *c = chip_new(kind_of("i8042"), 0, WALL_NS);
	(void)state;
	device_list_quiesce(&c->list);
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		struct state_writer w = save(c);
		set_element(&w, &(const struct misfit){ "i8042", "status", 0, 0x08, NULL });
		set_element(&w,
			&(const struct misfit){ "i8042", "command", 0, commands[i].command, NULL });
		assert_int_equal(load(c, &w), commands[i].waits ? 0 : -EBADMSG);
		state_writer_done(&w);
	}
	chip_free(c);
}

int main(void)
{
	static void (*const laws[])(void **state) = {
		chip__saved_and_loaded__go_on_alike,
		chip__a_field_is_not_saved__noticed,
		chip__state_cut_short__refused_and_unchanged,
		chip__any_byte_of_its_state_changed__usable_or_unchanged,
	};
	static const char *const names[] = { "saved and loaded", "a field is not saved",
		"cut short", "any byte changed" };
	struct CMUnitTest tests[64] = {
		cmocka_unit_test(chip__state_that_it_cannot_have__refused_and_named),
		cmocka_unit_test(chip__fields_that_do_not_go_together__refused),
		cmocka_unit_test(chip__i8042_command_that_waits__only_those_that_do),
	};
	char texts[64][64];
	unsigned nr = 3;
	for (unsigned i = 0; i < nr_chip_kinds; i++) {
		void *kind = (void *)(uintptr_t)&chip_kinds[i];
		for (unsigned law = 0; law < ARRAY_SIZE(laws); law++, nr++) {
			(void)snprintf(texts[nr], sizeof(texts[nr]), "%s, %s", chip_kinds[i].name,
				names[law]);
			tests[nr] = (struct CMUnitTest){ texts[nr], laws[law], NULL, NULL, kind };
		}
	}
	return _cmocka_run_group_tests("life_cycle", tests, nr, NULL, NULL);
}
