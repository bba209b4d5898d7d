/* SPDX-License-Identifier: MIT */
#include "host/machine_facts.h"

#include "base/fd.h"
#include "host/kernel_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 512
#define MAX_ENTRIES 4096 /* of one folder that are looked at */

#define MODULES "/sys/module"
#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"
#define HUGEPAGES "/sys/kernel/mm/hugepages"
/* UEFI 2.10, section 3.3: the global variable SecureBoot, a byte, after 4 bytes of attributes. */
#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* Joins; false where it does not fit. */
static bool join(char path[PATH_BYTES], const char *root, const char *folder, const char *name)
{
	int n = snprintf(path, PATH_BYTES, "%s%s%s%s", root, folder, *name ? "/" : "", name);
	return n >= 0 && n < PATH_BYTES;
}

/* Up to size bytes of the regular file; how many were read, or -errno. A FIFO in its place must not
 * block. */
static ssize_t read_bytes(const char *path, void *buf, size_t size)
{
	FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	size_t used = 0;
	while (used < size) {
		ssize_t n = read(fd, (char *)buf + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* The file's first line, cut to size; "" where it cannot be read. */
static void read_line(
	const char *root, const char *folder, const char *name, char *ret_text, size_t size)
{
	char path[PATH_BYTES];
	ret_text[0] = '\0';
	if (!join(path, root, folder, name))
		return;
	ssize_t n = read_bytes(path, ret_text, size - 1);
	ret_text[n > 0 ? n : 0] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	for (size_t end = strlen(ret_text); end > 0 && ret_text[end - 1] == ' '; end--)
		ret_text[end - 1] = '\0';
}

static bool exists(const char *root, const char *folder, const char *name)
{
	char path[PATH_BYTES];
	struct stat st;
	return join(path, root, folder, name) && stat(path, &st) == 0;
}

/* Calls fn for each name in a folder that is not hidden, until it says false. */
static void each_entry(
	const char *root, const char *folder, bool (*fn)(void *ctx, const char *name), void *ctx)
{
	char path[PATH_BYTES];
	DIR *dir = join(path, root, folder, "") ? opendir(path) : NULL;
	if (!dir)
		return;
	const struct dirent *entry;
	for (unsigned i = 0; i < MAX_ENTRIES && (entry = readdir(dir)); i++) {
		if (entry->d_name[0] != '.' && !fn(ctx, entry->d_name))
			break;
	}
	(void)closedir(dir);
}

/* Where the files of a folder go. */
struct gather {
	const char *root;
	const char *folder;
	struct machine_facts *facts;
	struct machine_module *module;
};

static bool add_parameter(void *ctx, const char *name)
{
	struct gather *g = ctx;
	struct machine_module *m = g->module;
	if (m->nr_parameters == MACHINE_MAX_PARAMETERS)
		return false;
	struct machine_parameter *p = &m->parameters[m->nr_parameters];
	if (strlen(name) >= sizeof(p->name))
		return true;
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	read_line(g->root, g->folder, name, p->value, sizeof(p->value));
	m->nr_parameters++;
	return true;
}

static int by_parameter(const void *a, const void *b)
{
	return strcmp(((const struct machine_parameter *)a)->name,
		((const struct machine_parameter *)b)->name);
}

static bool add_module(void *ctx, const char *name)
{
	struct gather *g = ctx;
	struct machine_facts *f = g->facts;
	if (strcmp(name, "kvm") != 0 && strncmp(name, "kvm_", 4) != 0)
		return true;
	if (f->nr_modules == MACHINE_MAX_MODULES)
		return false;
	struct machine_module *m = &f->modules[f->nr_modules];
	if (strlen(name) >= sizeof(m->name))
		return true;
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	char folder[PATH_BYTES];
	(void)snprintf(folder, sizeof(folder), MODULES "/%s", m->name);
	/* Loaded modules have a state; what is part of the kernel has parameters only. */
	m->builtin = !exists(g->root, folder, "initstate");
	(void)snprintf(folder, sizeof(folder), MODULES "/%s/parameters", m->name);
	struct gather inner = { .root = g->root, .folder = folder, .module = m };
	each_entry(g->root, folder, add_parameter, &inner);
	qsort(m->parameters, m->nr_parameters, sizeof(m->parameters[0]), by_parameter);
	f->nr_modules++;
	return true;
}

static int by_module(const void *a, const void *b)
{
	return strcmp(
		((const struct machine_module *)a)->name, ((const struct machine_module *)b)->name);
}

static bool add_vulnerability(void *ctx, const char *name)
{
	struct gather *g = ctx;
	struct machine_facts *f = g->facts;
	if (f->nr_vulnerabilities == MACHINE_MAX_VULNERABILITIES)
		return false;
	struct machine_vulnerability *v = &f->vulnerabilities[f->nr_vulnerabilities];
	if (strlen(name) >= sizeof(v->name))
		return true;
	read_line(g->root, VULNERABILITIES, name, v->value, sizeof(v->value));
	if (!v->value[0])
		return true;
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	f->nr_vulnerabilities++;
	return true;
}

static int by_vulnerability(const void *a, const void *b)
{
	return strcmp(((const struct machine_vulnerability *)a)->name,
		((const struct machine_vulnerability *)b)->name);
}

/* A folder "hugepages-2048kB". */
static bool add_hugepages(void *ctx, const char *name)
{
	static const char prefix[] = "hugepages-";
	struct gather *g = ctx;
	struct machine_facts *f = g->facts;
	if (f->nr_hugepages == MACHINE_MAX_HUGEPAGES)
		return false;
	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return true;
	uint64_t size = kernel_text_times(kernel_text_number(name + sizeof(prefix) - 1), KIB);
	char folder[PATH_BYTES], text[24];
	int n = snprintf(folder, sizeof(folder), HUGEPAGES "/%s", name);
	if (size == 0 || n < 0 || (size_t)n >= sizeof(folder))
		return true;
	struct machine_hugepages *h = &f->hugepages[f->nr_hugepages++];
	h->size_bytes = size;
	read_line(g->root, folder, "nr_hugepages", text, sizeof(text));
	h->total = kernel_text_number(text);
	read_line(g->root, folder, "free_hugepages", text, sizeof(text));
	h->free = kernel_text_number(text);
	return true;
}

static int by_size(const void *a, const void *b)
{
	const struct machine_hugepages *x = a, *y = b;
	return (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

/* "MemTotal:  24683656 kB" of /proc/meminfo, in bytes; 0 where there is no such line. */
static uint64_t memory_line(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return kernel_text_times(
				kernel_text_number(line + n + 1 + strspn(line + n + 1, " ")), KIB);
	}
	return 0;
}

static void read_memory(const char *root, struct machine_facts *f)
{
	char path[PATH_BYTES], text[4096];
	ssize_t n = join(path, root, "/proc/meminfo", "") ? read_bytes(path, text, sizeof(text) - 1)
							  : -EINVAL;
	if (n <= 0)
		return;
	text[n] = '\0';
	f->memory_bytes = memory_line(text, "MemTotal");
	f->available_bytes = memory_line(text, "MemAvailable");
}

/* "none [integrity] confidentiality": the word in brackets. */
static void read_lockdown(const char *root, struct machine_facts *f)
{
	char line[80];
	read_line(root, "/sys/kernel/security", "lockdown", line, sizeof(line));
	const char *start = strchr(line, '[');
	if (start)
		(void)snprintf(f->lockdown, sizeof(f->lockdown), "%.*s",
			(int)strcspn(start + 1, "]"), start + 1);
}

static void read_firmware(const char *root, struct machine_facts *f)
{
	char path[PATH_BYTES];
	uint8_t bytes[5];
	if (exists(root, "/sys/firmware", "efi"))
		f->uefi = MACHINE_YES;
	else if (exists(root, "/sys/firmware", ""))
		f->uefi = MACHINE_NO;
	if (join(path, root, SECURE_BOOT, "") && read_bytes(path, bytes, sizeof(bytes)) == 5)
		f->secure_boot = bytes[4] == 1 ? MACHINE_YES : MACHINE_NO;
	else if (f->uefi == MACHINE_NO)
		f->secure_boot = MACHINE_NO;
	read_line(root, "/sys/class/dmi/id", "sys_vendor", f->system_vendor,
		sizeof(f->system_vendor));
	read_line(root, "/sys/class/dmi/id", "product_name", f->product, sizeof(f->product));
}

static void read_below(const char *root, struct machine_facts *f)
{
	char capabilities[64];
	read_line(root, "/sys/hypervisor", "type", f->hypervisor, sizeof(f->hypervisor));
	read_line(root, "/proc/xen", "capabilities", capabilities, sizeof(capabilities));
	f->xen_control = strstr(capabilities, "control_d") != NULL;
	f->mshv = exists(root, "/dev", "mshv");
}

static int open_kvm(const char *root)
{
	char path[PATH_BYTES];
	if (!join(path, root, "/dev/kvm", ""))
		return ENAMETOOLONG;
	FD_LOCAL fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? errno : 0;
}

void machine_facts_read(const char *root, struct machine_facts *ret_facts)
{
	struct machine_facts *f = ret_facts;
	*f = (struct machine_facts){ 0 };
	struct gather g = { .root = root, .facts = f };
	read_line(root, "/proc/sys/kernel", "osrelease", f->kernel_release,
		sizeof(f->kernel_release));
	read_line(root, "/proc", "version", f->kernel_version, sizeof(f->kernel_version));
	read_line(root, "/proc", "version_signature", f->kernel_signature,
		sizeof(f->kernel_signature));
	each_entry(root, MODULES, add_module, &g);
	qsort(f->modules, f->nr_modules, sizeof(f->modules[0]), by_module);
	each_entry(root, VULNERABILITIES, add_vulnerability, &g);
	qsort(f->vulnerabilities, f->nr_vulnerabilities, sizeof(f->vulnerabilities[0]),
		by_vulnerability);
	each_entry(root, HUGEPAGES, add_hugepages, &g);
	qsort(f->hugepages, f->nr_hugepages, sizeof(f->hugepages[0]), by_size);
	f->kvm_device_error = open_kvm(root);
	read_lockdown(root, f);
	read_firmware(root, f);
	read_below(root, f);
	read_memory(root, f);
}

int machine_msr_open(const char *root, int *ret_fd, struct err *e)
{
	char path[PATH_BYTES];
	if (!join(path, root, "/dev/cpu/0/msr", ""))
		return err_set(e, -ENAMETOOLONG, "the root's path is too long");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	int rc = -errno;
	(void)err_set_errno(e, rc, "cannot open %s", path);
	if (rc == -EACCES || rc == -EPERM)
		return err_hint(e, rc, "run as root, with CAP_SYS_RAWIO");
	return err_hint(e, rc, "as root: modprobe msr");
}

int machine_msr_read(int fd, uint32_t index, uint64_t *ret_value)
{
	uint64_t value;
	ssize_t n = pread(fd, &value, sizeof(value), (off_t)index);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(value))
		return -EIO;
	*ret_value = value;
	return 0;
}
