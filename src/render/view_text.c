/* SPDX-License-Identifier: MIT */
#include "render/view.h"

#include "cpuid/msr.h"
#include "policy/cpuid_bits.h"
#include "render/paint.h"

#include <inttypes.h>

static bool has_names(const struct bits_place *place)
{
	for (unsigned bit = 0; bit < bits_width(place); bit++) {
		struct bits_item item;
		bits_item_at(place, bit, &item);
		if (item.kind != BITS_PLAIN && !item.copy)
			return true;
	}
	return false;
}

static void print_items(const struct paint *p, const struct bits_place *place, uint64_t value)
{
	struct bits_item item;
	for (unsigned bit = 0; bit < bits_width(place); bit = item.high + 1) {
		char name[BITS_NAME_BYTES], text[BITS_VALUE_BYTES];
		bits_item_at(place, bit, &item);
		bool set = bits_of(&item, value) != 0;
		if (!set && (item.kind == BITS_PLAIN || item.copy))
			continue;
		bool on = item.kind == BITS_FEATURE ? set != item.inverted : set;
		paint(p, PAINT_PLAIN, "      ");
		paint_cell(p, on ? PAINT_NAME : PAINT_DIM, 34, "%s", bits_name(&item, name));
		paint(p, on ? PAINT_PLAIN : PAINT_DIM, "= %s%s", bits_value(text, &item, value),
			item.copy ? " (as in leaf 0x1)" : "");
		paint_end(p);
	}
}

static void print_table(const struct paint *p, const struct cpuid_table *table)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *entry = &table->entries[i];
		const char *title = cpuid_leaf_title(entry->leaf, entry->subleaf);
		for (unsigned r = 0; r < 4; r++) {
			const struct bits_place place = { .leaf = entry->leaf,
				.subleaf = entry->subleaf,
				.reg = (enum cpuid_reg)r };
			char where[BITS_PLACE_BYTES];
			if (entry->reg[r] == 0 && !has_names(&place))
				continue;
			paint(p, PAINT_BOLD, "   %s (%s):", title ? title : "unknown leaf",
				bits_place_text(where, &place));
			paint(p, PAINT_DIM, " 0x%08" PRIx32, entry->reg[r]);
			paint_end(p);
			print_items(p, &place, entry->reg[r]);
		}
	}
}

static void print_msrs(const struct paint *p, const struct host_facts *facts)
{
	for (unsigned i = 0; i < facts->nr_feature_msrs; i++) {
		const struct msr_value *msr = &facts->feature_msrs[i];
		const struct bits_place place = { .is_msr = true, .leaf = msr->index };
		const char *name = msr_name(msr->index);
		paint(p, PAINT_BOLD, "   MSR 0x%" PRIx32 "%s%s:", msr->index, name ? " " : "",
			name ? name : "");
		paint(p, PAINT_DIM, " 0x%016" PRIx64, msr->value);
		paint_end(p);
		/* Where nothing is named, the number above says as much. */
		if (has_names(&place))
			print_items(p, &place, msr->value);
	}
}

static void print_limit(const struct paint *p, const char *name, unsigned value)
{
	paint(p, PAINT_PLAIN, "      ");
	paint_cell(p, PAINT_NAME, 34, "%s", name);
	paint(p, PAINT_PLAIN, "= %u", value);
	paint_end(p);
}

static void print_limits(const struct paint *p, const struct host_facts *facts)
{
	paint(p, PAINT_BOLD, "   limits of KVM:");
	paint_end(p);
	print_limit(p, "vCPUs of a VM", facts->max_vcpus);
	print_limit(p, "APIC IDs below", facts->max_vcpu_id);
	print_limit(p, "memory slots", facts->nr_memslots);
	print_limit(p, "TSC frequency, kHz", facts->tsc_khz);
	print_limit(p, "TSC can be scaled", facts->tsc_scaling);
	print_limit(p, "TSC-deadline timer", facts->tsc_deadline_timer);
	print_limit(p, "nested state can be saved", facts->nested_state);
	print_limit(p, "MSR exits to user space", facts->user_space_msr);
}

void view_text(const struct hostfile *view, FILE *out)
{
	static const char *const kinds[] = {
		[HOSTFILE_KVM] = "KVM",
		[HOSTFILE_PROCESSOR] = "processor",
		[HOSTFILE_GUEST] = "guest",
	};
	const struct paint p = paint_to(out);
	const struct host_facts *facts = &view->facts;
	char vendor[13], signature[BITS_SIGNATURE_BYTES];
	paint(&p, PAINT_BOLD, "%s%s%s:", kinds[view->kind], view->name[0] ? " of " : "",
		view->name);
	paint(&p, PAINT_PLAIN, " %s, family %s", bits_vendor(vendor, &facts->supported),
		bits_signature(signature, &facts->supported));
	paint_end(&p);
	print_table(&p, &facts->supported);
	print_msrs(&p, facts);
	if (view->kind == HOSTFILE_KVM)
		print_limits(&p, facts);
	if (facts->emulated.nr_entries > 0) {
		paint(&p, PAINT_BOLD, "emulated by KVM, slowly:");
		paint_end(&p);
		print_table(&p, &facts->emulated);
	}
}
