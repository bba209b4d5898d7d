/* SPDX-License-Identifier: MIT */
/* Unpacked Linux kernels at random places: where they go, and what is said where they cannot. */
#include "boot_test.h"

#include "boot/layout.h"

#include <elf.h>

#define LINKED_32 UINT32_C(0x81000000)
#define LOADFLAGS (LAYOUT_PARAMS + 0x211)
#define SLOT (2 * MIB)
#define FIELD 0x100 /* offset of a 64-bit field that is relocated, and of a 32-bit one behind */

static const uint32_t good_words[] = { 0, LINKED_32 + FIELD, 0, LINKED_32 + FIELD + 8 };

static struct image vmlinux(bool pvh, const uint32_t *words, size_t nr)
{
	struct elf_options o = elf_options_linux();
	o.linux_note = true;
	o.pvh_note_size = pvh ? 8 : 0;
	o.pvh_entry = 16 * MIB + 0x80;
	struct image plain = image_elf(&o);
	put_u64(plain.data + ELF_TEST_DATA + FIELD, UINT64_C(0xffffffff81000040));
	put_u32(plain.data + ELF_TEST_DATA + FIELD + 8, LINKED_32 + 0x44);
	struct image k =
		nr ? image_with_words(&plain, words, nr) : image_copy(plain.data, plain.size);
	image_free(&plain);
	return k;
}

static struct image good_vmlinux(void)
{
	return vmlinux(true, good_words, ARRAY_SIZE(good_words));
}

static struct image bzimage_of(const struct image *plain)
{
	struct image payload = image_payload(BOOT_COMPRESSION_ZSTD, plain);
	struct bzimage_options o = bzimage_options();
	o.payload = &payload;
	struct image image = image_bzimage(&o);
	image_free(&payload);
	return image;
}

static struct boot_request random_request(
	const struct machine *m, const struct image *k, uint64_t physical, uint64_t virtual)
{
	struct boot_request req = request(m, k);
	req.kaslr = BOOT_KASLR_AUTO;
	req.decompress_on_host = true;
	req.random[0] = physical;
	req.random[1] = virtual;
	return req;
}

/* The kernel of good_vmlinux lies at base, its addresses moved by delta, and knows that. */
static void expect_random(
	const struct machine *m, const struct boot_result *r, uint64_t base, uint64_t delta)
{
	assert_int_equal(r->protocol, BOOT_LINUX64);
	assert_true(r->randomized);
	assert_string_equal(r->kaslr_note, "");
	assert_int_equal(r->kernel.v, base);
	assert_int_equal(r->virtual_delta, delta);
	assert_int_equal(r->state.rip, base + 0x40);
	assert_int_equal(*machine_at(m, LOADFLAGS, 1) & 2, 2);
	assert_int_equal(machine_u64(m, base + FIELD), UINT64_C(0xffffffff81000040) + delta);
	assert_int_equal(machine_u32(m, base + FIELD + 8), LINKED_32 + 0x44 + (uint32_t)delta);
}

static void expect_linked(const struct machine *m, const struct boot_result *r)
{
	assert_false(r->randomized);
	assert_int_equal(r->kernel.v, 16 * MIB);
	assert_int_equal(*machine_at(m, LOADFLAGS, 1) & 2, 0);
	assert_int_equal(machine_u64(m, 16 * MIB + FIELD), UINT64_C(0xffffffff81000040));
}

static void kaslr_auto__bzimage__random_physical_and_virtual_place(void **state)
{
	struct machine m;
	struct image elf = good_vmlinux();
	struct image k = bzimage_of(&elf);
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	struct boot_result r = must_load(&req, &m);
	expect_random(&m, &r, 16 * MIB + 5 * SLOT, 7 * SLOT);
	assert_int_equal(machine_u32(&m, LAYOUT_PARAMS + 0x214), 16 * MIB + 5 * SLOT);
	/* Where it was linked nothing is left. */
	assert_int_equal(machine_u64(&m, 16 * MIB + FIELD), 0);
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void kaslr_auto__linked_place_chosen__still_told(void **state)
{
	struct machine m;
	struct image k = good_vmlinux();
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 0, 0);
	struct boot_result r = must_load(&req, &m);
	expect_random(&m, &r, 16 * MIB, 0);
	req.random[1] = 3;
	r = must_load(&req, &m);
	expect_random(&m, &r, 16 * MIB, 3 * SLOT);
	machine_done(&m);
	image_free(&k);
}

static void kaslr_auto__initrd_and_device_tree__never_overlapped(void **state)
{
	static uint8_t bytes[3 * MIB];
	struct machine m;
	struct image k = good_vmlinux();
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = random_request(&m, &k, 0, 0);
	(void)memset(bytes, 0x5a, sizeof(bytes));
	req.initrd = (struct boot_file){ "initrd", bytes, sizeof(bytes) };
	req.device_tree = bytes;
	req.device_tree_size = 100;
	for (req.random[0] = 0; req.random[0] < 20; req.random[0]++) {
		struct boot_result r = must_load(&req, &m);
		assert_true(r.randomized);
		assert_true(r.kernel.v + SLOT <= r.initrd.v);
		assert_memory_equal(
			machine_at(&m, r.initrd.v, sizeof(bytes)), bytes, sizeof(bytes));
	}
	machine_done(&m);
	image_free(&k);
}

static void kaslr_auto__more_than_4_gib__entered_above(void **state)
{
	struct machine m;
	struct image k = good_vmlinux();
	(void)state;
	machine_init(&m, 5 * GIB);
	struct boot_request req = random_request(&m, &k, 0, 0);
	uint64_t low = (3 * GIB - 16 * MIB) / SLOT;
	req.random[0] = low + 3;
	struct boot_result r = must_load(&req, &m);
	expect_random(&m, &r, 4 * GIB + 3 * SLOT, 0);
	/* Its page is mapped: PML4, then the fifth GiB's directory. */
	uint64_t pdpt = machine_u64(&m, r.state.cr3) & ~UINT64_C(0xfff);
	uint64_t directory = machine_u64(&m, pdpt + 4 * 8) & ~UINT64_C(0xfff);
	assert_int_equal(machine_u64(&m, directory + 3 * 8) & ~UINT64_C(0xfff), r.kernel.v);
	machine_done(&m);
	image_free(&k);
}

static void kaslr_auto__no_place_free__virtual_only(void **state)
{
	struct machine m;
	struct image k = good_vmlinux();
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	req.cmdline = "mem=17M";
	struct boot_result r = must_load(&req, &m);
	expect_random(&m, &r, 16 * MIB, 7 * SLOT);
	machine_done(&m);
	image_free(&k);
}

static void nokaslr__each_way__where_it_was_linked(void **state)
{
	struct machine m;
	struct image elf = good_vmlinux();
	struct image k = bzimage_of(&elf);
	(void)state;
	k.data[0x211] |= 2; /* the flag is not the file's to set */
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	req.cmdline = "quiet nokaslr";
	struct boot_result r = must_load(&req, &m);
	expect_linked(&m, &r);
	assert_string_equal(r.kaslr_note, "");
	req.cmdline = "quiet";
	req.kaslr = BOOT_KASLR_OFF;
	r = must_load(&req, &m);
	expect_linked(&m, &r);
	assert_string_equal(r.kaslr_note, "");
	req.kaslr = BOOT_KASLR_ON;
	req.cmdline = "nokaslr";
	must_refuse(&req, &m, -ENOTSUP,
		"boot.kaslr demands a random place for the kernel, but the command line has "
		"nokaslr");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void no_relocations__noted_or_refused(void **state)
{
	struct machine m;
	struct image k = vmlinux(false, NULL, 0);
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	struct boot_result r = must_load(&req, &m);
	expect_linked(&m, &r);
	assert_contains(r.kaslr_note, "without KASLR, which boot.kaslr asks for: it carries no "
				      "relocations");
	req.cmdline = "nokaslr";
	assert_string_equal(must_load(&req, &m).kaslr_note, "");
	req.cmdline = NULL;
	req.kaslr = BOOT_KASLR_ON;
	must_refuse(&req, &m, -ENOTSUP, "but it carries no relocations");
	machine_done(&m);
	image_free(&k);
}

static void relocations_damaged__payload__left_to_the_guest_or_noted(void **state)
{
	static const uint32_t words[] = { 0, LINKED_32, 0, 0, 0 };
	struct machine m;
	struct image elf = vmlinux(true, words, ARRAY_SIZE(words));
	struct image k = bzimage_of(&elf);
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	struct boot_result r = must_load(&req, &m);
	assert_false(r.decompressed || r.randomized);
	assert_contains(r.note, "more than 3 lists of relocations");
	assert_string_equal(r.kaslr_note, "");
	req.decompress_required = true;
	r = must_load(&req, &m);
	assert_true(r.decompressed);
	expect_linked(&m, &r);
	assert_contains(r.kaslr_note, "more than 3 lists of relocations");
	req.kaslr = BOOT_KASLR_ON;
	must_refuse(&req, &m, -ENOTSUP, "more than 3 lists of relocations");
	req.kaslr = BOOT_KASLR_OFF;
	expect_linked(&m, (r = must_load(&req, &m), &r));
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void relocation_outside__refused(void **state)
{
	static const uint32_t words[] = { 0, LINKED_32 + 16384 - 7, 0 };
	struct machine m;
	struct image k = vmlinux(true, words, ARRAY_SIZE(words));
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	must_refuse(&req, &m, -EINVAL,
		"64-bit relocation 0 is for 0x81003ff9, outside of the kernel's [0x81000000, "
		"0x81003fff]");
	machine_done(&m);
	image_free(&k);
}

static void pvh_forced__relocations__noted_or_refused(void **state)
{
	struct machine m;
	struct image elf = good_vmlinux();
	struct image k = bzimage_of(&elf);
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	req.protocol_forced = true;
	req.protocol = BOOT_PVH;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.kernel.v, 16 * MIB);
	assert_contains(r.kaslr_note, "protocol pvh has no way to enter it elsewhere");
	req.kaslr = BOOT_KASLR_ON;
	must_refuse(&req, &m, -ENOTSUP, "protocol pvh has no way to enter it elsewhere");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void packed__kaslr_true_or_false__the_guests_own_word(void **state)
{
	struct machine m;
	struct image elf = good_vmlinux();
	struct image k = bzimage_of(&elf);
	(void)state;
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	req.decompress_on_host = false;
	req.kaslr = BOOT_KASLR_ON;
	assert_string_equal(must_load(&req, &m).kaslr_note, "");
	req.cmdline = "nokaslr";
	must_refuse(&req, &m, -ENOTSUP, "the command line has nokaslr");
	req.kaslr = BOOT_KASLR_OFF;
	assert_string_equal(must_load(&req, &m).kaslr_note, "");
	req.cmdline = "quiet";
	assert_contains(must_load(&req, &m).kaslr_note, "nokaslr on its command line stops it");
	req.kaslr = BOOT_KASLR_ON;
	k.data[0x234] = 0;
	must_refuse(&req, &m, -ENOTSUP, "it is not relocatable");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

/* A 32-bit kernel is mapped where it lies, so one choice moves both. */
static void payload_of_32_bits__one_choice_for_both_places(void **state)
{
	static const uint32_t words[] = { 0, UINT32_C(0xc1000000) + FIELD };
	struct elf_options o = elf_options_linux();
	struct machine m;
	(void)state;
	o.is_64_bit = false;
	o.machine = EM_386;
	o.linux_note = true;
	o.segments[0].vaddr = UINT32_C(0xc1000000);
	struct image plain = image_elf(&o);
	put_u32(plain.data + ELF_TEST_DATA + FIELD, UINT32_C(0xc1000040));
	struct image elf = image_with_words(&plain, words, ARRAY_SIZE(words));
	struct image payload = image_payload(BOOT_COMPRESSION_XZ, &elf);
	struct bzimage_options bo = bzimage_options();
	bo.payload = &payload;
	bo.xloadflags = 0;
	struct image k = image_bzimage(&bo);
	machine_init(&m, 64 * MIB);
	struct boot_request req = random_request(&m, &k, 5, 7);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_LINUX32);
	assert_true(r.decompressed && r.randomized);
	assert_int_equal(r.state.rip, 16 * MIB + 5 * SLOT + 0x40);
	assert_int_equal(r.state.cr0 & 1, 1);
	assert_int_equal(machine_u32(&m, r.kernel.v + FIELD), UINT32_C(0xc1000040) + 5 * SLOT);
	assert_int_equal(*machine_at(&m, LOADFLAGS, 1) & 2, 2);
	machine_done(&m);
	image_free(&k);
	image_free(&payload);
	image_free(&elf);
	image_free(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kaslr_auto__bzimage__random_physical_and_virtual_place),
		cmocka_unit_test(kaslr_auto__linked_place_chosen__still_told),
		cmocka_unit_test(kaslr_auto__initrd_and_device_tree__never_overlapped),
		cmocka_unit_test(kaslr_auto__more_than_4_gib__entered_above),
		cmocka_unit_test(kaslr_auto__no_place_free__virtual_only),
		cmocka_unit_test(nokaslr__each_way__where_it_was_linked),
		cmocka_unit_test(no_relocations__noted_or_refused),
		cmocka_unit_test(relocations_damaged__payload__left_to_the_guest_or_noted),
		cmocka_unit_test(relocation_outside__refused),
		cmocka_unit_test(pvh_forced__relocations__noted_or_refused),
		cmocka_unit_test(packed__kaslr_true_or_false__the_guests_own_word),
		cmocka_unit_test(payload_of_32_bits__one_choice_for_both_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
