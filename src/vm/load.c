/* SPDX-License-Identifier: MIT */
#include "vm/internal.h"

#include "acpi/acpi.h"
#include "base/input_file.h"
#include "boot/boot.h"
#include "fdt/fdt.h"
#include "mptable/mptable.h"
#include "smbios/smbios.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

/* What is read of the guest's files, for the time of loading. The kernel is all in memory, the
 * others go straight into guest RAM. */
struct guest_inputs {
	struct input_file kernel, initrd;
	struct input_file module_files[CONFIG_MAX_MODULES];
	struct boot_module modules[CONFIG_MAX_MODULES];
};

void machine_done_reading(struct machine *m)
{
	struct guest_inputs *in = m->inputs;
	m->inputs = NULL;
	if (!in)
		return;
	input_file_close(&in->kernel);
	input_file_close(&in->initrd);
	for (size_t i = 0; i < ARRAY_SIZE(in->module_files); i++)
		input_file_close(&in->module_files[i]);
	free(in);
}

static int begin_initrd(const struct machine_options *options, struct input_file *in, struct err *e)
{
	const char *path = options->config->boot.initrd;
	if (!path)
		return 0;
	int rc = input_file_of_fd(in, options->files->initrd, path, UINT64_MAX, e);
	if (rc == 0 && in->size == 0)
		rc = err_set_config(e, -EINVAL, "%s: the file is empty", path);
	return rc < 0 ? err_wrap(e, rc, "boot.initrd") : 0;
}

static int read_kernel(const struct machine_options *options, struct input_file *in, struct err *e)
{
	const char *path = options->config->boot.kernel;
	int rc = input_file_of_fd(in, options->files->kernel, path, BOOT_MAX_FILE_BYTES, e);
	if (rc == 0)
		rc = boot_check_head(&(struct boot_file){ path, in->data, in->read }, e);
	if (rc == 0)
		rc = input_file_rest(in, e);
	return rc < 0 ? err_wrap(e, rc, "boot.kernel") : 0;
}

static int begin_modules(
	const struct machine_options *options, struct guest_inputs *in, struct err *e)
{
	const struct vm_config *config = options->config;
	for (size_t i = 0; i < config->boot.nr_modules; i++) {
		const struct config_module *module = &config->boot.modules[i];
		struct input_file *file = &in->module_files[i];
		int rc = input_file_of_fd(
			file, options->files->modules[i], module->path, UINT64_MAX, e);
		if (rc < 0)
			return err_wrap(e, rc, "boot.modules[%zu].path", i);
		in->modules[i] = (struct boot_module){
			.file = { module->path, file->data, file->size },
			.cmdline = module->cmdline,
		};
	}
	return 0;
}

/* A boot_copier: file is told by its data, which are the first bytes of one of ours. */
static int copy_file(void *ctx, const struct boot_file *file, uint8_t *dst, struct err *e)
{
	struct guest_inputs *in = ctx;
	struct input_file *from = &in->initrd;
	for (size_t i = 0; i < ARRAY_SIZE(in->module_files); i++)
		if (in->module_files[i].data == file->data)
			from = &in->module_files[i];
	return input_file_copy(from, dst, e);
}

int machine_begin_reading(struct machine *m, struct err *e)
{
	const struct machine_options *options = &m->options;
	m->inputs = calloc(1, sizeof(*m->inputs));
	if (!m->inputs)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = read_kernel(options, &m->inputs->kernel, e);
	if (rc == 0)
		rc = begin_initrd(options, &m->inputs->initrd, e);
	return rc ? rc : begin_modules(options, m->inputs, e);
}

/* Tables are built in place: this part of RAM is fresh, and no loader uses it. */
static uint8_t *table_area(
	struct machine *m, const char *what, uint64_t base, uint64_t size, struct err *e)
{
	uint8_t *area = guest_memory_borrow(ram_guest_memory(m->ram), gpa(base), size);
	if (!area)
		(void)err_set(e, -EFAULT, "no RAM for the %s at %#" PRIx64, what, base);
	return area;
}

/*
 * Where firmware would start in real mode: MOV AL, FEh; OUT 64h, AL, by which the 8042 resets the
 * processor; HLT, and back to it. In 16, 32 and 64 bits alike.
 */
static int load_reset_code(struct machine *m, struct err *e)
{
	static const uint8_t code[] = { 0xb0, 0xfe, 0xe6, PLAN_PORT_I8042_COMMAND, 0xf4, 0xeb,
		0xfd };
	_Static_assert(sizeof(code) <= PLAN_REAL_MODE_RESET_SIZE, "it ends at 1 MiB");
	_Static_assert(
		PLAN_SMBIOS_BASE + PLAN_SMBIOS_SIZE <= PLAN_REAL_MODE_RESET, "behind all tables");
	return guest_memory_write(
		ram_guest_memory(m->ram), gpa(PLAN_REAL_MODE_RESET), code, sizeof(code), e);
}

/* What a PC's firmware leaves for the kernel, whichever way this one comes by it. */
static int load_tables(struct machine *m, struct gpa *ret_rsdp, struct err *e)
{
	const struct machine_plan *plan = m->options.plan;
	size_t used;
	uint8_t *acpi = table_area(m, "ACPI tables", PLAN_ACPI_BASE, PLAN_ACPI_SIZE, e);
	uint8_t *mptable = table_area(m, "MP table", PLAN_MPTABLE_BASE, PLAN_MPTABLE_SIZE, e);
	uint8_t *smbios = table_area(m, "SMBIOS tables", PLAN_SMBIOS_BASE, PLAN_SMBIOS_SIZE, e);
	if (!acpi || !mptable || !smbios)
		return -EFAULT;
	int rc = acpi_build(plan, acpi, &used, ret_rsdp, e);
	if (rc == 0)
		rc = mptable_build(plan, mptable, &used, e);
	if (rc == 0)
		rc = smbios_build(plan, smbios, &used, e);
	return rc ? rc : load_reset_code(m, e);
}

void load_choose_protocol(const struct vm_config *config, struct boot_request *req)
{
	req->protocol_forced = config->boot.protocol != PROTOCOL_AUTO;
	switch (config->boot.protocol) {
	case PROTOCOL_AUTO:
	case PROTOCOL_LINUX64:
		req->protocol = BOOT_LINUX64;
		break;
	case PROTOCOL_LINUX32:
		req->protocol = BOOT_LINUX32;
		break;
	case PROTOCOL_PVH:
		req->protocol = BOOT_PVH;
		break;
	case PROTOCOL_MULTIBOOT:
		req->protocol = BOOT_MULTIBOOT;
		break;
	}
}

/* Early after a host's boot this waits until its kernel has gathered enough, a second at most. */
static int choose_kaslr(const struct vm_config *config, struct boot_request *req, struct err *e)
{
	switch (config->boot.kaslr) {
	case KASLR_OFF:
		req->kaslr = BOOT_KASLR_OFF;
		return 0;
	case KASLR_AUTO:
		req->kaslr = BOOT_KASLR_AUTO;
		break;
	case KASLR_ON:
		req->kaslr = BOOT_KASLR_ON;
		break;
	}
	ssize_t n;
	do {
		n = getrandom(req->random, sizeof(req->random), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(req->random))
		return err_set_errno(
			e, n < 0 ? -errno : -EIO, "getrandom: no random numbers for boot.kaslr");
	return 0;
}

static bool get_unpacked(void *ctx, const uint8_t *packed, size_t packed_bytes, uint8_t *dst,
	size_t dst_bytes, size_t *ret_bytes)
{
	struct machine *m = ctx;
	struct err why = ERR_INIT;
	int rc = kernel_cache_load(m->options.kernel_cache, packed, packed_bytes, dst, dst_bytes,
		/* dst_is_zero */ true, ret_bytes, &why);
	if (rc < 0)
		report(m->options.reporter, REPORT_DEBUG, "kernel cache: %s", why.msg);
	else
		report(m->options.reporter, REPORT_DEBUG,
			"kernel cache: the unpacked kernel was in %s",
			kernel_cache_path(m->options.kernel_cache));
	return rc == 0;
}

/*
 * Writing an entry takes a tenth of the time that unpacking took, and a slow disk's time: so this
 * start leaves it to a process of its own, which unpacks the kernel once more when the CPU has
 * nothing else to do. If the next start finds that this came to nothing, for lack of such a time or
 * as all of the container's processes ended with the VM, it writes the entry itself.
 */
static void put_unpacked(void *ctx, const uint8_t *packed, size_t packed_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes)
{
	struct machine *m = ctx;
	struct kernel_cache *cache = m->options.kernel_cache;
	struct err why = ERR_INIT;
	bool again = false;
	if (unpacked_bytes < KERNEL_CACHE_MIN_UNPACKED_BYTES)
		return;
	int rc = kernel_cache_want(cache, &again, &why);
	if (rc == 0 && again)
		rc = kernel_cache_store(
			cache, packed, packed_bytes, unpacked, unpacked_bytes, &why);
	if (rc < 0)
		report(m->options.reporter, REPORT_DEBUG, "kernel cache: not stored: %s", why.msg);
	else if (again)
		report(m->options.reporter, REPORT_DEBUG,
			"kernel cache: the unpacked kernel was stored in %s",
			kernel_cache_path(cache));
	m->has_new_kernel = rc == 0 && !again;
}

static int load_kernel(struct machine *m, struct guest_inputs *in, struct gpa rsdp,
	const uint8_t *dtb, size_t dtb_size, struct x86_state *ret_state, struct err *e)
{
	const struct vm_config *config = m->options.config;
	const struct boot_cache cache = { get_unpacked, put_unpacked, m };
	const struct boot_copier copier = { copy_file, in };
	struct boot_request req = {
		.kernel = { config->boot.kernel, in->kernel.data, in->kernel.size },
		.initrd = { config->boot.initrd, in->initrd.data, in->initrd.size },
		.cmdline = config->boot.cmdline,
		.modules = in->modules,
		.nr_modules = (unsigned)config->boot.nr_modules,
		.copier = &copier,
		.decompress_on_host = config->boot.decompress != DECOMPRESS_GUEST,
		.decompress_required = config->boot.decompress == DECOMPRESS_HOST,
		.ram_is_zero = true,
		.cache = m->options.kernel_cache ? &cache : NULL,
		.plan = m->options.plan,
		.rsdp = rsdp,
		.device_tree = dtb,
		.device_tree_size = dtb_size,
	};
	load_choose_protocol(config, &req);
	struct boot_result result;
	int rc = choose_kaslr(config, &req, e);
	if (rc < 0)
		return rc;
	rc = boot_load(&req, ram_guest_memory(m->ram), &result, e);
	if (rc)
		return rc;
	report(m->options.reporter, REPORT_DEBUG, "%s: loaded by %s at gpa %#llx%s",
		config->boot.kernel, boot_protocol_name(result.protocol),
		(unsigned long long)result.kernel.v,
		result.decompressed ? ", unpacked on the host" : "");
	if (result.randomized)
		report(m->options.reporter, REPORT_DEBUG, "%s: moved by %#llx virtually (KASLR)",
			config->boot.kernel, (unsigned long long)result.virtual_delta);
	if (result.kaslr_note[0])
		report(m->options.reporter, REPORT_WARN, "%s: %s", config->boot.kernel,
			result.kaslr_note);
	if (result.note[0])
		report(m->options.reporter, REPORT_WARN, "%s: %s", config->boot.kernel,
			result.note);
	if (result.initrd_note[0])
		report(m->options.reporter, REPORT_WARN, "%s: %s", config->boot.initrd,
			result.initrd_note);
	*ret_state = result.state;
	return 0;
}

int machine_load_guest(struct machine *m, struct x86_state *ret_state, struct err *e)
{
	const struct vm_config *config = m->options.config;
	uint8_t *dtb = NULL;
	size_t dtb_size = 0;
	struct gpa rsdp = gpa(0);

	int rc = load_tables(m, &rsdp, e);
	if (rc == 0 && config->boot.device_tree) {
		struct fdt_info info = { .cmdline = config->boot.cmdline };
		rc = fdt_build(m->options.plan, &info, &dtb, &dtb_size, e);
	}
	if (rc == 0)
		rc = load_kernel(m, m->inputs, rsdp, dtb, dtb_size, ret_state, e);
	fdt_free(dtb);
	machine_done_reading(m);
	return rc;
}
