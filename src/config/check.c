#include "config/check.h"

#include "config/text.h"
#include "config/units.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Adds ORIGIN: KEY: WHY. A key that is not given is pointed at through its element's line, if it
 * has one; a default has no origin to name.
 */
static void fault(const struct config *c, struct faults *f, const char *name, unsigned index,
	const char *fmt, ...) PRINTF_LIKE(5, 6);

static void fault(const struct config *c, struct faults *f, const char *name, unsigned index,
	const char *fmt, ...)
{
	char shown[KEY_PATH_BYTES];
	char why[640];
	const struct key *key = key_find(name);
	const char *origin = store_origin(c, name, index);
	va_list ap;
	if (!origin && key && key->array)
		origin = c->element_origins[key_array_index(key->array)][index];
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	faults_add(f, "%s%s%s: %s", origin ? origin : "", origin ? ": " : "",
		key_format_path(shown, name, index), why);
}

static bool given(const struct config *c, const char *name)
{
	return store_origin(c, name, 0) != NULL;
}

static void check_memory(const struct config *c, struct faults *f)
{
	static const uint64_t page_bytes[] = {
		[HUGEPAGES_OFF] = 4 * KIB,
		[HUGEPAGES_2M] = 2 * MIB,
		[HUGEPAGES_1G] = GIB,
	};
	uint64_t page = page_bytes[c->vm.memory.hugepages];
	uint64_t rest = c->vm.memory.size_bytes % page;
	if (rest == 0)
		return;
	char size[UNITS_TEXT_BYTES], multiple[UNITS_TEXT_BYTES];
	units_format_size(size, c->vm.memory.size_bytes);
	units_format_size(multiple, page);
	/* The line that asked for huge pages is at fault where the size is the default. */
	const char *name = given(c, "memory.size") ? "memory.size" : "memory.hugepages";
	fault(c, f, name, 0, "the size %s is not a multiple of %s, the size of a %spage", size,
		multiple, c->vm.memory.hugepages == HUGEPAGES_OFF ? "" : "huge ");
}

/*
 * vcpus = sockets * cores * threads, where a factor that is not given is 1, but cores takes what
 * is left of vcpus. What a former call computed is not given, so that this can be done again.
 */
static void check_topology(struct config *c, struct faults *f)
{
	bool have_vcpus = given(c, "cpu.vcpus");
	bool have_cores = given(c, "cpu.cores");
	uint64_t vcpus = have_vcpus ? c->vm.cpu.vcpus : 1;
	uint64_t sockets = given(c, "cpu.sockets") ? c->vm.cpu.sockets : 1;
	uint64_t threads = given(c, "cpu.threads") ? c->vm.cpu.threads : 1;
	uint64_t cores = have_cores ? c->vm.cpu.cores : 1;
	if (!have_cores && !given(c, "cpu.sockets") && !given(c, "cpu.threads")) {
		c->vm.cpu.vcpus = vcpus;
		c->vm.cpu.sockets = c->vm.cpu.cores = c->vm.cpu.threads = 0;
		return;
	}
	if (have_vcpus && !have_cores && vcpus % (sockets * threads) == 0)
		cores = vcpus / (sockets * threads);
	uint64_t product = sockets * cores * threads; /* at most 255^3 */
	if (have_vcpus && product != vcpus) {
		fault(c, f, "cpu.vcpus", 0,
			"%" PRIu64 " is not sockets * cores * threads = %" PRIu64 " * %" PRIu64
			" * %" PRIu64 " = %" PRIu64,
			vcpus, sockets, cores, threads, product);
		return;
	}
	if (product > CONFIG_MAX_VCPUS) {
		const char *name = have_cores                ? "cpu.cores"
				   : given(c, "cpu.threads") ? "cpu.threads"
							     : "cpu.sockets";
		fault(c, f, name, 0,
			"sockets * cores * threads = %" PRIu64 " * %" PRIu64 " * %" PRIu64
			" = %" PRIu64 ", more than %d vCPUs",
			sockets, cores, threads, product, CONFIG_MAX_VCPUS);
		return;
	}
	c->vm.cpu.vcpus = product;
	c->vm.cpu.sockets = sockets;
	c->vm.cpu.cores = cores;
	c->vm.cpu.threads = threads;
}

static void check_pinning(const struct config *c, struct faults *f)
{
	size_t n = c->vm.cpu.nr_pinning;
	if (n != 0 && n != c->vm.cpu.vcpus)
		fault(c, f, "cpu.pinning", 0,
			"lists %zu host CPUs, but there are %" PRIu64 " vCPUs, which need one each",
			n, c->vm.cpu.vcpus);
}

static void check_boot(const struct config *c, struct faults *f)
{
	if (!c->vm.boot.kernel)
		faults_add(f,
			"%s%sboot.kernel: not given: a VM needs a kernel, such as "
			"kernel = \"vmlinuz\" in the table [boot]",
			c->file ? c->file : "", c->file ? ": " : "");
	for (unsigned i = 0; i < c->vm.boot.nr_modules; i++) {
		if (!c->vm.boot.modules[i].path)
			fault(c, f, "boot.modules[].path", i, "not given: a module needs a file");
	}
}

static void check_serials(const struct config *c, struct faults *f)
{
	int stdio = -1;
	for (unsigned i = 0; i < c->vm.nr_serials; i++) {
		const struct config_serial *serial = &c->vm.serials[i];
		if (serial->mode == SERIAL_FILE && !serial->path)
			fault(c, f, "serial[].path", i,
				"not given: mode \"file\" needs a file to write");
		if (serial->mode != SERIAL_FILE && serial->path)
			fault(c, f, "serial[].path", i, "is only for mode = \"file\"");
		if (serial->mode != SERIAL_STDIO)
			continue;
		if (stdio >= 0)
			fault(c, f, "serial[].mode", i,
				"\"stdio\", as serial[%d] has it already, and there is one "
				"terminal",
				stdio);
		stdio = (int)i;
	}
}

void check_values(struct config *c, struct faults *f)
{
	check_memory(c, f);
	check_topology(c, f);
	check_pinning(c, f);
	check_boot(c, f);
	check_serials(c, f);
}

static void check_file(const struct config *c, struct faults *f, const char *name, unsigned index)
{
	struct stat st;
	char shown[512];
	const char *path = store_text(c, key_find(name), index);
	if (!path)
		return;
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	if (stat(path, &st) < 0) {
		char text[128];
		fault(c, f, name, index, "%s: %s", shown, strerror_r(errno, text, sizeof(text)));
	} else if (!S_ISREG(st.st_mode)) {
		fault(c, f, name, index, "%s: not a regular file", shown);
	} else if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0) {
		char text[128];
		fault(c, f, name, index, "%s: %s", shown, strerror_r(errno, text, sizeof(text)));
	}
}

void check_files(const struct config *c, struct faults *f)
{
	check_file(c, f, "boot.kernel", 0);
	check_file(c, f, "boot.initrd", 0);
	for (unsigned i = 0; i < c->vm.boot.nr_modules; i++)
		check_file(c, f, "boot.modules[].path", i);
}

int config_finish(struct config *c, const struct vm_config **ret_config, struct err *e)
{
	struct faults faults = { 0 };
	*ret_config = NULL;
	check_values(c, &faults);
	check_files(c, &faults);
	int ret = faults_result(&faults, e);
	if (ret == 0)
		*ret_config = &c->vm;
	return ret;
}
