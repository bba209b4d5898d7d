/* SPDX-License-Identifier: MIT */
/*
 * From an MSR policy to KVM's filter (KVM API, KVM_X86_SET_MSR_FILTER): at most 16 ranges, each
 * with a bitmap of at most 3000h MSRs and the directions that it rules; what no range rules has the
 * default. Of the ranges that hold an MSR in a direction, the first decides; those made here never
 * overlap in a direction, so that their order does not matter.
 *
 * All MSRs are cut into spans that the policy treats alike. Spans that have the default need no
 * range; over the others, windows of the greatest width are laid from the lowest on, which takes
 * the fewest windows. This is done for both directions in common and for each apart, and with
 * either default; the cheapest wins.
 */
#include "cpuid/msr.h"

#include "base/text_buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSR_END (UINT64_C(1) << 32)
#define X2APIC_FIRST UINT64_C(0x800)
#define X2APIC_END UINT64_C(0x900)
#define NR_GAPS 3 /* that an error names */

enum { READ = 1, WRITE = 2 }; /* directions, as bits */

/* MSRs [first, end), alike in the policy. */
struct span {
	uint64_t first, end;
	unsigned passes; /* directions */
	bool any;        /* x2APIC: KVM does not look */
};

/* [first, end) under one range's bitmap. */
struct window {
	uint64_t first, end;
	unsigned dirs;
};

struct layout {
	struct span *spans;
	size_t nr_spans;
	bool default_deny;
	struct window windows[MSR_FILTER_MAX_RANGES]; /* the first of them */
	unsigned nr_windows;                          /* all that are needed */
	/* Some access is stopped and not simply #GP: it has to come to nestor. */
	bool exits;
	struct msr_outcome exit; /* the first of these … */
	uint32_t exit_index;     /* … is one of this MSR */
};

/* Whether the access passes; notes the first one that needs an exit. */
static unsigned access_passes(
	const struct msr_policy *p, struct layout *l, uint32_t index, bool write)
{
	struct msr_outcome o = msr_policy_access(p, index, write);
	if (o.action == MSR_KVM && !o.log)
		return write ? WRITE : READ;
	if (!l->exits && (o.log || o.action != MSR_DENY)) {
		l->exits = true;
		l->exit = o;
		l->exit_index = index;
	}
	return 0;
}

static int compare_points(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static bool logs_writes(const struct msr_rule *rule)
{
	return rule->log && rule->write == MSR_KVM;
}

/* How many MSRs there are whose logged writes are special, each a span of its own. */
static size_t count_logged(const struct msr_policy *p)
{
	bool any = false;
	for (unsigned i = 0; i < p->nr_rules; i++)
		any |= logs_writes(&p->rules[i]);
	size_t n = 0;
	uint32_t index = 0;
	for (uint64_t from = 0; any && msr_write_log_next(from, &index); from = index + UINT64_C(1))
		n++;
	return n;
}

/* Where the policy may change; the caller frees. NULL: out of memory. */
static uint64_t *list_points(const struct msr_policy *p, size_t *ret_count)
{
	size_t nr_logged = count_logged(p), n = 0;
	uint64_t *points = calloc(4 + 2 * (size_t)p->nr_rules + 2 * nr_logged, sizeof(*points));
	if (!points)
		return NULL;
	points[n++] = 0;
	points[n++] = X2APIC_FIRST;
	points[n++] = X2APIC_END;
	points[n++] = MSR_END;
	for (unsigned i = 0; i < p->nr_rules; i++) {
		points[n++] = p->rules[i].first;
		points[n++] = p->rules[i].last + UINT64_C(1);
	}
	uint64_t from = 0;
	for (size_t i = 0; i < nr_logged; i++) {
		uint32_t index = 0;
		(void)msr_write_log_next(from, &index);
		points[n++] = index;
		points[n++] = from = index + UINT64_C(1);
	}
	qsort(points, n, sizeof(*points), compare_points);
	*ret_count = n;
	return points;
}

static int make_spans(const struct msr_policy *p, struct layout *l, struct err *e)
{
	size_t nr_points;
	uint64_t *points = list_points(p, &nr_points);
	l->spans = points ? calloc(nr_points, sizeof(*l->spans)) : NULL;
	if (!l->spans) {
		free(points);
		return err_set(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i + 1 < nr_points; i++) {
		if (points[i] == points[i + 1])
			continue;
		uint32_t first = (uint32_t)points[i];
		struct span s = {
			.first = first,
			.end = points[i + 1],
			.passes = access_passes(p, l, first, false) |
				  access_passes(p, l, first, true),
			.any = first >= X2APIC_FIRST && first < X2APIC_END,
		};
		struct span *last = l->nr_spans ? &l->spans[l->nr_spans - 1] : NULL;
		if (last && last->passes == s.passes && last->any == s.any)
			last->end = s.end;
		else
			l->spans[l->nr_spans++] = s;
	}
	free(points);
	return 0;
}

/* The directions of dirs in which the span has not the default. */
static unsigned needs(const struct span *s, unsigned dirs, bool default_deny)
{
	return s->any ? 0 : (default_deny ? s->passes : ~s->passes) & dirs;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void add_window(struct layout *l, uint64_t first, uint64_t end, unsigned dirs)
{
	if (l->nr_windows < MSR_FILTER_MAX_RANGES)
		l->windows[l->nr_windows] = (struct window){ first, end, dirs };
	l->nr_windows++;
}

/* Lays windows of those directions over the spans that need one in any of them. */
static void cover(struct layout *l, unsigned dirs)
{
	unsigned before = l->nr_windows;
	uint64_t reach = 0; /* where the last window must end at the latest */
	for (size_t i = 0; i < l->nr_spans; i++) {
		const struct span *s = &l->spans[i];
		uint64_t at = s->first;
		if (!needs(s, dirs, l->default_deny))
			continue;
		if (l->nr_windows > before && at < reach) {
			uint64_t end = smaller(s->end, reach);
			if (l->nr_windows <= MSR_FILTER_MAX_RANGES)
				l->windows[l->nr_windows - 1].end = end;
			at = end;
		}
		while (at < s->end) {
			if (l->nr_windows >= MSR_FILTER_MAX_RANGES) { /* too many: only counted */
				uint64_t rest = (s->end - at + MSR_FILTER_RANGE_MAX_MSRS - 1) /
						MSR_FILTER_RANGE_MAX_MSRS;
				l->nr_windows += (unsigned)rest;
				reach = at + rest * MSR_FILTER_RANGE_MAX_MSRS;
				break;
			}
			reach = at + MSR_FILTER_RANGE_MAX_MSRS;
			uint64_t end = smaller(s->end, reach);
			add_window(l, at, end, dirs);
			at = end;
		}
	}
}

/* The directions in which a window is needed at all; *ret_equal: one bitmap does for both. */
static unsigned window_needs(const struct layout *l, const struct window *w, bool *ret_equal)
{
	unsigned dirs = 0;
	*ret_equal = true;
	for (size_t i = 0; i < l->nr_spans; i++) {
		const struct span *s = &l->spans[i];
		if (s->end <= w->first || s->first >= w->end || s->any)
			continue;
		dirs |= needs(s, READ | WRITE, l->default_deny);
		*ret_equal &= s->passes == 0 || s->passes == (READ | WRITE);
	}
	return dirs;
}

/* Both directions in common: a window whose directions differ becomes two. */
static void lay_in_common(struct layout *l)
{
	struct layout common = *l;
	cover(&common, READ | WRITE);
	unsigned n = common.nr_windows;
	for (unsigned i = 0; i < n && i < MSR_FILTER_MAX_RANGES; i++) {
		struct window w = common.windows[i];
		bool equal;
		unsigned dirs = window_needs(l, &w, &equal);
		if (equal || dirs != (READ | WRITE)) {
			add_window(l, w.first, w.end, dirs);
		} else {
			add_window(l, w.first, w.end, READ);
			add_window(l, w.first, w.end, WRITE);
		}
	}
	if (n > MSR_FILTER_MAX_RANGES)
		l->nr_windows += n - MSR_FILTER_MAX_RANGES;
}

/* Each direction apart; windows that turn out the same become one. */
static void lay_apart(struct layout *l)
{
	struct layout writes = *l;
	cover(l, READ);
	cover(&writes, WRITE);
	unsigned nr_reads = l->nr_windows;
	if (writes.nr_windows > MSR_FILTER_MAX_RANGES)
		l->nr_windows += writes.nr_windows - MSR_FILTER_MAX_RANGES;
	for (unsigned i = 0; i < writes.nr_windows && i < MSR_FILTER_MAX_RANGES; i++) {
		struct window *same = NULL;
		struct window w = writes.windows[i];
		bool equal;
		(void)window_needs(l, &w, &equal);
		for (unsigned j = 0; equal && j < nr_reads && j < MSR_FILTER_MAX_RANGES; j++) {
			if (l->windows[j].first == w.first && l->windows[j].end == w.end)
				same = &l->windows[j];
		}
		if (same)
			same->dirs |= WRITE;
		else
			add_window(l, w.first, w.end, WRITE);
	}
}

/* The cheapest layout, with the policy's default where that is no dearer. */
static void lay_out(struct layout *best)
{
	static void (*const lay[])(struct layout *) = { lay_in_common, lay_apart };
	const struct layout empty = *best;
	best->nr_windows = UINT32_MAX;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(lay); i++) {
		struct layout l = empty;
		l.default_deny = i < ARRAY_SIZE(lay) ? empty.default_deny : !empty.default_deny;
		lay[i % ARRAY_SIZE(lay)](&l);
		/* KVM takes no filter that denies by default and has no range. */
		if (l.default_deny && l.nr_windows == 0)
			add_window(&l, 0, 1, READ | WRITE);
		if (l.nr_windows < best->nr_windows)
			*best = l;
	}
}

static bool span_passes(const struct layout *l, size_t i, unsigned dirs)
{
	return l->spans[i].any || (l->spans[i].passes & dirs) != 0;
}

static int fill_range(
	const struct layout *l, const struct window *w, struct msr_filter_range *r, struct err *e)
{
	uint32_t count = (uint32_t)(w->end - w->first);
	*r = (struct msr_filter_range){
		.base = (uint32_t)w->first,
		.count = count,
		.read = w->dirs & READ,
		.write = w->dirs & WRITE,
		.bitmap = calloc((count + 63) / 64, 8),
	};
	if (!r->bitmap)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < l->nr_spans; i++) {
		if (l->spans[i].end <= w->first || !span_passes(l, i, w->dirs))
			continue;
		uint64_t at = l->spans[i].first > w->first ? l->spans[i].first : w->first;
		for (; at < l->spans[i].end && at < w->end; at++) {
			uint32_t bit = (uint32_t)(at - w->first);
			r->bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
	}
	return 0;
}

/* Names the widest gaps between spans that need a range: what to bring closer together. */
static int too_many(const struct layout *l, bool default_deny, struct err *e)
{
	struct window gaps[NR_GAPS] = { 0 };
	uint64_t end = 0;
	bool first = true;
	for (size_t i = 0; i < l->nr_spans; i++) {
		const struct span *s = &l->spans[i];
		if (!needs(s, READ | WRITE, default_deny))
			continue;
		struct window gap = { end, s->first, 0 };
		for (size_t j = 0; !first && j < NR_GAPS; j++) {
			if (gap.end - gap.first <= gaps[j].end - gaps[j].first)
				continue;
			struct window narrower = gaps[j];
			gaps[j] = gap;
			gap = narrower;
		}
		first = false;
		end = s->end;
	}
	char text[NR_GAPS * 32];
	struct text_buf list = TEXT_BUF(text);
	for (size_t j = 0; j < NR_GAPS && gaps[j].end > gaps[j].first; j++) {
		(void)text_buf_item(&list, ", ", "%#x to %#x", (uint32_t)gaps[j].first,
			(uint32_t)gaps[j].end - 1);
	}
	(void)err_set_config(e, -E2BIG,
		"the MSR rules need %u filter ranges of at most %u MSRs each, and KVM has %u%s%s",
		l->nr_windows, MSR_FILTER_RANGE_MAX_MSRS, MSR_FILTER_MAX_RANGES,
		list.used > 0 ? "; the widest gaps between MSRs that are ruled: " : "", text);
	return err_hint(e, -E2BIG,
		"rule fewer MSRs, or such as are closer together; what default = \"deny\" rules is "
		"what the rules allow");
}

static int no_exits(const struct layout *l, struct err *e)
{
	char label[MSR_LABEL_BYTES];
	const char *origin = l->exit.rule && l->exit.rule->origin ? l->exit.rule->origin : "";
	return err_set(e, -ENOTSUP,
		"%s%sMSR %s: this host's KVM can only deny accesses (KVM_CAP_X86_USER_SPACE_MSR is "
		"missing), not log them, answer reads or ignore writes",
		origin, *origin ? ": " : "", msr_label(label, l->exit_index));
}

int msr_filter_compile(const struct msr_policy *p, bool user_space_msr,
	struct msr_filter *ret_filter, struct err *e)
{
	struct msr_filter *f = ret_filter;
	struct layout l = { .default_deny = p->default_deny };
	*f = (struct msr_filter){ 0 };
	if (p->nr_rules == 0 && !p->default_deny)
		return 0;
	int rc = make_spans(p, &l, e);
	if (rc)
		return rc;
	lay_out(&l);
	if (l.exits && !user_space_msr)
		rc = no_exits(&l, e);
	else if (l.nr_windows > MSR_FILTER_MAX_RANGES)
		rc = too_many(&l, p->default_deny, e);
	f->exits = l.exits;
	f->default_deny = l.default_deny;
	for (unsigned i = 0; rc == 0 && i < l.nr_windows; i++)
		rc = fill_range(&l, &l.windows[i], &f->ranges[f->nr_ranges++], e);
	free(l.spans);
	if (rc)
		msr_filter_done(f);
	return rc;
}

void msr_filter_done(struct msr_filter *f)
{
	for (unsigned i = 0; i < f->nr_ranges; i++)
		free(f->ranges[i].bitmap);
	*f = (struct msr_filter){ 0 };
}

bool msr_filter_same(const struct msr_filter *a, const struct msr_filter *b)
{
	bool same = a->default_deny == b->default_deny && a->exits == b->exits &&
		    a->nr_ranges == b->nr_ranges;
	for (unsigned i = 0; same && i < a->nr_ranges; i++) {
		const struct msr_filter_range *x = &a->ranges[i], *y = &b->ranges[i];
		same = x->base == y->base && x->count == y->count && x->read == y->read &&
		       x->write == y->write &&
		       memcmp(x->bitmap, y->bitmap, (x->count + 63) / 64 * sizeof(uint64_t)) == 0;
	}
	return same;
}
