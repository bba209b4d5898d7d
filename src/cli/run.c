/* SPDX-License-Identifier: MIT */
/* nestor run: a VM in the foreground. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/kernel_cache.h"
#include "cli/vm_lock.h"
#include "policy/planning.h"
#include "vm/session.h"

#include <errno.h>
#include <unistd.h>

struct run_args {
	struct config_args config;
	bool verbose;
};

struct run {
	struct vm_lock lock; /* of the TOML file */
	const char *toml;    /* the VM's file; NULL: there is none */
	struct policy_file *policy_file;
	const struct vm_config *vm; /* its own */
	/* What the VM is made from besides the files that its config names: the TOML file, models.
	 */
	struct output_use uses[1 + CPU_MAX_MODEL_FILES];
	size_t nr_uses;
	struct kvm *kvm;
	struct worker *worker;     /* asks KVM, plans, and then runs the boot vCPU */
	struct planning *planning; /* until the plan is there */
	struct machine_plan *plan;
	const struct cpu_policy *policy;   /* lent by policy_file */
	struct kernel_cache *kernel_cache; /* NULL: none */
	struct kernel_storing storing;
	struct session *session;
	struct terminal terminal;
	struct console console;
	bool console_open;
	struct reporter reporter;
};

static const struct argp_option options[] = {
	{ "verbose", 'v', NULL, 0, "say what is loaded where, and which accesses nobody claims",
		2 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct run_args *args = state->input;
	(void)arg;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 'v':
		args->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &config_argp }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[VM.toml]",
	.doc = "Run a virtual machine in the foreground, its first serial port on standard input "
	       "and output."
	       "\vThe exit status is 0 when the guest powered off, 1 to 99 as the guest asked "
	       "through the debug-exit "
	       "port, 100 for a bug in nestor, 101 usage or configuration, 102 host, 103 guest "
	       "rebooted "
	       "(lifecycle.on_reboot=exit), 104 guest crashed, 105 guest panicked, 106 stopped by "
	       "force. "
	       "See nestor(1) and nestor.toml(5).",
	.children = children,
};

/* The console comes up only once the machine stands: until then, Ctrl-C just ends nestor. */
static int bring_up_console(void *ctx, struct loop *loop, struct err *e)
{
	struct run *run = ctx;
	int rc = console_open(
		&run->console, run->session, loop, &run->terminal, run->vm, &run->reporter, e);
	run->console_open = rc == 0;
	return rc;
}

static void on_running(void *ctx, bool running)
{
	struct run *run = ctx;
	console_set_running(&run->console, running);
	if (!running)
		kernel_storing_end(&run->storing);
	else if (session_has_new_kernel(run->session))
		kernel_storing_begin(
			&run->storing, run->console.loop, run->vm->boot.kernel, &run->reporter);
}

static void add_use(struct run *run, const char *path, const char *what)
{
	run->uses[run->nr_uses++] = (struct output_use){ path, what };
}

static int add_model(void *ctx, const char *path)
{
	add_use(ctx, path, "a model file");
	return 0;
}

static int create_session(struct run *run, struct err *e)
{
	if (run->toml)
		add_use(run, run->toml, "the VM's configuration");
	int rc = policy_file_each_model(run->policy_file, add_model, run);
	const struct session_options session = {
		.kvm = run->kvm,
		.outputs = { .config = policy_file_config(run->policy_file),
			.vm = run->vm,
			.stdio = STDOUT_FILENO,
			.debug = STDERR_FILENO,
			.uses = run->uses,
			.nr_uses = run->nr_uses },
		.worker = run->worker,
		.kernel_cache = run->kernel_cache,
		.reporter = &run->reporter,
		.client = { bring_up_console, on_running, run, console_input(&run->console) },
	};
	return rc ? rc : session_create(&run->session, &session, e);
}

/* KVM is opened and says to the worker what it can do, from here on. */
static int ask_kvm(struct run *run, struct err *e)
{
	if (run->planning)
		return 0;
	int rc = run->worker ? 0 : worker_create(&run->worker, e);
	return rc ? rc
		  : plan_begin(&run->planning, &kvm_calls_real, KVM_DEVICE_PATH, run->worker, e);
}

/*
 * The machine is begun while KVM says what it can do, and its vCPUs are settled by the worker that
 * was told. What the plan refuses is said first all the same: it names the key, where KVM would
 * only say EINVAL.
 */
static int plan_and_begin(struct run *run, struct err *e)
{
	struct err session_error = ERR_INIT;
	plan_compute(run->planning, run->policy_file, &run->reporter, &run->plan, &run->policy);
	int session_rc = session_begin(run->session, &run->plan, &run->policy, &session_error);
	int rc = plan_finish(run->planning, e);
	run->planning = NULL;
	if (rc || session_rc == 0)
		return rc;
	*e = session_error;
	return session_rc;
}

/* None is no reason not to run. */
static void open_kernel_cache(struct run *run)
{
	struct err e = ERR_INIT;
	if (run->vm->boot.cache && user_kernel_cache(&run->kernel_cache, &e) < 0)
		report(&run->reporter, REPORT_DEBUG, "kernel cache: none: %s", e.msg);
}

static int prepare(struct run *run, struct err *e)
{
	int rc = ask_kvm(run, e);
	if (rc == 0)
		rc = plan_kvm(run->planning, &run->kvm, e);
	if (rc)
		return rc;
	open_kernel_cache(run);
	rc = create_session(run, e);
	return rc ? rc : plan_and_begin(run, e);
}

static int status_of(const struct run *run, const struct machine_result *result)
{
	const struct reporter *r = &run->reporter;
	switch (result->end) {
	case MACHINE_END_POWER_OFF:
		return STATUS_OK;
	case MACHINE_END_REBOOT:
		report(r, REPORT_INFO, "guest rebooted");
		return STATUS_REBOOT;
	case MACHINE_END_DEBUG_EXIT:
		if (result->status <= STATUS_GUEST_MAX)
			return (int)result->status;
		report(r, REPORT_WARN,
			"guest asked for exit status %u; giving %d, the highest that is the "
			"guest's",
			result->status, STATUS_GUEST_MAX);
		return STATUS_GUEST_MAX;
	case MACHINE_END_CRASH:
		return STATUS_CRASH;
	case MACHINE_END_PANIC:
		report(r, REPORT_ERROR, "guest panicked");
		return STATUS_PANIC;
	case MACHINE_END_STOPPED:
		report(r, REPORT_INFO, "stopped");
		return STATUS_STOPPED;
	case MACHINE_END_ERROR:
		break;
	}
	return STATUS_BUG;
}

static int run_session(struct run *run, struct err *e)
{
	struct machine_result result = { .end = MACHINE_END_ERROR };
	int rc = prepare(run, e);
	if (rc == 0)
		rc = session_run(run->session, &result, e);
	if (run->console_open)
		console_close(&run->console);
	terminal_close(&run->terminal); /* before anything is printed for the user's shell */
	return rc ? cli_fail(e) : status_of(run, &result);
}

static bool wants_terminal(const struct vm_config *vm)
{
	for (size_t i = 0; i < vm->nr_serials; i++) {
		if (vm->serials[i].mode == SERIAL_STDIO)
			return true;
	}
	return false;
}

int cmd_run(int argc, char **argv)
{
	struct run_args args = { 0 };
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct run run = { .toml = args.config.file };
	run.reporter = cli_reporter(args.verbose ? REPORT_DEBUG : REPORT_INFO);
	struct err e = ERR_INIT;
	int status = STATUS_BUG;
	terminal_never_stop();
	/*
	 * KVM takes longer to say what it can do than it takes to read the config, and so is asked
	 * first. But not where there is a terminal, whose guard forks: there may be no thread and
	 * no KVM descriptor then. What fails of this is said once the config has been read; for
	 * want of a thread or of memory it is tried again.
	 */
	if (isatty(STDIN_FILENO) != 1)
		(void)ask_kvm(&run, NULL);
	/* Before the file is read, so that it stays what was read. */
	const struct config_source source = config_args_source(&args.config);
	int rc = args.config.file ? vm_lock_hold(args.config.file, &run.lock, &e) : 0;
	if (rc == 0)
		rc = policy_file_load(&run.policy_file, &source, POLICY_FILE_RUN, &e);
	if (rc == 0)
		run.vm = policy_file_vm(run.policy_file);
	/* The terminal's guard forks, so before there is any thread or KVM descriptor. */
	if (rc == 0 && wants_terminal(run.vm))
		rc = terminal_open(&run.terminal, &status, &e);
	if (rc < 0)
		status = cli_fail(&e);
	else if (rc == 0)
		status = run_session(&run, &e);
	session_destroy(run.session);
	kernel_cache_destroy(run.kernel_cache);
	plan_abandon(run.planning);
	worker_destroy(run.worker);
	plan_destroy(run.plan);
	kvm_close(run.kvm);
	policy_file_destroy(run.policy_file);
	vm_lock_release(&run.lock);
	return status;
}
