/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the config reader: any bytes as a config file, and each of their lines as a --set. What
 * is accepted must survive being shown and loaded again. The same bytes go through the editor,
 * which must change nothing but what it was asked to. Two ways to run it:
 *
 *   fuzz_config ITERATIONS FOLDER...    mutations of the .toml files there, from a fixed seed: the
 *                                       same in every run (the ctest fuzz/config)
 *   clang -fsanitize=fuzzer -DNESTOR_LIBFUZZER …    guided by coverage
 */
#include "config/check.h"
#include "config/config.h"
#include "config/edit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "fuzz_config: %s\n", what);
	abort();
}

/* A message is printable lines, and there is one for each failure. */
static void require_message(const struct err *e)
{
	require(e->msg[0] != '\0', "a refusal without a message");
	for (const char *p = e->msg; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 || *p == '\n',
			"a control character in a message");
}

static char *show(const struct config *c, bool json)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	require(out != NULL, "out of memory");
	require(config_show(c, out, json) == 0, "a config that cannot be shown");
	require(fclose(out) == 0, "out of memory");
	return text;
}

/* Takes what follows the last " # " of each line away: the origins, which differ and hold none. */
static void strip_origins(char *text)
{
	char *to = text;
	for (char *line = text; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		size_t keep = n;
		while (keep > 0 && strncmp(line + keep, " # ", 3) != 0)
			keep--;
		keep = keep > 0 ? keep : n;
		(void)memmove(to, line, keep);
		to += keep;
		*to++ = '\n';
		line += line[n] == '\n' ? n + 1 : n;
	}
	*to = '\0';
}

static void check_round_trip(const struct config *c)
{
	struct err e = ERR_INIT;
	char *first = show(c, false);
	struct config *again = config_create();
	require(again != NULL, "out of memory");
	if (config_load_text(again, first, strlen(first), "shown", "/", &e) < 0) {
		(void)fprintf(stderr, "%s\n%s\n", first, e.msg);
		require(false, "a shown config that does not load");
	}
	char *second = show(again, false);
	strip_origins(first);
	strip_origins(second);
	require(strcmp(first, second) == 0, "a shown config that loads as another");
	config_destroy(again);
	free(second);
	free(first);
	free(show(c, true));
}

static void set_lines(struct config *c, const char *text)
{
	for (unsigned nr = 0; *text != '\0' && nr < 8; nr++) {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);
		require(line != NULL, "out of memory");
		struct err e = ERR_INIT;
		if (config_set(c, line, "--set", &e) < 0)
			require_message(&e);
		(void)config_origin(c, line);
		char *equals = strchr(line, '=');
		if (equals) {
			*equals = '\0';
			e = (struct err)ERR_INIT;
			if (config_set_text(c, line, equals + 1, "--flag", &e) < 0)
				require_message(&e);
		}
		free(line);
		text += text[n] == '\n' ? n + 1 : n;
	}
}

/* The other two ways to finish; what the plan relies on must hold where one succeeds. */
static void finish(struct config *c)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = NULL;
	if (config_finish_model(c, &vm, &e) < 0)
		require_message(&e);
	e = (struct err)ERR_INIT;
	if (config_finish_policy(c, &vm, &e) < 0) {
		require_message(&e);
		return;
	}
	require(vm->cpu.threads_of_host == (vm->cpu.sockets > 0 && vm->cpu.threads == 0),
		"threads that are neither given nor the host's");
	require(vm->cpu.threads_of_host || vm->cpu.sockets == 0 ||
			vm->cpu.vcpus ==
				vm->cpu.sockets * vm->cpu.dies * vm->cpu.cores * vm->cpu.threads,
		"vCPUs that are not the product");
	for (size_t i = 0; i < vm->cpu.features.n; i++)
		require(vm->cpu.features.items[i].text && vm->cpu.features.items[i].origin,
			"a feature from nowhere");
	for (size_t i = 0; i < vm->cpu.nr_leaves; i++)
		require((vm->cpu.leaves[i].mask.set & vm->cpu.leaves[i].mask.clear) == 0 &&
				(vm->cpu.leaves[i].leaf | vm->cpu.leaves[i].subleaf) <= UINT32_MAX,
			"a leaf rule that contradicts itself");
	for (size_t i = 0; i < vm->msr.nr_rules; i++)
		require(vm->msr.rules[i].from <= vm->msr.rules[i].to, "an empty range of MSRs");
}

/* What is new in the second text must be one stretch, of no more bytes than an edit makes; the
 * blanks that a line begins with are copied, and do not count. */
static void require_splice(const char *a, size_t na, const char *b, size_t nb, size_t most)
{
	size_t head = 0, tail = 0, bytes = 0;
	while (head < na && head < nb && a[head] == b[head])
		head++;
	while (tail < na - head && tail < nb - head && a[na - tail - 1] == b[nb - tail - 1])
		tail++;
	for (size_t i = head; i < nb - tail; i++)
		bytes += b[i] != ' ' && b[i] != '\t' ? 1 : 0;
	require(bytes <= most, "an edit that writes more than it was asked to");
}

/* Editor: a key that is set is there with that value, setting it again changes nothing, and it can
 * be removed. A refusal has a reason. */
static void edit_key(const char *text, size_t n, const char *key)
{
	struct err e = ERR_INIT;
	char *set = NULL, *again = NULL, *removed = NULL;
	size_t nr_set = 0, nr_again = 0, nr_removed = 0;
	if (toml_edit_set(text, n, key, "7701", &set, &nr_set, &e) < 0) {
		require_message(&e);
		require(set == NULL, "a refusal with a text");
		return;
	}
	/* Line ends, a header, the key and its value. */
	require_splice(text, n, set, nr_set, 2 * strlen(key) + 32);
	require(toml_edit_set(set, nr_set, key, "7701", &again, &nr_again, &e) == 0,
		"a key that can be set but once");
	require(nr_again == nr_set && memcmp(again, set, nr_set) == 0,
		"a key that changes when it is set to what it is");
	require(toml_edit_remove(set, nr_set, key, &removed, &nr_removed, &e) == 0,
		"a key that was set but cannot be removed");
	require_splice(set, nr_set, removed, nr_removed, 0);
	free(set);
	free(again);
	free(removed);
}

static void edit(const char *text, size_t n)
{
	static const char *const keys[] = { "nesting.expose_virtualization_extensions",
		"memory.size", "name", "boot.modules", "cpu.features", "a.b.c" };
	struct err e = ERR_INIT;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		edit_key(text, n, keys[i]);
	for (size_t i = 0; i < 3; i++) {
		char *out = NULL;
		size_t nr = 0;
		if (toml_edit_remove_item(text, n, "cpu.features", i, &out, &nr, &e) < 0)
			require_message(&e);
		require(!out || nr < n, "an element that was removed and is there");
		free(out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct faults f = { 0 };
	struct config *c = config_create();
	char *text = malloc(n + 1);
	require(c && text, "out of memory");
	if (n > 0)
		(void)memcpy(text, data, n);
	text[n] = '\0';
	if (config_load_text(c, text, n, "fuzz.toml", "/base", &e) < 0)
		require_message(&e);
	/* Also after a refusal: what was stored before the fault must be as sound. */
	check_round_trip(c);
	set_lines(c, text);
	check_values(c, &f);
	check_round_trip(c);
	finish(c);
	edit(text, n);
	free(text);
	config_destroy(c);
	return 0;
}

#ifndef NESTOR_LIBFUZZER

#define MAX_SEEDS 512
#define MAX_BYTES 8192

struct seed {
	uint8_t *data;
	size_t n;
};

struct corpus {
	struct seed seeds[MAX_SEEDS];
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

static const char *const tokens[] = { "[", "]", "[[", "]]", "{", "}", "\"", "\"\"\"", "'", "'''",
	".", ",", "=", "\n", "#", "\\u0000", "\\U0010FFFF", "\\", "\0", "\xff", "\xed\xa0\x80",
	"true", "-1", "9223372036854775807", "1e999", "0x", "nan", "1979-05-27T07:32:00Z", "boot.",
	"serial", "[].", "size", "99999999999999999999T", " ", "\r\n", "=[=[", "cpu.", "msr.",
	"[[cpu.leaves]]\n", "[[msr.rules]]\n", "[[msr.bits]]\n", "features = [", "\"+pcid\",",
	"\"-avx512f\",", "leaf = ", "subleaf = 0\n", "register = \"ecx\"\n",
	"mask = ", "index = ", "first = 0\n", "last = ", "action = \"read-as\"\n",
	"value = ", "model = ", ".toml", "/", "\"0xffffffffffffffff\"", "0xffffffff", "4294967296",
	"\"2.5GHz\"", "0.0001kHz", "xxxxxxxx_", "01x", "hw_thread_count_per_core = 0\n",
	"dies = 255\n", "migration_cluster = [", "leaves.0.", "rules[127].", "true\n",
	"\"common_cluster_feature_set\"", "[nesting]\n", "nesting.", "nesting = {", "{", "}", ", ",
	"expose_virtualization_extensions = true\n", "profile = \"xen\"\n", "max_depth = 1\n",
	"[hyperv]\n", "spinlock_retries = ", "\r\n[", "# c\n", "\xef\xbb\xbf", "\t" };

static size_t insert(uint8_t *data, size_t n, size_t at, const void *what, size_t bytes)
{
	if (n + bytes > MAX_BYTES)
		return n;
	(void)memmove(data + at + bytes, data + at, n - at);
	(void)memcpy(data + at, what, bytes);
	return n + bytes;
}

/* One change to n bytes at data, which has room for MAX_BYTES. Returns the new length. */
static size_t mutate(const struct corpus *corpus, uint64_t *state, uint8_t *data, size_t n)
{
	size_t at = below(state, n + 1);
	size_t bytes = 0;
	switch (below(state, 6)) {
	case 0: /* a bit */
		if (at < n)
			data[at] ^= (uint8_t)(1u << below(state, 8));
		return n;
	case 1: /* a byte */
		if (at < n)
			data[at] = (uint8_t)next_random(state);
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
		size_t len = strlen(token) > 0 ? strlen(token) : 1;
		for (size_t i = 0; i < times; i++)
			n = insert(data, n, at, token, len);
		return n;
	}
	case 4: { /* a piece of another file */
		const struct seed *other = &corpus->seeds[below(state, corpus->nr)];
		size_t from = below(state, other->n);
		return insert(data, n, at, other->data + from, below(state, other->n - from));
	}
	default: /* a piece of its own again */
		bytes = below(state, n - at);
		uint8_t piece[MAX_BYTES];
		(void)memcpy(piece, data + at, bytes);
		return insert(data, n, below(state, n + 1), piece, bytes);
	}
}

static void add_folder(struct corpus *corpus, const char *folder)
{
	char pattern[4096];
	glob_t found = { 0 };
	(void)snprintf(pattern, sizeof(pattern), "%s/*.toml", folder);
	require(glob(pattern, 0, NULL, &found) == 0, "a folder without .toml files");
	for (size_t i = 0; i < found.gl_pathc && corpus->nr < MAX_SEEDS; i++) {
		struct seed *seed = &corpus->seeds[corpus->nr++];
		FILE *f = fopen(found.gl_pathv[i], "rbe");
		seed->data = malloc(MAX_BYTES);
		require(f && seed->data, "a file that cannot be read");
		seed->n = fread(seed->data, 1, MAX_BYTES, f);
		(void)fclose(f);
	}
	globfree(&found);
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	uint64_t state = UINT64_C(0x6e6573746f720001);
	if (argc < 3) {
		(void)fprintf(stderr, "usage: fuzz_config ITERATIONS FOLDER...\n");
		return 2;
	}
	unsigned long iterations = strtoul(argv[1], NULL, 10);
	for (int i = 2; i < argc; i++)
		add_folder(&corpus, argv[i]);
	for (size_t i = 0; i < corpus.nr; i++)
		(void)LLVMFuzzerTestOneInput(corpus.seeds[i].data, corpus.seeds[i].n);
	for (unsigned long i = 0; i < iterations; i++) {
		uint8_t data[MAX_BYTES];
		const struct seed *seed = &corpus.seeds[below(&state, corpus.nr)];
		size_t n = seed->n;
		(void)memcpy(data, seed->data, n);
		for (size_t changes = 1 + below(&state, 6); changes > 0; changes--)
			n = mutate(&corpus, &state, data, n);
		(void)LLVMFuzzerTestOneInput(data, n);
	}
	for (size_t i = 0; i < corpus.nr; i++)
		free(corpus.seeds[i].data);
	(void)printf("%zu files, %lu mutations: no fault found\n", corpus.nr, iterations);
	return 0;
}

#endif
