/* SPDX-License-Identifier: MIT */
#include "unit/vm/fixture.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOAD_BASE 0x100000u

/* A Multiboot kernel: an ELF32 file whose one segment has the header and the code. */
struct tiny_kernel {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr;
	struct {
		uint32_t multiboot[3];
		uint8_t pad[0x30 - 12];
		uint8_t code[16];
	} image;
};

static int write_kernel(char *path)
{
	struct tiny_kernel k = {
		.ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = FIXTURE_ENTRY,
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1 },
		.phdr = { .p_type = PT_LOAD,
			.p_offset = offsetof(struct tiny_kernel, image),
			.p_vaddr = LOAD_BASE,
			.p_paddr = LOAD_BASE,
			.p_filesz = sizeof(k.image),
			.p_memsz = sizeof(k.image),
			.p_flags = PF_R | PF_X,
			.p_align = 4 },
		.image = { .multiboot = { 0x1badb002, 0, 0u - 0x1badb002u } },
	};
	memcpy(k.image.code, FIXTURE_CODE, sizeof(FIXTURE_CODE) - 1);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t done = write(fd, &k, sizeof(k));
	(void)close(fd);
	return done == (ssize_t)sizeof(k) ? 0 : -1;
}

static void hear(void *ctx, enum report_level level, const char *text)
{
	struct fixture *f = ctx;
	(void)level;
	(void)pthread_mutex_lock(&f->report_lock);
	size_t used = strlen(f->reports);
	(void)snprintf(f->reports + used, sizeof(f->reports) - used, "%s\n", text);
	(void)pthread_mutex_unlock(&f->report_lock);
}

int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->kernel_path, sizeof(f->kernel_path), "/tmp/nestor-test-kernel-XXXXXX");
	if (write_kernel(f->kernel_path) || pipe2(f->console, O_CLOEXEC) < 0)
		return -1;
	f->config.memory.size_bytes = 16 * MIB;
	f->config.cpu.vcpus = 1;
	f->config.boot.kernel = f->kernel_path;
	f->config.nr_serials = 1;
	f->config.debug_exit.enabled = true;
	f->config.debug_exit.port = 0xf4;
	f->config.debug_console.enabled = true;
	f->config.debug_console.port = 0xe9;
	host_intel(&f->facts, true);
	(void)pthread_mutex_init(&f->report_lock, NULL);
	f->reporter = (struct reporter){ .fn = hear, .ctx = f, .least = REPORT_INFO };
	f->fake = fake_kvm_create(&f->facts);
	if (!f->fake || kvm_open(&f->kvm, &f->fake->calls, "fake", &f->e) ||
		loop_create(&f->loop, &f->e))
		return -1;
	return fixture_open_files(f);
}

int fixture_tear_down(void **state)
{
	struct fixture *f = *state;
	machine_destroy(f->machine);
	if (f->files_opened)
		guest_files_close(&f->files);
	machine_plan_done(&f->plan);
	kvm_close(f->kvm);
	loop_destroy(f->loop);
	bool clean = fake_kvm_is_clean(f->fake);
	fake_kvm_destroy(f->fake);
	(void)unlink(f->kernel_path);
	(void)close(f->console[0]);
	(void)close(f->console[1]);
	(void)pthread_mutex_destroy(&f->report_lock);
	free(f);
	return clean ? 0 : -1;
}

void fixture_ask_for_host(struct fixture *f, enum cpu_on_missing on_missing)
{
	f->policy.model = (struct policy_text){ "host", "vm.toml:2:9" };
	f->policy.on_missing_given = true;
	f->policy.on_missing = on_missing;
	f->given_policy = &f->policy;
}

int fixture_open_files(struct fixture *f)
{
	if (f->files_opened)
		guest_files_close(&f->files); /* of the last time */
	f->files_opened = true;
	return guest_files_open(&f->files, &f->config, &f->e);
}

int fixture_create(struct fixture *f)
{
	machine_plan_done(&f->plan); /* of the last time */
	int rc = plan_machine(
		&f->config, f->given_policy, &f->facts, /* trace */ NULL, &f->plan, &f->e);
	if (rc)
		return rc;
	rc = fixture_open_files(f);
	if (rc)
		return rc;
	f->options = (struct machine_options){
		.kvm = f->kvm,
		.config = &f->config,
		.files = &f->files,
		.plan = &f->plan,
		.policy = f->given_policy,
		.io = { .serial_out = { f->console[1], -1, -1, -1 },
			.debug_console_out = f->console[1] },
		.loop = f->loop,
		.kernel_cache = f->kernel_cache,
		.reporter = &f->reporter,
	};
	return machine_create(&f->machine, &f->options, &f->e);
}

int fixture_run(struct fixture *f, const struct fake_step *script)
{
	f->fake->scripts[0] = script;
	int rc = fixture_create(f);
	assert_int_equal(rc, 0);
	return machine_run(f->machine, &f->result, &f->e);
}

bool fixture_call_failed(struct fixture *f, unsigned n, int rc)
{
	bool reached = f->fake->nr_calls >= n;
	assert_int_equal(rc != 0, reached);
	if (reached) {
		const char *name = f->fake->log[n - 1].name;
		assert_contains(f->e.msg, strcmp(name, "map") == 0 ? "mapping" : name);
	}
	return reached;
}

const char *fixture_console(struct fixture *f, char *buf, size_t size)
{
	(void)fcntl(f->console[0], F_SETFL, O_NONBLOCK);
	ssize_t n = read(f->console[0], buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

unsigned fixture_count_fds(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}
