/* SPDX-License-Identifier: MIT */
/* A session: files and outputs held open from the beginning, and machines one after another. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include "fake/allocation.h"
#include "vm/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESET OUT8(0xcf9, "\x06")
#define EXIT_5 OUT8(0xf4, "\5")

struct by_session {
	struct fixture *f;
	struct config *config;
	struct worker *worker;
	struct machine_plan *plan;
	const struct cpu_policy *policy;
	struct session *session;
	struct session_options options;
	/* What the client heard. */
	unsigned nr_up, nr_running;
	bool running;
	int fail_up;
	struct loop *loop;
	struct loop_call ask; /* posted when a machine runs, where it has a function */
	atomic_bool asked;
	/* What guests do: the first boot, and all that follow. */
	void (*first)(struct by_session *b), (*then)(struct by_session *b);
	struct fake_step script[4], script_then[4];
	unsigned nr_boots;
	size_t nr_given; /* bytes of input */
};

static int on_up(void *ctx, struct loop *loop, struct err *e)
{
	struct by_session *b = ctx;
	b->nr_up++;
	b->loop = loop;
	return b->fail_up ? err_set(e, b->fail_up, "no console") : 0;
}

static void on_running(void *ctx, bool running)
{
	struct by_session *b = ctx;
	assert_true(running != b->running);
	b->running = running;
	b->nr_running += running;
	if (running && b->ask.fn)
		loop_post(b->loop, &b->ask);
}

static void boot_first(void *ctx)
{
	struct by_session *b = ctx;
	b->nr_boots++;
	if (b->first)
		b->first(b);
	b->f->fake->scripts[0] = b->script_then;
}

static void boot_then(void *ctx)
{
	struct by_session *b = ctx;
	b->nr_boots++;
	if (b->then)
		b->then(b);
}

static size_t give_a(void *ctx, uint8_t *bytes, size_t n)
{
	struct by_session *b = ctx;
	b->nr_given += n;
	memset(bytes, 'a', n);
	return n;
}

static int set_up(void **state)
{
	static const char toml[] = "";
	struct by_session *b = calloc(1, sizeof(*b));
	void *f = NULL;
	if (!b)
		return -1;
	*state = b;
	if (fixture_set_up(&f))
		return -1;
	b->f = f;
	b->config = config_create();
	if (!b->config || config_load_text(b->config, toml, 0, "vm.toml", NULL, &b->f->e))
		return -1;
	b->f->config.lifecycle.stop_timeout_ms = 60000;
	b->plan = &b->f->plan;
	b->options = (struct session_options){
		.kvm = b->f->kvm,
		.outputs = { .config = b->config,
			.vm = &b->f->config,
			.stdio = b->f->console[1],
			.debug = b->f->console[1] },
		.reporter = &b->f->reporter,
		.client = { .on_up = on_up,
			.on_running = on_running,
			.ctx = b,
			.input = { .read = give_a, .ctx = b } },
	};
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = boot_first, .fn_ctx = b },
		RESET, { 0 } };
	const struct fake_step then[] = { { .kind = FAKE_CALL, .fn = boot_then, .fn_ctx = b },
		EXIT_5, { 0 } };
	memcpy(b->script, script, sizeof(script));
	memcpy(b->script_then, then, sizeof(then));
	return worker_create(&b->worker, &b->f->e);
}

static int tear_down(void **state)
{
	struct by_session *b = *state;
	void *f = b->f;
	session_destroy(b->session);
	worker_destroy(b->worker);
	config_destroy(b->config);
	free(b);
	return fixture_tear_down(&f);
}

/* Plans, and begins the session; the result of session_begin. */
static int begin(struct by_session *b)
{
	struct fixture *f = b->f;
	session_destroy(b->session);
	b->session = NULL;
	f->fake->scripts[0] = b->script;
	f->fake->nr_slots = 0;
	machine_plan_done(&f->plan);
	assert_int_equal(plan_machine(&f->config, NULL, &f->facts, NULL, &f->plan, &f->e), 0);
	assert_int_equal(session_create(&b->session, &b->options, &f->e), 0);
	return session_begin(b->session, &b->plan, &b->policy, &f->e);
}

static int run(struct by_session *b)
{
	int rc = begin(b);
	return rc ? rc : session_run(b->session, &b->f->result, &b->f->e);
}

static void assert_rebooted(struct by_session *b)
{
	if (run(b))
		fail_msg("%s", b->f->e.msg);
	assert_int_equal(b->f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_int_equal(b->f->result.status, 5);
	assert_int_equal(b->nr_boots, 2);
	assert_int_equal(b->nr_running, 2);
	assert_int_equal(b->nr_up, 1);
	assert_false(b->running);
}

/* What the guest of the machine that runs has at addr. */
static const uint8_t *guest_ram(const struct by_session *b, uint64_t addr)
{
	const struct fake_kvm *fake = b->f->fake;
	return (const uint8_t *)(uintptr_t)fake->slots[fake->nr_slots - 1].userspace_addr + addr;
}

static void expect_same_kernel(struct by_session *b)
{
	assert_memory_equal(guest_ram(b, FIXTURE_ENTRY), FIXTURE_CODE, 4);
}

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	(void)fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void remove_kernel(struct by_session *b)
{
	assert_int_equal(unlink(b->f->kernel_path), 0);
}

static void rename_kernel(struct by_session *b)
{
	char to[80];
	(void)snprintf(to, sizeof(to), "%s.old", b->f->kernel_path);
	assert_int_equal(rename(b->f->kernel_path, to), 0);
	(void)unlink(to);
}

static void replace_kernel(struct by_session *b)
{
	char new[80];
	(void)snprintf(new, sizeof(new), "%s.new", b->f->kernel_path);
	write_text(new, "this is no kernel");
	assert_int_equal(rename(new, b->f->kernel_path), 0);
}

static void assert_same_kernel_after(struct by_session *b, void (*what)(struct by_session *))
{
	b->first = what;
	b->then = expect_same_kernel;
	assert_rebooted(b);
	/* Its name leads elsewhere by now. */
	assert_true(begin(b) < 0);
	assert_contains(b->f->e.msg, "boot.kernel");
}

static void session_run__kernel_file_is_removed__reboots_what_it_began_with(void **state)
{
	assert_same_kernel_after(*state, remove_kernel);
}

static void session_run__kernel_file_is_renamed__reboots_what_it_began_with(void **state)
{
	assert_same_kernel_after(*state, rename_kernel);
}

static void session_run__kernel_file_is_replaced__reboots_what_it_began_with(void **state)
{
	assert_same_kernel_after(*state, replace_kernel);
}

static void write_into_kernel(struct by_session *b)
{
	struct stat st;
	int fd = open(b->f->kernel_path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	/* The code is the last of it. */
	assert_int_equal(pwrite(fd, "\x90\xf4", 2, st.st_size - 16), 2);
	(void)close(fd);
}

static void expect_new_code(struct by_session *b)
{
	assert_memory_equal(guest_ram(b, FIXTURE_ENTRY), "\x90\xf4\xeb\xfd", 4);
}

static void session_run__kernel_file_is_written_to__reboots_what_it_holds_now(void **state)
{
	struct by_session *b = *state;
	b->first = write_into_kernel;
	b->then = expect_new_code;
	assert_rebooted(b);
}

static void empty_kernel(struct by_session *b)
{
	assert_int_equal(truncate(b->f->kernel_path, 0), 0);
}

static void session_run__kernel_file_is_emptied__error_names_it(void **state)
{
	struct by_session *b = *state;
	unsigned fds = fixture_count_fds();
	b->first = empty_kernel;
	assert_true(run(b) < 0);
	assert_contains(b->f->e.msg, b->f->kernel_path);
	assert_contains(b->f->e.msg, "the file is empty");
	assert_int_equal(b->nr_boots, 1);
	assert_false(b->running);
	session_destroy(b->session);
	b->session = NULL;
	assert_int_equal(fixture_count_fds(), fds);
	assert_int_equal(b->f->fake->nr_maps, 0);
}

#define MODULE_BYTES ((size_t)(300 * KIB)) /* more than is read when it is begun */
static char module_paths[2][64];

static void write_module(char path[64], uint8_t byte)
{
	static uint8_t bytes[MODULE_BYTES];
	(void)snprintf(path, 64, "/tmp/nestor-test-module-XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	memset(bytes, byte, sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	(void)close(fd);
}

static void remove_all_files(struct by_session *b)
{
	remove_kernel(b);
	assert_int_equal(unlink(module_paths[0]), 0);
	assert_int_equal(unlink(module_paths[1]), 0);
}

/* A page whose bytes are all this one; RAM has as many as the module. */
static size_t count_pages(const struct by_session *b, uint8_t byte)
{
	static uint8_t page[4096];
	size_t n = 0;
	memset(page, byte, sizeof(page));
	for (uint64_t at = 0; at < 16 * MIB; at += sizeof(page))
		n += memcmp(guest_ram(b, at), page, sizeof(page)) == 0;
	return n;
}

static void expect_modules(struct by_session *b)
{
	expect_same_kernel(b);
	assert_int_equal(count_pages(b, 0xa5), MODULE_BYTES / 4096);
	assert_int_equal(count_pages(b, 0x5a), MODULE_BYTES / 4096);
}

static void session_run__modules_are_removed__reboots_with_them(void **state)
{
	struct by_session *b = *state;
	write_module(module_paths[0], 0xa5);
	write_module(module_paths[1], 0x5a);
	b->f->config.boot.modules[0].path = module_paths[0];
	b->f->config.boot.modules[1].path = module_paths[1];
	b->f->config.boot.nr_modules = 2;
	b->first = remove_all_files;
	b->then = expect_modules;
	assert_rebooted(b);
}

static void session_run__initrd_is_removed__reboots_with_it(void **state)
{
	struct by_session *b = *state;
	write_module(module_paths[0], 0xa5);
	write_module(module_paths[1], 0x5a);
	b->f->config.boot.initrd = module_paths[0];
	b->f->config.boot.modules[0].path = module_paths[1];
	b->f->config.boot.nr_modules = 1;
	b->first = remove_all_files;
	b->then = expect_modules;
	assert_rebooted(b);
}

static void session_run__by_a_worker__reboots_as_well(void **state)
{
	struct by_session *b = *state;
	b->options.worker = b->worker;
	b->f->config.cpu.vcpus = 3;
	b->first = replace_kernel;
	b->then = expect_same_kernel;
	assert_rebooted(b);
}

static void session_begin__a_file_is_absent__names_the_key_and_nothing_stays_open(void **state)
{
	struct by_session *b = *state;
	unsigned fds = fixture_count_fds();
	b->f->config.boot.initrd = "/nonexistent/initrd";
	assert_int_equal(begin(b), -ENOENT);
	assert_contains(b->f->e.msg, "boot.initrd: cannot open /nonexistent/initrd");
	b->f->config.boot.initrd = NULL;
	b->f->config.boot.nr_modules = 2;
	b->f->config.boot.modules[0].path = b->f->kernel_path;
	b->f->config.boot.modules[1].path = "/nonexistent/module";
	assert_int_equal(begin(b), -ENOENT);
	assert_contains(b->f->e.msg, "boot.modules[1].path: cannot open /nonexistent/module");
	b->f->config.boot.kernel = "/nonexistent/kernel";
	assert_int_equal(begin(b), -ENOENT);
	assert_contains(b->f->e.msg, "boot.kernel: cannot open /nonexistent/kernel");
	session_destroy(b->session);
	b->session = NULL;
	assert_int_equal(fixture_count_fds(), fds);
	assert_int_equal(fake_kvm_count(b->f->fake, "KVM_CREATE_VM"), 0);
}

static void session_run__on_reboot_is_exit__ends(void **state)
{
	struct by_session *b = *state;
	b->f->config.lifecycle.on_reboot = ON_REBOOT_EXIT;
	assert_int_equal(run(b), 0);
	assert_int_equal(b->f->result.end, MACHINE_END_REBOOT);
	assert_int_equal(b->nr_boots, 1);
}

static void ask(void *ctx)
{
	struct by_session *b = ctx;
	session_ask_to_stop(b->session, "asked");
	session_ask_to_stop(b->session, "asked again");
	atomic_store(&b->asked, true);
}

static void wait_until_asked(struct by_session *b)
{
	while (!atomic_load(&b->asked))
		(void)usleep(1000);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

static void session_ask_to_stop__guest_reboots_instead__is_not_started_again(void **state)
{
	struct by_session *b = *state;
	b->ask = (struct loop_call){ .fn = ask, .ctx = b };
	b->first = wait_until_asked;
	assert_int_equal(run(b), 0);
	assert_int_equal(b->f->result.end, MACHINE_END_REBOOT);
	assert_int_equal(b->nr_boots, 1);
	assert_contains(b->f->reports,
		"asked: asking the guest to power off; stopping it in 60.000 s if it does not");
	assert_int_equal(count(b->f->reports, "asking"), 1);
}

static void session_ask_to_stop__guest_does_nothing__is_stopped_in_time(void **state)
{
	struct by_session *b = *state;
	b->ask = (struct loop_call){ .fn = ask, .ctx = b };
	b->script[0] = (struct fake_step){ .kind = FAKE_END };
	b->f->config.lifecycle.stop_timeout_ms = 20;
	assert_int_equal(run(b), 0);
	assert_int_equal(b->f->result.end, MACHINE_END_STOPPED);
	assert_contains(b->f->reports, "the guest did not power off in time: stopping the VM");
}

static void use_serial(void *ctx)
{
	struct by_session *b = ctx;
	assert_true(session_serial_ready(b->session, 0));
	assert_int_equal(b->nr_given, 1);
	assert_false(session_serial_ready(b->session, 0)); /* it is full */
	assert_false(session_serial_ready(b->session, 3)); /* there is none */
	assert_int_equal(b->nr_given, 1);
	session_press_power_button(b->session);
	session_stop(b->session, "enough");
	atomic_store(&b->asked, true);
}

static void session__asked_while_nothing_runs__does_nothing(void **state)
{
	struct by_session *b = *state;
	assert_int_equal(begin(b), 0);
	session_press_power_button(b->session);
	session_ask_to_stop(b->session, "early");
	session_stop(b->session, "early");
	assert_false(session_serial_ready(b->session, 0));
	assert_int_equal(b->nr_given, 0);
	assert_false(session_has_new_kernel(b->session));
	assert_string_equal(b->f->reports, "");
	/* … and leaves nothing behind; while a machine runs, all of it does something. */
	b->ask = (struct loop_call){ .fn = use_serial, .ctx = b };
	b->script[0] = (struct fake_step){ .kind = FAKE_END };
	assert_int_equal(session_run(b->session, &b->f->result, &b->f->e), 0);
	assert_int_equal(b->f->result.end, MACHINE_END_STOPPED);
	assert_contains(b->f->reports, "enough: stopping the VM");
	assert_true(atomic_load(&b->asked));
}

static void session_run__client_cannot_come_up__its_error(void **state)
{
	struct by_session *b = *state;
	b->fail_up = -EBADF;
	assert_int_equal(run(b), -EBADF);
	assert_string_equal(b->f->e.msg, "no console");
	assert_int_equal(b->nr_boots, 0);
	assert_int_equal(b->nr_running, 0);
	assert_int_equal(b->f->fake->nr_maps, 0);
}

static void session_run__without_a_client__runs(void **state)
{
	struct by_session *b = *state;
	b->options.client = (struct session_client){ 0 };
	assert_int_equal(run(b), 0);
	assert_int_equal(b->nr_boots, 2);
}

/* Emptied at the beginning, and gone on in by each machine, whatever its name leads to. */
static void session_run__output_to_a_file__all_machines_write_one_after_another(void **state)
{
	struct by_session *b = *state;
	struct config_serial *serial = &b->f->config.serials[0];
	char path[] = "/tmp/nestor-test-output-XXXXXX", got[16] = "";
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "before", 6), 6);
	*serial = (struct config_serial){ .mode = SERIAL_FILE, .path = path };
	b->script[2] = b->script[1];
	b->script[1] = (struct fake_step)OUT8(0x3f8, "x");
	b->script_then[2] = b->script_then[1];
	b->script_then[1] = (struct fake_step)OUT8(0x3f8, "y");
	assert_rebooted(b);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 2);
	assert_string_equal(got, "xy");
	(void)close(fd);
	(void)unlink(path);
}

static void session_run__output_is_what_the_vm_is_made_from__refused_and_kept(void **state)
{
	struct by_session *b = *state;
	char path[] = "/tmp/nestor-test-output-XXXXXX", got[16] = "";
	int fd = mkostemp(path, O_CLOEXEC);
	const struct output_use use = { path, "a model file" };
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "before", 6), 6);
	b->f->config.debug_console.path = path;
	b->options.outputs.uses = &use;
	b->options.outputs.nr_uses = 1;
	assert_int_equal(run(b), -EINVAL);
	assert_int_equal(b->f->e.kind, ERR_CONFIG);
	assert_contains(b->f->e.msg, "debug_console.path: ");
	assert_contains(b->f->e.msg, "is the file of a model file, too");
	assert_int_equal(b->nr_boots, 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 6);
	(void)close(fd);
	(void)unlink(path);
}

/* Over both boots; false once there are fewer calls than that. */
static bool run_failing_at(struct by_session *b, unsigned n)
{
	struct fixture *f = b->f;
	session_destroy(b->session);
	b->session = NULL;
	unsigned fds = fixture_count_fds(), kvm_fds = f->fake->nr_fds;
	f->fake->nr_calls = b->nr_up = b->nr_boots = 0;
	f->fake->fail_at = n;
	f->fake->fail_code = ENODEV;
	f->e = (struct err)ERR_INIT;
	int rc = run(b);
	f->fake->fail_at = 0;
	session_destroy(b->session);
	b->session = NULL;
	bool reached = fixture_call_failed(f, n, rc);
	assert_false(b->running);
	assert_int_equal(f->fake->nr_fds, kvm_fds);
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
	assert_int_equal(fixture_count_fds(), fds);
	return reached;
}

static void session_run__call_n_fails_in_any_boot__error_and_nothing_leaks(void **state)
{
	struct by_session *b = *state;
	for (unsigned with_worker = 0; with_worker < 2; with_worker++) {
		unsigned n = 1;
		b->options.worker = with_worker ? b->worker : NULL;
		while (run_failing_at(b, n))
			n++;
		assert_int_equal(b->nr_boots, 2);
		assert_true(n > 30);
	}
}

static void run_and_destroy(void *ctx)
{
	struct by_session *b = ctx;
	struct fixture *f = b->f;
	f->fake->nr_calls = f->fake->nr_slots = 0;
	f->fake->scripts[0] = b->script;
	f->e = (struct err)ERR_INIT;
	int rc = session_create(&b->session, &b->options, &f->e);
	if (rc == 0)
		rc = session_begin(b->session, &b->plan, &b->policy, &f->e);
	if (rc == 0)
		rc = session_run(b->session, &f->result, &f->e);
	bool failed = allocation_has_failed();
	session_destroy(b->session);
	b->session = NULL;
	assert_int_equal(rc != 0, failed);
	assert_int_equal(rc != 0, f->e.msg[0] != '\0');
	assert_false(b->running);
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
}

static void session__allocation_n_fails_in_any_boot__error_and_nothing_leaks(void **state)
{
	struct by_session *b = *state;
	unsigned fds = fixture_count_fds();
	char path[] = "/tmp/nestor-test-output-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	(void)close(fd);
	b->f->config.debug_console.path = path;
	machine_plan_done(&b->f->plan);
	assert_int_equal(
		plan_machine(&b->f->config, NULL, &b->f->facts, NULL, &b->f->plan, &b->f->e), 0);
	assert_true(allocation_fail_each(run_and_destroy, b) > 40);
	assert_int_equal(fixture_count_fds(), fds);
	(void)unlink(path);
}

static void session_destroy__never_run_or_null__takes_it_down(void **state)
{
	struct by_session *b = *state;
	unsigned fds = fixture_count_fds();
	session_destroy(NULL);
	assert_int_equal(session_create(&b->session, &b->options, &b->f->e), 0);
	session_destroy(b->session);
	b->session = NULL;
	assert_int_equal(begin(b), 0);
	assert_true(fixture_count_fds() > fds);
	session_destroy(b->session);
	b->session = NULL;
	assert_int_equal(fixture_count_fds(), fds);
}

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(session_run__kernel_file_is_removed__reboots_what_it_began_with),
		SESSION_TEST(session_run__kernel_file_is_renamed__reboots_what_it_began_with),
		SESSION_TEST(session_run__kernel_file_is_replaced__reboots_what_it_began_with),
		SESSION_TEST(session_run__kernel_file_is_written_to__reboots_what_it_holds_now),
		SESSION_TEST(session_run__kernel_file_is_emptied__error_names_it),
		SESSION_TEST(session_run__modules_are_removed__reboots_with_them),
		SESSION_TEST(session_run__initrd_is_removed__reboots_with_it),
		SESSION_TEST(session_run__by_a_worker__reboots_as_well),
		SESSION_TEST(session_begin__a_file_is_absent__names_the_key_and_nothing_stays_open),
		SESSION_TEST(session_run__on_reboot_is_exit__ends),
		SESSION_TEST(session_ask_to_stop__guest_reboots_instead__is_not_started_again),
		SESSION_TEST(session_ask_to_stop__guest_does_nothing__is_stopped_in_time),
		SESSION_TEST(session__asked_while_nothing_runs__does_nothing),
		SESSION_TEST(session_run__client_cannot_come_up__its_error),
		SESSION_TEST(session_run__without_a_client__runs),
		SESSION_TEST(session_run__output_to_a_file__all_machines_write_one_after_another),
		SESSION_TEST(session_run__output_is_what_the_vm_is_made_from__refused_and_kept),
		SESSION_TEST(session_run__call_n_fails_in_any_boot__error_and_nothing_leaks),
		SESSION_TEST(session__allocation_n_fails_in_any_boot__error_and_nothing_leaks),
		SESSION_TEST(session_destroy__never_run_or_null__takes_it_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
