/* SPDX-License-Identifier: MIT */
/*
 * A host's capability in a file, so that policies can be computed for hosts that are elsewhere.
 * Hostile input: sizes are bounded, nothing is trusted, what is not known is refused by name.
 *
 * Read: nestor's own JSON (`nestor cpuid dump --json`), an object with the members
 *   "format": "nestor-cpuid", "version": 1, "kind": "kvm", "processor" or "guest"
 *   "cpuid": [{ "leaf": "0x7", "subleaf": "0x0", "eax": "0x00000001", "ebx" … "edx" }, …], without
 *     "subleaf" where ECX does not matter
 * and, where wanted, "name", "emulated" and "hyperv" (as cpuid), "msrs": [{ "index": "0x10a",
 * "value": "0x…" }], "kept" (as cpuid: the entries of it that KVM keeps otherwise, as it keeps
 * them, once all of them were set on a vCPU; none: all is kept; not there: not tried), "kept_msrs"
 * (as msrs, likewise), "brand" (text, or 12 words such as "0x65746e49"), "limits": { "max_vcpus",
 * "max_vcpu_id", "memslots", "threads_per_core", "tsc_khz", "nesting_depth" (levels that may be
 * given the extensions; not there: no limit) } and "capabilities": { "tsc_scaling",
 * "tsc_deadline_timer", "split_irqchip", "nested_state", "user_space_msr",
 * "hyperv_enforce_cpuid" }.
 *
 * Also read, by what they begin with or hold:
 * - the raw text of the cpuid(1) tool (`cpuid -r`), with or without subleaves, to which lines
 *   "msr 0x10a: 0x…" and "# comment" may be added;
 * - AIDA64's text, as InstLatx64 collects it: "CPUID 00000007: EAX-EBX-ECX-EDX [SL 00]", of whose
 *   MSRs those are taken that a guest's may depend on;
 * - libvirt's XML: <cpudata> with <cpuid eax_in= ecx_in= eax= …> and <msr index= eax= edx=>;
 * - Firecracker's fingerprint (`cpu-template-helper fingerprint dump`), which is what a guest saw.
 * A UTF-8 byte order mark is skipped, capital letters are as good as small ones. Where processors
 * of one file differ in features, the note says so, and what all have is taken. Whether a subleaf
 * matters follows cpuid_leaf_has_subleaves(), and what the file shows itself. What looks like
 * another known form (/proc/cpuinfo, cpuid without -r, UTF-16 …) is refused by its name.
 *
 * What a file does not say: kind processor (raw text says none); 1024 vCPUs with IDs below 4096,
 * 32764 memory slots, threads of a core and TSC frequency not known, all capabilities there but
 * "hyperv_enforce_cpuid", which goes with "hyperv", so that nothing is refused for a number that
 * nobody wrote down; the brand by leaves 0x80000002 to 0x80000004.
 *
 * A file of kind processor can stand for a host, by courtesy: nothing is added to it. KVM's own
 * features (leaf 0x40000001), Hyper-V's leaves, and those that KVM emulates (x2apic, tsc-deadline,
 * hypervisor) are missing where the processor does not have them, and features that its KVM would
 * not offer are there; the APIC IDs in it do no harm, as each guest gets its own.
 */
#ifndef NESTOR_FORMATS_HOSTFILE_H
#define NESTOR_FORMATS_HOSTFILE_H

#include "cpuid/host_facts.h"

#include <stdio.h>

/* `cpuid -r` of a machine with 1024 processors has 5 MiB. */
#define HOSTFILE_MAX_BYTES ((size_t)16 << 20)

/* What a table of CPUID values in a file is: decides what a reader may do with it. */
enum hostfile_kind {
	HOSTFILE_KVM,       /* what a host's KVM supports, with its limits: stands for a host */
	HOSTFILE_PROCESSOR, /* the processor's own CPUID, without KVM: a host only by courtesy */
	HOSTFILE_GUEST,     /* what a vCPU of a VM sees; for dump and diff */
};

struct hostfile {
	enum hostfile_kind kind;
	char name[128]; /* the host's name, printable; "" where the file has none */
	char note[512]; /* what a user should know of the file, to follow its name; or "" */
	struct host_facts facts;
};

/* name is what errors call the text. Errors are ERR_CONFIG and say line and column, or the member.
 */
int hostfile_parse(const char *text, size_t n, const char *name, struct hostfile *ret_file,
	struct err *e) MUST_CHECK;
int hostfile_read(const char *path, struct hostfile *ret_file, struct err *e) MUST_CHECK;

/* Both return 0 or -EIO. Reading what they wrote gives the same facts (raw: of CPUID and MSRs). */
int hostfile_write_json(const struct hostfile *file, FILE *out) MUST_CHECK;
int hostfile_write_raw(const struct hostfile *file, FILE *out) MUST_CHECK;

#endif
