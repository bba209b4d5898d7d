/* SPDX-License-Identifier: MIT */
/* What the engine's stages share; see engine.h for their order. Of this room alone. */
#ifndef NESTOR_CPUID_STAGES_H
#define NESTOR_CPUID_STAGES_H

#include "cpuid/engine.h"
#include "cpuid/fields.h"

#include <errno.h>

#define LEAF_ENCRYPTION UINT32_C(0x8000001f) /* SEV and its kind (APM vol. 3, appendix E) */

struct cpu_work {
	const struct host_facts *host;
	/* Whose numbers a guest gets: the host's, or what a cluster has in common. */
	const struct host_facts *source;
	const struct cpu_policy *layers[CPU_MAX_LAYERS]; /* the innermost model file first */
	unsigned nr_layers;
	struct feature_set can; /* what this host can give */
	bool passthrough;       /* model host or max: leaves start as the source's */
	bool emulated;          /* model max */
	bool no_pv;             /* there are no leaves for KVM's own features */
	enum cpu_hypervisor hypervisor;
	enum cpu_on_missing on_missing;
	bool migratable; /* some migration mode is on */
	bool older_os;
	struct cpu_edit edit; /* of r->table */
	struct cpu_result *r;
	struct err *e;
};

/* The outermost policy. */
static inline const struct cpu_policy *cpu_work_policy(const struct cpu_work *w)
{
	return w->layers[w->nr_layers - 1];
}

/* What begins with cpu_work_, and cpu_asked_key, is in work.c. */

/* The scalar of the outermost layer that gives it; NULL: none does. */
const struct policy_text *cpu_work_text(const struct cpu_work *w, size_t offset);
const struct policy_number *cpu_work_number(const struct cpu_work *w, size_t offset);

/* What a named model is chosen by; nearest_model.c says how. */
struct model_wish {
	char vendor_id[13];         /* of leaf 0 */
	const uint32_t *signatures; /* leaf 1 EAX of the processors, nr_signatures of them */
	unsigned nr_signatures;
	struct feature_set have;       /* what it should have, no less and no more */
	struct feature_set ignored;    /* what is no part of the policy */
	const struct feature_set *can; /* it may have no more than this; NULL: anything */
};

/* NULL where no model may be chosen. */
const struct cpu_model *cpu_closest_model(const struct model_wish *wish);

/* The 12 characters of leaf 0, and a NUL. */
void cpu_table_vendor_id(const struct cpuid_table *table, char ret_id[13]);

/* The 12 characters that a vendor's name of the config stands for; key is whose they are. */
int cpu_resolve_vendor(
	const char *key, const struct policy_text *text, char ret_id[13], struct err *e) MUST_CHECK;

/* Names the rule for the edits that follow. */
void cpu_work_rule(struct cpu_work *w, const char *rule, const char *origin, const char *detail);

/* Bits of a CPUID register that features name: their decisions are recorded when they are made, not
 * when the table is written. leaves.c */
uint32_t cpu_named_bits(uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg);

/* A decision about one feature, without touching the table. */
void cpu_work_decide(struct cpu_work *w, feature_id id, bool on, const char *rule,
	const char *origin, const char *detail);
/* The same for all features of mask in word number word. */
void cpu_work_decide_word(struct cpu_work *w, unsigned word, uint32_t mask, uint32_t value,
	const char *rule, const char *origin, const char *detail);

/* Adds a note; feature and because: NULL for none. */
void cpu_work_note(struct cpu_work *w, enum cpu_note_kind kind, const feature_id *feature,
	const feature_id *because, const char *origin, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* What the outermost layer that speaks of a feature asks; NULL: none does. */
const struct policy_feature *cpu_work_asking(const struct cpu_work *w, feature_id id);

/* Which key of the config asks: "cpu.features", "nesting.features". */
const char *cpu_asked_key(const struct cpu_work *w, const struct policy_feature *asked);

/* What a profile makes of the model. needs.c */
void cpu_apply_needs(struct cpu_work *w);

/* True where the profile requires a feature. needs.c */
bool cpu_is_required(const struct cpu_work *w, feature_id id);

/* Notes what the profile requires and something else took away. needs.c */
void cpu_note_needs(struct cpu_work *w);

enum cpu_close_mode {
	CPU_CLOSE_STRICT, /* a feature asked for by name must not go: an error, or by on_missing a
			     note */
	CPU_CLOSE_SILENT, /* what follows from the knob is no news; asked for by name: an error */
	CPU_CLOSE_NOTE,   /* what follows from what the host lacks */
};

/*
 * True where there is no fault so far, or faults of the policy are collected (err.h), so that the
 * next stage may find more: what is at fault is taken as if it were not said, or as said.
 */
static inline bool cpu_goes_on(const struct cpu_work *w, int rc)
{
	return rc == 0 || (rc == -EINVAL && w->e && w->e->findings);
}

/* What is wrong with the policy whatever the host; each adds all its faults. */
int cpu_check_features(struct cpu_work *w) MUST_CHECK;  /* wanted.c */
int cpu_check_model(struct cpu_work *w) MUST_CHECK;     /* wanted.c */
int cpu_check_raw(struct cpu_work *w) MUST_CHECK;       /* raw.c: rules at odds in one layer */
int cpu_check_msr_rules(struct cpu_work *w) MUST_CHECK; /* feature_msrs.c */

/* Removes what lacks its requirements or the CPUID bit that announces its MSR. close.c */
int cpu_close(struct cpu_work *w, struct feature_set *set, enum cpu_close_mode mode) MUST_CHECK;

/* Stages; each returns 0 or an error that ends the computation. */
int cpu_stage_wanted(struct cpu_work *w) MUST_CHECK;    /* wanted.c */
int cpu_stage_missing(struct cpu_work *w) MUST_CHECK;   /* missing.c; and close */
void cpu_stage_leaves(struct cpu_work *w);              /* leaves.c */
int cpu_stage_identity(struct cpu_work *w) MUST_CHECK;  /* identity.c */
void cpu_stage_hypervisor(struct cpu_work *w);          /* hypervisor.c */
int cpu_stage_addresses(struct cpu_work *w) MUST_CHECK; /* identity.c */
void cpu_stage_xsave(struct cpu_work *w);               /* xsave.c */
void cpu_stage_caches(struct cpu_work *w);              /* caches.c */
void cpu_stage_raw(struct cpu_work *w);                 /* raw.c */
void cpu_raw_apply(struct cpu_work *w);                 /* raw.c; once more, silently */
void cpu_stage_max_leaves(struct cpu_work *w);          /* leaves.c */
int cpu_stage_msrs(struct cpu_work *w) MUST_CHECK;      /* feature_msrs.c */

/* Features whose XSAVE state component the host's leaf 0xD lacks. xsave.c */
void cpu_xsave_lacking(const struct host_facts *host, struct feature_set *ret_set);

/* The leaf of KVM's own features in the guest: 0x40000001, 0x40000101 behind Hyper-V's; 0: none. */
uint32_t cpu_kvm_leaf(const struct cpu_work *w);

#endif
