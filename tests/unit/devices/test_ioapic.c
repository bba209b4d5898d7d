/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/ioapic.h"

#include <pthread.h>
#include <stdlib.h>

#define BASE UINT64_C(0xfec00000)
#define INDEX BASE
#define DATA (BASE + 0x10)
#define EOI (BASE + 0x40)

#define LOW(pin) (0x10 + 2 * (pin))
#define HIGH(pin) (0x11 + 2 * (pin))

#define LEVEL 0x8000u
#define MASKED 0x10000u
#define REMOTE_IRR 0x4000u

struct fixture {
	struct fake_services f;
	struct ioapic *ioapic;
	unsigned routes_changed;
	unsigned messages_at_change; /* how many had been sent when routes last changed */
	bool threaded;               /* the count of messages is not ours to read */
	unsigned raise_pin;          /* asserted by another thread while routes change; 0: none */
};

static void routes_changed(void *ctx)
{
	struct fixture *x = ctx;

	x->routes_changed++;
	(void)ioapic_entry(x->ioapic, 0); /* would hang if the lock were held */
	if (x->raise_pin)
		ioapic_set_pin(x->ioapic, x->raise_pin, true);
	if (!x->threaded)
		x->messages_at_change = x->f.nr_messages;
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct ioapic_config cfg;

	assert_non_null(x);
	cfg = (struct ioapic_config){
		.base = { BASE },
		.id = 2,
		.msi = fake_msi(&x->f),
		.routes_changed = routes_changed,
		.routes_ctx = x,
	};
	assert_int_equal(ioapic_create(&x->ioapic, &cfg, NULL), 0);
	fake_claim(&x->f, ioapic_device(x->ioapic));
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fake_destroy(&x->f, ioapic_device(x->ioapic));
	free(x);
	return 0;
}

static uint32_t rd(struct fixture *x, unsigned reg)
{
	bus_write(&x->f.bus, BUS_MMIO, INDEX, 4, reg);
	return (uint32_t)bus_read(&x->f.bus, BUS_MMIO, DATA, 4);
}

static void wr(struct fixture *x, unsigned reg, uint32_t value)
{
	bus_write(&x->f.bus, BUS_MMIO, INDEX, 4, reg);
	bus_write(&x->f.bus, BUS_MMIO, DATA, 4, value);
}

static void assert_message(struct fixture *x, unsigned i, uint64_t address, uint32_t data)
{
	assert_true(i < x->f.nr_messages);
	assert_int_equal(x->f.messages[i].address, address);
	assert_int_equal(x->f.messages[i].data, data);
}

static void ioapic__power_on__all_masked(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, 0x00), 0x02000000);
	assert_int_equal(rd(x, 0x01), 0x00170020);
	assert_int_equal(rd(x, 0x02), 0x02000000);
	for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		assert_int_equal(rd(x, LOW(pin)), MASKED);
		assert_int_equal(rd(x, HIGH(pin)), 0);
		assert_int_equal(ioapic_entry(x->ioapic, pin), MASKED);
	}
}

static void ioapic__id_written__four_bits_stick(void **state)
{
	struct fixture *x = *state;

	wr(x, 0x00, 0xffffffff);
	assert_int_equal(rd(x, 0x00), 0x0f000000);
	wr(x, 0x01, 0);
	assert_int_equal(rd(x, 0x01), 0x00170020);
}

static void ioapic__register_that_does_not_exist__zero_and_ignored(void **state)
{
	struct fixture *x = *state;

	wr(x, 0x03, 0xffffffff);
	wr(x, LOW(24), 0);
	wr(x, 0xff, 0);
	assert_int_equal(rd(x, 0x03), 0);
	assert_int_equal(rd(x, LOW(24)), 0);
	assert_int_equal(rd(x, 0xff), 0);
	assert_int_equal(bus_read(&x->f.bus, BUS_MMIO, BASE + 0x20, 4), 0);
	assert_int_equal(ioapic_entry(x->ioapic, 24), MASKED);
	ioapic_set_pin(x->ioapic, 24, true);
	ioapic_set_pin(x->ioapic, UINT32_MAX, true);
	assert_int_equal(x->routes_changed, 0);
	assert_int_equal(x->f.nr_messages, 0);
}

static void ioapic__entry_all_ones__read_only_bits_stay_zero(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(3), 0xffffffff);
	wr(x, HIGH(3), 0xffffffff);
	assert_int_equal(rd(x, LOW(3)), 0x0001afff);
	assert_int_equal(rd(x, HIGH(3)), 0xfffe0000);
}

static void ioapic__narrow_access_to_data__read_only(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(3), MASKED | 0x1234);
	bus_write(&x->f.bus, BUS_MMIO, INDEX, 1, LOW(3));
	bus_write(&x->f.bus, BUS_MMIO, DATA, 1, 0x99);
	assert_int_equal(bus_read(&x->f.bus, BUS_MMIO, DATA, 1), 0x34);
	assert_int_equal(bus_read(&x->f.bus, BUS_MMIO, DATA + 1, 2), 0x0102);
}

static void ioapic__edge_on_unmasked_pin__one_message_per_edge(void **state)
{
	struct fixture *x = *state;

	wr(x, HIGH(4), 0x05000000);
	wr(x, LOW(4), 0x31);
	ioapic_set_pin(x->ioapic, 4, true);
	ioapic_set_pin(x->ioapic, 4, true);
	assert_int_equal(x->f.nr_messages, 1);
	assert_message(x, 0, 0xfee05000, 0x31);
	ioapic_set_pin(x->ioapic, 4, false);
	ioapic_set_pin(x->ioapic, 4, true);
	assert_int_equal(x->f.nr_messages, 2);
}

static void ioapic__edge_on_masked_pin__lost(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(4), MASKED | 0x31);
	ioapic_set_pin(x->ioapic, 4, true);
	wr(x, LOW(4), 0x31);
	assert_int_equal(x->f.nr_messages, 0);
}

static void ioapic__level_held__once_until_eoi_then_again(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, 1);
	assert_message(x, 0, 0xfee00000, 0xc041);
	assert_int_equal(rd(x, LOW(9)), LEVEL | REMOTE_IRR | 0x41);
	ioapic_set_pin(x->ioapic, 9, false);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, 1);
	ioapic_eoi(x->ioapic, 0x42); /* another vector */
	assert_int_equal(x->f.nr_messages, 1);
	ioapic_eoi(x->ioapic, 0x41);
	assert_int_equal(x->f.nr_messages, 2);
	ioapic_set_pin(x->ioapic, 9, false);
	ioapic_eoi(x->ioapic, 0x41);
	assert_int_equal(x->f.nr_messages, 2);
	assert_int_equal(rd(x, LOW(9)), LEVEL | 0x41);
}

static void ioapic__level_on_masked_pin__sent_on_unmasking(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), MASKED | LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, 0);
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(x->f.nr_messages, 1);
}

static void ioapic__eoi_while_masked__sent_on_unmasking(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	wr(x, LOW(9), MASKED | LEVEL | 0x41);
	assert_int_equal(rd(x, LOW(9)) & REMOTE_IRR, REMOTE_IRR);
	ioapic_eoi(x->ioapic, 0x41);
	assert_int_equal(x->f.nr_messages, 1);
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(x->f.nr_messages, 2);
}

static void ioapic__eoi_register_written__as_broadcast(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x41);
	wr(x, LOW(10), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	ioapic_set_pin(x->ioapic, 10, true);
	assert_int_equal(x->f.nr_messages, 2);
	bus_write(&x->f.bus, BUS_MMIO, EOI, 4, 0x41);
	assert_int_equal(x->f.nr_messages, 4);
	bus_write(&x->f.bus, BUS_MMIO, EOI, 1, 0x41); /* of any width, unlike the data register */
	assert_int_equal(x->f.nr_messages, 6);
}

static void ioapic__switched_to_edge_and_back__remote_irr_cleared(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	ioapic_set_pin(x->ioapic, 9, false);
	wr(x, LOW(9), MASKED | 0x41);
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(rd(x, LOW(9)) & REMOTE_IRR, 0);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, 2);
}

static void ioapic__level_nmi__sent_as_edge(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x0400);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_message(x, 0, 0xfee00000, 0x0400);
	assert_int_equal(rd(x, LOW(9)) & REMOTE_IRR, 0);
}

static void ioapic_entry_message__each_field__in_its_place(void **state)
{
	struct ioapic_message m;

	(void)state;
	m = ioapic_entry_message(UINT64_C(0xab) << 56 | 0x0831);
	assert_int_equal(m.address, 0xfeeab004); /* logical */
	assert_int_equal(m.data, 0x31);
	m = ioapic_entry_message(UINT64_C(0x01) << 56 | UINT64_C(0x7f) << 49 | 0x0150);
	assert_int_equal(m.address, 0xfee01fe0); /* extended destination ID */
	assert_int_equal(m.data, 0x0150);        /* lowest priority */
	m = ioapic_entry_message(LEVEL | MASKED | REMOTE_IRR | 0x2000 | 0x77);
	assert_int_equal(m.address, 0xfee00000);
	assert_int_equal(m.data, 0xc077);
}

static void ioapic__entry_changed__told_before_the_first_message(void **state)
{
	struct fixture *x = *state;

	ioapic_set_pin(x->ioapic, 9, true);
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(x->routes_changed, 1);
	assert_int_equal(x->messages_at_change, 0);
	assert_int_equal(x->f.nr_messages, 1);
	wr(x, LOW(9), LEVEL | 0x41); /* no change */
	assert_int_equal(x->routes_changed, 1);
	wr(x, HIGH(9), 0x01000000);
	assert_int_equal(x->routes_changed, 2);
}

static void ioapic__raised_while_routes_change__sent_once_afterwards(void **state)
{
	struct fixture *x = *state;

	x->raise_pin = 7;
	wr(x, LOW(7), 0x55); /* edge */
	assert_int_equal(x->messages_at_change, 0);
	assert_int_equal(x->f.nr_messages, 1);
	x->raise_pin = 9;
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(x->messages_at_change, 1);
	assert_int_equal(x->f.nr_messages, 2);
}

static void ioapic__reset__masked_again_and_routes_told(void **state)
{
	struct fixture *x = *state;
	struct device *dev = ioapic_device(x->ioapic);

	wr(x, 0x00, 0x07000000);
	wr(x, LOW(9), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	dev->ops->reset(dev);
	assert_int_equal(x->routes_changed, 2);
	assert_int_equal(rd(x, LOW(9)), MASKED);
	assert_int_equal(rd(x, 0x00), 0x02000000);
	ioapic_eoi(x->ioapic, 0x41);
	assert_int_equal(x->f.nr_messages, 1);
}

static void ioapic_eoi__vector_above_127__ends_that_one_only(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0xc1);
	wr(x, LOW(10), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	ioapic_set_pin(x->ioapic, 10, true);
	ioapic_eoi(x->ioapic, 0xc1);
	assert_int_equal(x->f.nr_messages, 3);
	assert_message(x, 2, 0xfee00000, 0xc0c1);
	bus_write(&x->f.bus, BUS_MMIO, EOI, 4, 0xc1);
	assert_int_equal(x->f.nr_messages, 4);
	assert_message(x, 3, 0xfee00000, 0xc0c1);
	ioapic_eoi(x->ioapic, 0x41);
	assert_int_equal(x->f.nr_messages, 5);
	assert_message(x, 4, 0xfee00000, 0xc041);
}

static void ioapic_eoi__every_vector__matches_all_eight_bits(void **state)
{
	struct fixture *x = *state;

	ioapic_set_pin(x->ioapic, 5, true);
	for (unsigned vector = 0x10; vector < 0x100; vector++) {
		unsigned sent;

		wr(x, LOW(5), vector); /* edge: no IRR stays */
		wr(x, LOW(5), LEVEL | vector);
		sent = x->f.nr_messages;
		for (unsigned bit = 0; bit < 8; bit++)
			ioapic_eoi(x->ioapic, (uint8_t)(vector ^ 1u << bit));
		assert_int_equal(x->f.nr_messages, sent);
		ioapic_eoi(x->ioapic, (uint8_t)vector);
		assert_int_equal(x->f.nr_messages, sent + 1);
	}
}

static void ioapic__reset__levels_of_pins_stay(void **state)
{
	struct fixture *x = *state;
	struct device *dev = ioapic_device(x->ioapic);

	ioapic_set_pin(x->ioapic, 9, true);
	ioapic_set_pin(x->ioapic, 10, true);
	dev->ops->reset(dev);
	wr(x, LOW(9), LEVEL | 0x41);
	assert_int_equal(x->f.nr_messages, 1);
	wr(x, LOW(10), 0x42); /* edge: asserted all the while */
	ioapic_set_pin(x->ioapic, 10, true);
	assert_int_equal(x->f.nr_messages, 1);
}

/* Another thread: an edge that waits for the routes, a reset, and the entry set up anew. */
static void edge_then_reset(void *ctx)
{
	struct fixture *x = ctx;
	struct device *dev = ioapic_device(x->ioapic);

	if (x->routes_changed++)
		return;
	ioapic_set_pin(x->ioapic, 7, true);
	dev->ops->reset(dev);
	wr(x, LOW(7), 0x55);
}

static void ioapic__reset_while_an_edge_waits__edge_is_lost(void **state)
{
	struct fixture *x = *state;
	struct ioapic_config cfg = {
		.base = { BASE },
		.msi = fake_msi(&x->f),
		.routes_changed = edge_then_reset,
		.routes_ctx = x,
	};

	fake_destroy(&x->f, ioapic_device(x->ioapic));
	assert_int_equal(ioapic_create(&x->ioapic, &cfg, NULL), 0);
	fake_claim(&x->f, ioapic_device(x->ioapic));
	wr(x, LOW(7), 0x54);
	assert_int_equal(x->f.nr_messages, 0);
	ioapic_set_pin(x->ioapic, 7, false);
	ioapic_set_pin(x->ioapic, 7, true);
	assert_int_equal(x->f.nr_messages, 1);
	assert_message(x, 0, 0xfee00000, 0x55);
}

static void ioapic__level_made_edge_while_asserted__no_message_of_its_own(void **state)
{
	struct fixture *x = *state;

	wr(x, LOW(9), LEVEL | 0x41);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, 1);
	wr(x, LOW(9), 0x41);
	wr(x, LOW(9), MASKED | 0x41);
	wr(x, LOW(9), 0x41);
	assert_int_equal(x->f.nr_messages, 1);
}

#define THREAD_STEPS 20000u

/* A device that raises pin 9, is served, and lowers it. */
static void *raise_and_end(void *arg)
{
	struct fixture *x = arg;

	for (unsigned i = 0; i < THREAD_STEPS; i++) {
		ioapic_set_pin(x->ioapic, 9, true);
		ioapic_eoi(x->ioapic, 0x41);
		ioapic_set_pin(x->ioapic, 9, false);
		ioapic_eoi(x->ioapic, 0x41);
	}
	return NULL;
}

static void ioapic__entry_rewritten_while_pin_toggles__pin_not_stuck(void **state)
{
	struct fixture *x = *state;
	unsigned sent;
	pthread_t device;

	wr(x, LOW(9), LEVEL | 0x41);
	x->threaded = true;
	assert_int_equal(pthread_create(&device, NULL, raise_and_end, x), 0);
	for (unsigned i = 0; i < THREAD_STEPS; i++) {
		wr(x, LOW(9), MASKED | LEVEL | 0x41);
		wr(x, HIGH(9), (i & 0xff) << 24);
		wr(x, LOW(9), LEVEL | 0x41);
	}
	assert_int_equal(pthread_join(device, NULL), 0);
	sent = x->f.nr_messages;
	assert_false(ioapic_entry(x->ioapic, 9) & REMOTE_IRR);
	ioapic_set_pin(x->ioapic, 9, true);
	assert_int_equal(x->f.nr_messages, sent + 1);
}

/* A plain model of which pins are asserted foretells whether anything may be sent, and what. */
static void ioapic_fuzz__random_accesses__messages_only_from_live_entries(void **state)
{
	struct fixture *x = *state;
	struct fake_random r = { 0x696f617069630001ULL };
	bool asserted[IOAPIC_NR_PINS] = { false };

	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		unsigned pin = (unsigned)fake_random_below(&r, IOAPIC_NR_PINS);
		unsigned sent = x->f.nr_messages;
		uint64_t entry = ioapic_entry(x->ioapic, pin), after;

		switch (fake_random_below(&r, 5)) {
		case 0:
			asserted[pin] = fake_random_below(&r, 2);
			ioapic_set_pin(x->ioapic, pin, asserted[pin]);
			assert_in_range(x->f.nr_messages - sent, 0, 1);
			if (x->f.nr_messages != sent) {
				struct ioapic_message m = ioapic_entry_message(entry);

				assert_true(asserted[pin]);
				assert_false(entry & (MASKED | REMOTE_IRR));
				assert_message(x, sent % FAKE_MESSAGES, m.address, m.data);
			}
			break;
		case 1:
			ioapic_eoi(x->ioapic, (uint8_t)fake_random(&r));
			break;
		case 2:
			ioapic_eoi(x->ioapic, (uint8_t)entry);
			break;
		case 3:
			wr(x, LOW(pin) + (unsigned)fake_random_below(&r, 2),
				(uint32_t)fake_random(&r));
			break;
		default:
			fake_random_access(&x->f, &r, BUS_MMIO, BASE, IOAPIC_MMIO_SIZE);
			break;
		}
		/* A level pin waits for its EOI whenever it is asserted and unmasked, and only
		 * edges do not. */
		after = ioapic_entry(x->ioapic, pin);
		if (!(after & MASKED) && asserted[pin] && (after & LEVEL) && !(after & 0x600))
			assert_true(after & REMOTE_IRR);
		if (!(after & LEVEL) || (after & 0x600))
			assert_false(after & REMOTE_IRR);
	}
	assert_true(x->f.nr_messages > 1000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(ioapic__power_on__all_masked),
		T(ioapic__id_written__four_bits_stick),
		T(ioapic__register_that_does_not_exist__zero_and_ignored),
		T(ioapic__entry_all_ones__read_only_bits_stay_zero),
		T(ioapic__narrow_access_to_data__read_only),
		T(ioapic__edge_on_unmasked_pin__one_message_per_edge),
		T(ioapic__edge_on_masked_pin__lost),
		T(ioapic__level_held__once_until_eoi_then_again),
		T(ioapic__level_on_masked_pin__sent_on_unmasking),
		T(ioapic__eoi_while_masked__sent_on_unmasking),
		T(ioapic__eoi_register_written__as_broadcast),
		T(ioapic__switched_to_edge_and_back__remote_irr_cleared),
		T(ioapic__level_nmi__sent_as_edge),
		cmocka_unit_test(ioapic_entry_message__each_field__in_its_place),
		T(ioapic__entry_changed__told_before_the_first_message),
		T(ioapic__raised_while_routes_change__sent_once_afterwards),
		T(ioapic__reset__masked_again_and_routes_told),
		T(ioapic__entry_rewritten_while_pin_toggles__pin_not_stuck),
		T(ioapic_fuzz__random_accesses__messages_only_from_live_entries),
		T(ioapic_eoi__vector_above_127__ends_that_one_only),
		T(ioapic_eoi__every_vector__matches_all_eight_bits),
		T(ioapic__reset__levels_of_pins_stay),
		T(ioapic__reset_while_an_edge_waits__edge_is_lost),
		T(ioapic__level_made_edge_while_asserted__no_message_of_its_own),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
