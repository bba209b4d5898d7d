/* SPDX-License-Identifier: MIT */
/*
 * stamp: how long commands take to say something.
 *
 * Runs each command in turn, over and over (A B C A B C ...), and measures from just before the
 * exec to the moment when a marker has been read from the command's standard output; then it kills
 * the command. Scripts can't do this well: a shell's fork and its date(1) cost more than what is
 * measured here.
 *
 * One line a run on standard output, its fields apart by tabs: the round, the command (0 is the
 * first), nanoseconds of CLOCK_MONOTONIC, then with --ram-mib the command's memory in KiB as
 * dirty, clean (from /proc/PID/smaps), else "-" twice, and what followed the marker on its line.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define OUTPUT_BYTES 4096
#define MAX_MAPPINGS 4096
#define NS_PER_S 1000000000

struct options {
	const char *marker; /* "": the first byte */
	uint64_t rounds, warm_up, timeout_s;
	uint64_t ram_mib; /* 0: don't look at the command's memory */
	char **commands[MAX_COMMANDS];
	unsigned nr_commands;
};

/* What a command has said; of much, the end. */
struct output {
	char text[OUTPUT_BYTES + 1];
	size_t used;
};

struct memory {
	uint64_t dirty_kib, clean_kib;
};

static const char usage[] =
	"Usage: stamp [OPTION]... -- COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...\n"
	"\n"
	"Measures the time from the exec of each command to a marker in its output.\n"
	"\n"
	"  --marker TEXT   wait for TEXT (default: for the first byte)\n"
	"  --rounds N      measure each command N times, taking turns (default 1)\n"
	"  --warm-up N     and N times before that, unmeasured (default 0)\n"
	"  --timeout S     give a command S seconds to say it (default 60)\n"
	"  --ram-mib N     also sum the private memory of the command (a VMM), but for the "
	"guest's\n"
	"                  RAM: the one mapping of N MiB, or adjacent ones of N MiB together\n"
	"\n"
	"Exit status: 0 measured, 1 a command did not say it, 2 usage error.\n";

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool parse_number(const char *text, uint64_t *ret_value)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > 1000000)
		return false;
	*ret_value = value;
	return true;
}

static bool parse_option(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "--marker") == 0) {
		o->marker = value;
		return strlen(value) < OUTPUT_BYTES / 2;
	}
	if (strcmp(name, "--rounds") == 0)
		return parse_number(value, &o->rounds) && o->rounds > 0;
	if (strcmp(name, "--warm-up") == 0)
		return parse_number(value, &o->warm_up);
	if (strcmp(name, "--timeout") == 0)
		return parse_number(value, &o->timeout_s) && o->timeout_s > 0;
	if (strcmp(name, "--ram-mib") == 0)
		return parse_number(value, &o->ram_mib) && o->ram_mib > 0;
	return false;
}

/* argv is cut into the commands at each "--". */
static bool parse_commands(struct options *o, char **argv)
{
	while (*argv) {
		*argv++ = NULL;
		if (!*argv || strcmp(*argv, "--") == 0 || o->nr_commands == MAX_COMMANDS)
			return false;
		o->commands[o->nr_commands++] = argv;
		while (*argv && strcmp(*argv, "--") != 0)
			argv++;
	}
	return o->nr_commands > 0;
}

static bool parse(struct options *o, char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--") != 0; argv += 2) {
		if (!argv[1] || !parse_option(o, argv[0], argv[1]))
			return false;
	}
	return parse_commands(o, argv);
}

/* vfork: a fork would copy this process' page tables within the time that is measured. */
static pid_t spawn(char **command, int out_fd, int null_fd)
{
	const pid_t self = getpid();
	pid_t pid = vfork();
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == self && dup2(null_fd, STDIN_FILENO) >= 0 &&
		dup2(out_fd, STDOUT_FILENO) >= 0)
		(void)execvp(command[0], command);
	_exit(127);
}

/* Appends what there is to read; false at the end of the output, or when the time is over. */
static bool read_some(int fd, uint64_t deadline_ns, struct output *out)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t now = now_ns();
	uint64_t left_ms = now < deadline_ns ? (deadline_ns - now) / 1000000 + 1 : 0;
	if (poll(&wait, 1, (int)left_ms) <= 0)
		return false;
	if (out->used == OUTPUT_BYTES) {
		out->used = OUTPUT_BYTES / 2;
		(void)memmove(out->text, out->text + OUTPUT_BYTES / 2, out->used);
	}
	ssize_t n = read(fd, out->text + out->used, OUTPUT_BYTES - out->used);
	if (n <= 0)
		return false;
	/* A NUL would end the text for strstr. */
	for (ssize_t i = 0; i < n; i++) {
		if (!out->text[out->used + (size_t)i])
			out->text[out->used + (size_t)i] = '?';
	}
	out->used += (size_t)n;
	out->text[out->used] = '\0';
	return true;
}

/* The rest of the marker's line, or NULL. A marker that is one byte of any kind has none. */
static const char *read_note(int fd, uint64_t deadline_ns, const char *marker, struct output *out)
{
	if (!*marker)
		return "";
	for (;;) {
		char *found = strstr(out->text, marker);
		char *end = found ? strpbrk(found, "\r\n") : NULL;
		if (end) {
			*end = '\0';
			return found + strlen(marker);
		}
		if (!found || !read_some(fd, deadline_ns, out))
			return NULL;
	}
}

/* One mapping of /proc/PID/smaps. */
struct mapping {
	uint64_t from, to;
	bool shared;
	uint64_t dirty_kib, clean_kib, anonymous_kib;
};

/* "7f6a3c000000-7f6a3c021000 rw-p ...", the line that begins a mapping. */
static bool parse_mapping(const char *line, struct mapping *ret_mapping)
{
	char *end;
	uint64_t from = strtoull(line, &end, 16);
	if (end == line || *end != '-')
		return false;
	uint64_t to = strtoull(end + 1, &end, 16);
	if (*end != ' ' || strlen(end) < 5)
		return false;
	*ret_mapping = (struct mapping){ .from = from, .to = to, .shared = end[4] == 's' };
	return true;
}

/*
 * A page of a file that was only read is clean, and the kernel can take it back at any time. But
 * in an initramfs, where the file has no other place, it counts as dirty: what is private of a
 * private mapping is what is anonymous.
 */
static void add_mapping(struct memory *memory, const struct mapping *m)
{
	uint64_t dirty_kib = m->dirty_kib;
	if (!m->shared && m->anonymous_kib < dirty_kib)
		dirty_kib = m->anonymous_kib;
	memory->dirty_kib += dirty_kib;
	memory->clean_kib += m->clean_kib + m->dirty_kib - dirty_kib;
}

/* Whether mappings i to the end of *ret_end are what guest RAM is: of bytes, and nothing between.
 */
static bool is_ram(
	const struct mapping *m, unsigned n, unsigned i, uint64_t bytes, unsigned *ret_end)
{
	uint64_t from = m[i].from;
	for (; i < n && m[i].to - from < bytes && i + 1 < n && m[i + 1].from == m[i].to; i++)
		;
	*ret_end = i + 1;
	return m[i].to - from == bytes;
}

static unsigned sum_memory(
	const struct mapping *m, unsigned n, uint64_t ram_bytes, struct memory *ret_memory)
{
	unsigned nr_ram = 0, end;
	for (unsigned i = 0; i < n; i++) {
		if (is_ram(m, n, i, ram_bytes, &end)) {
			nr_ram++;
			i = end - 1;
		} else {
			add_mapping(ret_memory, &m[i]);
		}
	}
	return nr_ram;
}

static bool read_memory(pid_t pid, uint64_t ram_mib, struct memory *ret_memory)
{
	static struct mapping mappings[MAX_MAPPINGS];
	char path[64], line[4352];
	(void)snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	unsigned n = 0;
	struct mapping m = { 0 };
	while (fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Private_Dirty: %" SCNu64, &m.dirty_kib);
		(void)sscanf(line, "Private_Clean: %" SCNu64, &m.clean_kib);
		(void)sscanf(line, "Anonymous: %" SCNu64, &m.anonymous_kib);
		/* The last line of each mapping. */
		if (strncmp(line, "VmFlags:", 8) == 0 && n < MAX_MAPPINGS)
			mappings[n++] = m;
		else
			(void)parse_mapping(line, &m);
	}
	(void)fclose(f);
	*ret_memory = (struct memory){ 0 };
	unsigned nr_ram = n < MAX_MAPPINGS ? sum_memory(mappings, n, ram_mib << 20, ret_memory) : 0;
	if (nr_ram != 1)
		(void)fprintf(stderr, "stamp: %u mappings of %" PRIu64 " MiB, expected 1\n", nr_ram,
			ram_mib);
	return nr_ram == 1;
}

static void complain(char **command, const struct output *out, int status)
{
	(void)fprintf(stderr,
		"stamp: %s did not say what was waited for; wait status %#x, its output ends "
		"so:\n%s\n",
		command[0], (unsigned)status, out->text);
}

/* One measured run: its line, complete or not at all. */
static bool print_run(const struct options *o, uint64_t round, unsigned i, pid_t pid, uint64_t ns,
	const char *note)
{
	struct memory memory = { 0 };
	if (o->ram_mib > 0 && !read_memory(pid, o->ram_mib, &memory)) {
		(void)fprintf(stderr, "stamp: %s: can't tell its memory\n", o->commands[i][0]);
		return false;
	}
	(void)printf("%" PRIu64 "\t%u\t%" PRIu64 "\t", round, i, ns);
	if (o->ram_mib > 0)
		(void)printf("%" PRIu64 "\t%" PRIu64, memory.dirty_kib, memory.clean_kib);
	else
		(void)printf("-\t-");
	(void)printf("\t%s\n", note);
	return fflush(stdout) == 0;
}

/* Runs command i until it has said the marker; ret_ns is when, since just before its exec. */
static const char *await_marker(const struct options *o, pid_t pid, int fd, uint64_t start_ns,
	struct output *out, uint64_t *ret_ns)
{
	uint64_t deadline_ns = start_ns + o->timeout_s * NS_PER_S;
	bool seen = pid > 0;
	do {
		seen = seen && read_some(fd, deadline_ns, out);
		*ret_ns = now_ns() - start_ns;
	} while (seen && !strstr(out->text, o->marker));
	return seen ? read_note(fd, deadline_ns, o->marker, out) : NULL;
}

static bool run_once(const struct options *o, uint64_t round, unsigned i, bool measured)
{
	struct output out = { .used = 0 };
	int fds[2];
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || pipe2(fds, O_CLOEXEC) < 0) {
		perror("stamp");
		return false;
	}
	uint64_t ns, start_ns = now_ns();
	pid_t pid = spawn(o->commands[i], fds[1], null_fd);
	(void)close(fds[1]);
	const char *note = await_marker(o, pid, fds[0], start_ns, &out, &ns);
	bool done = note && (!measured || print_run(o, round, i, pid, ns, note));
	int status = 0;
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	if (!note)
		complain(o->commands[i], &out, status);
	(void)close(fds[0]);
	(void)close(null_fd);
	return done;
}

int main(int argc, char **argv)
{
	struct options o = { .marker = "", .rounds = 1, .timeout_s = 60 };
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc < 1 || !parse(&o, argv)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	for (uint64_t round = 0; round < o.warm_up + o.rounds; round++) {
		bool measured = round >= o.warm_up;
		for (unsigned i = 0; i < o.nr_commands; i++) {
			if (!run_once(&o, measured ? round - o.warm_up : 0, i, measured))
				return 1;
		}
	}
	return 0;
}
