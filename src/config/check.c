/* SPDX-License-Identifier: MIT */
#include "config/check.h"

#include "base/input_file.h"
#include "config/text.h"
#include "config/units.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	const char *name = check_given(c, "memory.size") ? "memory.size" : "memory.hugepages";
	check_fault(c, f, name, 0, "the size %s is not a multiple of %s, the size of a %spage",
		size, multiple, c->vm.memory.hugepages == HUGEPAGES_OFF ? "" : "huge ");
}

static void check_boot(const struct config *c, struct faults *f)
{
	if (!c->vm.boot.kernel)
		faults_add(f, &(struct fault){ CONFIG_FAULT_VALUE, "boot.kernel", c->file, NULL },
			"not given: a VM needs a kernel, such as "
			"kernel = \"vmlinuz\" in the table [boot]");
	for (unsigned i = 0; i < c->vm.boot.nr_modules; i++) {
		if (!c->vm.boot.modules[i].path)
			check_fault(
				c, f, "boot.modules[].path", i, "not given: a module needs a file");
	}
}

static void check_serials(const struct config *c, struct faults *f)
{
	int stdio = -1;
	for (unsigned i = 0; i < c->vm.nr_serials; i++) {
		const struct config_serial *serial = &c->vm.serials[i];
		if (serial->mode == SERIAL_FILE && !serial->path)
			check_fault(c, f, "serial[].path", i,
				"not given: mode \"file\" needs a file to write");
		if (serial->mode != SERIAL_FILE && serial->path)
			check_fault(c, f, "serial[].path", i, "is only for mode = \"file\"");
		if (serial->append && !serial->path)
			check_fault(c, f, "serial[].append", i, "is only for a port with a path");
		if (serial->mode != SERIAL_STDIO)
			continue;
		if (stdio >= 0)
			check_fault(c, f, "serial[].mode", i,
				"\"stdio\", as serial[%d] has it already, and there is one "
				"terminal",
				stdio);
		stdio = (int)i;
	}
}

static void check_debug_console(const struct config *c, struct faults *f)
{
	if (c->vm.debug_console.append && !c->vm.debug_console.path)
		check_fault(c, f, "debug_console.append", 0, "is only for debug_console.path");
}

/* More would not fit beside what many sockets take. */
static void check_smbios(const struct config *c, struct faults *f)
{
	const struct config_texts *strings = &c->vm.smbios.oem_strings;
	size_t bytes = 0;
	for (size_t i = 0; i < strings->n; i++)
		bytes += strlen(strings->items[i].text) + 1;
	if (bytes > CONFIG_MAX_OEM_STRINGS_BYTES)
		check_fault(c, f, "smbios.oem_strings", 0,
			"the strings have %zu bytes, more than the %" PRIu64 " that fit", bytes,
			CONFIG_MAX_OEM_STRINGS_BYTES);
}

/*
 * Parts of the extensions that are wanted, or must be there, while the extensions are hidden: one
 * of the two lines is a mistake. The other keys are harmless, as they only say what would be shown.
 */
void check_nesting(const struct config *c, struct faults *f)
{
	static const char knob[] = "nesting.expose_virtualization_extensions";
	if (c->vm.nesting.expose_virtualization_extensions)
		return;
	static const char why[] = "needs expose_virtualization_extensions = true, which is";
	const char *origin = store_origin(c, knob, 0);
	char found[320] = "not given";
	if (origin)
		(void)snprintf(found, sizeof(found), "false (%s)", origin);
	if (c->vm.nesting.features.n > 0)
		check_fault(c, f, "nesting.features", 0, "%s %s", why, found);
	if (c->vm.nesting.require)
		check_fault(c, f, "nesting.require", 0, "%s %s", why, found);
}

void check_policy(struct config *c, struct faults *f)
{
	check_memory(c, f);
	check_cpu(c, f);
	check_msr(c, f);
	check_nesting(c, f);
}

void check_values(struct config *c, struct faults *f)
{
	check_policy(c, f);
	check_boot(c, f);
	check_serials(c, f);
	check_debug_console(c, f);
	check_smbios(c, f);
}

/* What a model file has no say in. An array of tables is one fault, whatever it holds. */
static void check_foreign(const struct config *c, struct faults *f)
{
	static const char why[] =
		"does not belong in a model file, which says only what a CPU is like";
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		if (!key->array && !key->in_model && check_given(c, key->name))
			check_fault(c, f, key->name, 0, "%s", why);
	}
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++) {
		if (c->array_origins[i] && !key_arrays[i].in_model)
			faults_add(f,
				&(struct fault){ CONFIG_FAULT_VALUE, key_arrays[i].name,
					c->array_origins[i], NULL },
				"%s", why);
	}
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
		check_fault(
			c, f, name, index, "%s: %s", shown, strerror_r(errno, text, sizeof(text)));
	} else if (!S_ISREG(st.st_mode)) {
		check_fault(c, f, name, index, "%s: %s, not a regular file", shown,
			input_file_kind(st.st_mode));
	} else if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0) {
		char text[128];
		check_fault(
			c, f, name, index, "%s: %s", shown, strerror_r(errno, text, sizeof(text)));
	}
}

void check_files(const struct config *c, struct faults *f)
{
	check_file(c, f, "boot.kernel", 0);
	check_file(c, f, "boot.initrd", 0);
	for (unsigned i = 0; i < c->vm.boot.nr_modules; i++)
		check_file(c, f, "boot.modules[].path", i);
}

static int finish(struct config *c, const struct faults *f, const struct vm_config **ret_config,
	struct err *e)
{
	int ret = faults_result(f, e);
	*ret_config = ret == 0 ? &c->vm : NULL;
	return ret;
}

int config_finish(struct config *c, const struct vm_config **ret_config, struct err *e)
{
	struct faults faults = faults_of(e);
	check_values(c, &faults);
	check_files(c, &faults);
	return finish(c, &faults, ret_config, e);
}

int config_finish_policy(struct config *c, const struct vm_config **ret_config, struct err *e)
{
	struct faults faults = faults_of(e);
	check_policy(c, &faults);
	return finish(c, &faults, ret_config, e);
}

int config_finish_model(struct config *c, const struct vm_config **ret_config, struct err *e)
{
	struct faults faults = faults_of(e);
	check_foreign(c, &faults);
	check_policy(c, &faults);
	return finish(c, &faults, ret_config, e);
}
