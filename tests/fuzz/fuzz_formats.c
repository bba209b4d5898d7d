/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what reads other programs' text: host files of both kinds, QEMU's -cpu argument, libvirt's
 * XML, Firecracker's templates. Refusals have a printable message; what is accepted must survive
 * being written to each format, where it is read again and planned for. Two ways to run it:
 *
 *   fuzz_formats ITERATIONS             mutations of the texts below, from a fixed seed: the same
 * in every run (the ctest fuzz/formats) clang -fsanitize=fuzzer -DNESTOR_LIBFUZZER …    guided by
 * coverage
 */
#include "convert/convert.h"
#include "fake/hosts.h"
#include "formats/hostfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "fuzz_formats: %s\n", what);
	abort();
}

static void require_printable(const char *text)
{
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= 0x20 || *text == '\n',
			"a control character in a message");
}

static void require_message(int rc, const struct err *e)
{
	require(rc < 0, "a positive result");
	require(e->msg[0] != '\0', "a refusal without a message");
	require(e->kind == ERR_CONFIG, "a refusal that is not the text's fault");
	require_printable(e->msg);
}

static void require_losses(struct losses *l)
{
	require(l->error == 0, "out of memory");
	for (size_t i = 0; i < l->nr_lines; i++)
		require_printable(l->lines[i]);
	losses_done(l);
}

static char *write_host(const struct hostfile *f, bool json, size_t *ret_n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n);
	require(out != NULL, "out of memory");
	require((json ? hostfile_write_json(f, out) : hostfile_write_raw(f, out)) == 0,
		"a host that cannot be written");
	require(fclose(out) == 0, "out of memory");
	return text;
}

static void fuzz_host(const char *text, size_t n)
{
	struct hostfile *f = calloc(1, sizeof(*f)), *again = calloc(1, sizeof(*again));
	struct err e = ERR_INIT;
	require(f && again, "out of memory");
	int rc = hostfile_parse(text, n, "fuzz", f, &e);
	if (rc) {
		require_message(rc, &e);
	} else {
		size_t size = 0;
		char *json = write_host(f, true, &size);
		require(hostfile_parse(json, size, "written", again, &e) == 0,
			"a written host that cannot be read");
		require(again->facts.supported.nr_entries == f->facts.supported.nr_entries &&
				memcmp(again->facts.brand, f->facts.brand,
					sizeof(f->facts.brand)) == 0 &&
				strcmp(again->name, f->name) == 0,
			"a written host that is another one");
		free(json);
		free(write_host(f, false, &size));
	}
	free(again);
	free(f);
}

/* What goes out is held to the plan there, which reads it again. */
static void fuzz_written(struct convert *c, enum convert_format to)
{
	char *text = NULL;
	size_t size = 0;
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	FILE *out = open_memstream(&text, &size);
	require(out != NULL, "out of memory");
	int rc = convert_write(c, to, out, &losses, &e);
	require(fclose(out) == 0, "out of memory");
	if (rc)
		(void)fprintf(stderr, "to format %d: %s\n%s\n", (int)to, e.msg, text);
	require(rc == 0, "a policy that was read and cannot be written");
	require_losses(&losses);
	free(text);
}

static void fuzz_policy(enum convert_format from, const char *text, size_t n)
{
	struct convert *c = NULL;
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	int rc = convert_read(&c, from, text, n, "fuzz", &losses, &e);
	require((rc == 0) == (c != NULL), "a refusal with a result");
	if (rc == 0)
		rc = convert_plan(c, NULL, &losses, &e);
	require_losses(&losses);
	if (rc)
		require_message(rc, &e);
	for (int to = 0; rc == 0 && to < CONVERT_FORMATS; to++)
		fuzz_written(c, (enum convert_format)to);
	convert_destroy(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* A buffer of just this size: what is read behind its end does not pass unseen. */
	char *text = malloc(n ? n : 1);
	require(text != NULL, "out of memory");
	if (n > 0)
		(void)memcpy(text, data, n);
	fuzz_host(text, n);
	for (int from = CONVERT_QEMU; from < CONVERT_FORMATS; from++)
		fuzz_policy((enum convert_format)from, text, n);
	free(text);
	return 0;
}

#ifndef NESTOR_LIBFUZZER

#define MAX_BYTES 16384
#define MAX_SEEDS 24

struct corpus {
	char *seeds[MAX_SEEDS];
	size_t sizes[MAX_SEEDS];
	size_t nr;
};

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t below(uint64_t *state, size_t n)
{
	return n == 0 ? 0 : (size_t)(next_random(state) % n);
}

static const char *const texts[] = {
	"------[ Logical CPU #0 ]------\nCPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n"
	"CPUID 00000007: 00000002-20000020-00000004-00000008 [SL 00]\nMSR 0000010A: "
	"0000-0001-0000-0C05\n------[ Logical CPU #1 ]------\nCPUID 00000007: "
	"00000002-00000020-00000004-00000008 [SL 00]\n",
	"<cpudata arch='x86'><cpuid eax_in='0x7' ecx_in='0x00' eax='0x1' ebx='0x20' ecx='0x0' "
	"edx='0x0'/><msr index='0x10a' edx='0x1' eax='0x2b'/></cpudata>",
	"CPU 0:\n0x00000004: eax=0x21 ebx=0x0 ecx=0x0 edx=0x0\n0x00000004: eax=0x22 ebx=0x0 "
	"ecx=0x0 edx=0x0\nCPU 1:\n0x00000004: EAX=0x21 EBX=0x0 ECX=0x0 EDX=0x1\n",
	"{\"guest_cpu_config\":{\"cpuid_modifiers\":[{\"leaf\":\"0x7\",\"subleaf\":\"0x1\","
	"\"flags\":1,\"modifiers\":[{\"register\":\"eax\",\"bitmap\":\"0b10000\"}]}],"
	"\"msr_modifiers\":[{\"addr\":\"0x10a\",\"bitmap\":\"0b101\"}]}}",
	"Skylake-Server-v4,+pcid,-avx512f,lahf-lm=on,vendor=GenuineIntel,family=6,model=85,"
	"model-id=Some,, CPU,phys-bits=42,tsc-freq=2.5G,kvm=off,hv-relaxed,hv_time=on,enforce,"
	"ucode-rev=0x100,host-phys-bits=on,l3-cache=off,x-intel-pt-auto-level=off",
	"base,+fpu,check=off,kvmclock=off",
	"<domain type='kvm'><vcpu>8</vcpu><features><hyperv><relaxed state='on'/></hyperv><kvm>"
	"<hidden state='on'/></kvm></features><cpu mode='custom' match='exact' check='partial'>"
	"<model fallback='allow' vendor_id='GenuineIntel'>Haswell-noTSX</model><vendor>Intel"
	"</vendor><topology sockets='1' dies='1' clusters='2' cores='2' threads='2'/><cache "
	"level='3' mode='emulate'/><maxphysaddr mode='emulate' bits='40'/><feature "
	"policy='require' name='vmx'/><feature policy='forbid' name='rtm'/></cpu><clock><timer "
	"name='tsc' frequency='2400000000'/></clock></domain>",
	"EPYC-Milan,+svm,-npt,vmx=off,migratable=off,pmu=off,kvmclock=off,hv-time,hv-vpindex,"
	"hv-synic,hv-spinlocks=0x1fff,hv-vendor-id=a,hv-version-id-build=1,level=0x10,xlevel="
	"0x8000001f,host-phys-bits-limit=39,stepping=2",
	"host,+vmx,+vmx-ept,-vmx-vpid,hv-evmcs,hv-vapic,migratable=off,-invtsc,host-cache-info=on",
	"<domain><vcpu current='1'>2</vcpu><features><acpi/><apic eoi='off'/><hyperv mode='custom'>"
	"<vapic state='on'/><vpindex state='on'/><synic state='on'/><stimer state='on'><direct "
	"state='on'/></stimer><spinlocks state='on' retries='4096'/><vendor_id state='on' "
	"value='v'/><evmcs state='off'/></hyperv><kvm><hint-dedicated state='on'/><pv-ipi "
	"state='off'/></kvm><pvspinlock state='off'/><pmu state='off'/></features><cpu "
	"match='exact' "
	"check='full'><model>pentium3</model><vendor>AMD</vendor><maxphysaddr mode='emulate'/>"
	"</cpu><clock offset='utc'><timer name='kvmclock' present='no'/><timer name='hypervclock' "
	"present='yes'/></clock></domain>",
	"<cpu mode='host-passthrough' migratable='off'><cache mode='passthrough'/><feature "
	"policy='disable' name='svm'/><feature name='vmx'/></cpu>",
	"{\"cpuid_modifiers\":[{\"leaf\":\"0x1\",\"subleaf\":\"0x0\",\"flags\":0,\"modifiers\":[{"
	"\"register\":\"ecx\",\"bitmap\":\"0b100000\"}]},{\"leaf\":\"0x80000001\",\"subleaf\":"
	"\"0x0\",\"flags\":0,\"modifiers\":[{\"register\":\"ecx\",\"bitmap\":\"0b0xx\"}]},{"
	"\"leaf\":\"0x1e\",\"subleaf\":\"0x0\",\"flags\":0,\"modifiers\":[{\"register\":\"ebx\","
	"\"bitmap\":\"0bx1\"}]}],\"msr_modifiers\":[{\"addr\":\"0x3a\",\"bitmap\":\"0b101\"}]}",
	"{\"kvm_capabilities\":[\"!56\"],\"cpuid_modifiers\":[{\"leaf\":\"0x1\",\"subleaf\":"
	"\"0x0\",\"flags\":0,\"modifiers\":[{\"register\":\"eax\",\"bitmap\":"
	"\"0bxxxx000000000011xx00011011110010\"},{\"register\":\"ecx\",\"bitmap\":\"0b01x\"}]},{"
	"\"leaf\":\"0x14\",\"subleaf\":\"0x1\",\"flags\":1,\"modifiers\":[{\"register\":\"edx\","
	"\"bitmap\":\"0b1\"}]}],\"msr_modifiers\":[{\"addr\":\"0x10a\",\"bitmap\":\"0b1x0\"},{"
	"\"addr\":\"0x48b\",\"bitmap\":\"0b1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0\"}]}",
};

static const char *const tokens[] = { "[", "]", "{", "}", "\"", "'", "<", ">", "/>", "</", "&amp;",
	"<![CDATA[", "<!DOCTYPE a [<!ENTITY b 'c'>]>", ",", ":", "=", "+", "-", "0x", "0b", "-1",
	"4294967296", "18446744073709551616", "1e999", "\\u0000", "\xff", "\xc3\xa9", "\n", "null",
	"CPU 1:\n", "msr 0x10a: 0x1\n", "eax=", "x" };

static size_t insert(char *data, size_t n, size_t at, const void *what, size_t bytes)
{
	if (n + bytes > MAX_BYTES)
		return n;
	(void)memmove(data + at + bytes, data + at, n - at);
	(void)memcpy(data + at, what, bytes);
	return n + bytes;
}

/* One change to n bytes at data, which has room for MAX_BYTES. Returns the new length. */
static size_t mutate(const struct corpus *corpus, uint64_t *state, char *data, size_t n)
{
	size_t at = below(state, n + 1);
	size_t bytes = 0;
	switch (below(state, 5)) {
	case 0: /* a bit */
		if (at < n)
			data[at] = (char)(data[at] ^ (1 << below(state, 7)));
		return n;
	case 1: /* a byte */
		if (at < n)
			data[at] = (char)next_random(state);
		return n;
	case 2: /* less */
		bytes = below(state, (n - at) / 4 + 2);
		if (bytes > n - at)
			return n;
		(void)memmove(data + at, data + at + bytes, n - at - bytes);
		return n - bytes;
	case 3: { /* a token, perhaps many times */
		const char *token = tokens[below(state, sizeof(tokens) / sizeof(tokens[0]))];
		size_t times = below(state, 8) == 0 ? below(state, 300) : 1;
		for (size_t i = 0; i < times; i++)
			n = insert(data, n, at, token, strlen(token));
		return n;
	}
	default: { /* a piece of another text */
		size_t i = below(state, corpus->nr);
		size_t from = below(state, corpus->sizes[i]);
		return insert(data, n, at, corpus->seeds[i] + from,
			below(state, corpus->sizes[i] - from));
	}
	}
}

static void make_corpus(struct corpus *corpus)
{
	*corpus = (struct corpus){ .nr = 0 };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		corpus->seeds[corpus->nr] = strdup(texts[i]);
		require(corpus->seeds[corpus->nr] != NULL, "out of memory");
		corpus->sizes[corpus->nr++] = strlen(texts[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct hostfile *f = calloc(1, sizeof(*f));
		require(f != NULL, "out of memory");
		if (i < 2)
			host_intel(&f->facts, true);
		else
			host_amd(&f->facts, true);
		f->facts.feature_msrs[f->facts.nr_feature_msrs++] = (struct msr_value){ 0x10a, 1 };
		(void)memcpy(f->name, "host", 5);
		corpus->seeds[corpus->nr] = write_host(f, i % 2, &corpus->sizes[corpus->nr]);
		corpus->nr++;
		free(f);
	}
}

int main(int argc, char **argv)
{
	struct corpus corpus;
	uint64_t state = UINT64_C(0x6e6573746f720002);
	if (argc != 2) {
		(void)fprintf(stderr, "usage: fuzz_formats ITERATIONS\n");
		return 2;
	}
	unsigned long iterations = strtoul(argv[1], NULL, 10);
	make_corpus(&corpus);
	for (size_t i = 0; i < corpus.nr; i++)
		(void)LLVMFuzzerTestOneInput((const uint8_t *)corpus.seeds[i], corpus.sizes[i]);
	for (unsigned long i = 0; i < iterations; i++) {
		static char data[MAX_BYTES];
		size_t seed = below(&state, corpus.nr);
		size_t n = corpus.sizes[seed];
		(void)memcpy(data, corpus.seeds[seed], n);
		for (size_t changes = 1 + below(&state, 4); changes > 0; changes--)
			n = mutate(&corpus, &state, data, n);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)data, n);
	}
	for (size_t i = 0; i < corpus.nr; i++)
		free(corpus.seeds[i]);
	(void)printf("%zu texts, %lu mutations: no fault found\n", corpus.nr, iterations);
	return 0;
}

#endif
