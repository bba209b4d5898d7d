/* SPDX-License-Identifier: MIT */
/* The lock of a running VM on its file: whatever an editor does to the file meanwhile, who wants to
 * change it by any of its names is told. */
#include "fake/cmocka.h"

#include "base/fd.h"
#include "base/types.h"
#include "cli/vm_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct folder {
	char dir[64], file[96], other[96], link[96], link2[96], inner[96], inner_file[128];
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	struct folder *d = calloc(1, sizeof(*d));
	if (!d)
		return -1;
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/nestor-lock-XXXXXX");
	if (!mkdtemp(d->dir))
		return -1;
	(void)snprintf(d->file, sizeof(d->file), "%s/vm.toml", d->dir);
	(void)snprintf(d->other, sizeof(d->other), "%s/other.toml", d->dir);
	(void)snprintf(d->link, sizeof(d->link), "%s/link.toml", d->dir);
	(void)snprintf(d->link2, sizeof(d->link2), "%s/link2.toml", d->dir);
	(void)snprintf(d->inner, sizeof(d->inner), "%s/inner", d->dir);
	(void)snprintf(d->inner_file, sizeof(d->inner_file), "%s/vm.toml", d->inner);
	assert_int_equal(mkdir(d->inner, 0755), 0);
	write_file(d->file, "one\n");
	write_file(d->other, "another\n");
	*state = d;
	return 0;
}

static void clean(const char *path)
{
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(path);
}

static int teardown(void **state)
{
	struct folder *d = *state;
	clean(d->inner);
	clean(d->dir);
	free(d);
	return 0;
}

static void run_vm(struct vm_lock *held, const char *path)
{
	assert_int_equal(vm_lock_hold(path, held, NULL), 0);
}

/* As `nest enable` asks, and as with --dry-run, and who would write over it. */
static void assert_busy(const char *path, int code)
{
	for (int try_only = 0; try_only < 2; try_only++) {
		struct err e = ERR_INIT;
		FD_LOCAL fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(vm_lock_alone(fd, path, try_only, &e), code);
		if (code) {
			assert_int_equal(e.kind, ERR_CONFIG);
			assert_non_null(strstr(e.msg, "the VM is running"));
			assert_non_null(strstr(e.msg, path));
		}
	}
	assert_int_equal(vm_lock_check(path, NULL), code);
}

/* --- what editors do: each is told of the running VM by every name that it was started by --- */

static void as_it_is(const struct folder *d)
{
	(void)d;
}

/* vim with backupcopy=no, emacs: the old file gets another name, a new one its place. */
static void keep_a_backup(const struct folder *d)
{
	char backup[128];
	(void)snprintf(backup, sizeof(backup), "%s~", d->file);
	assert_int_equal(rename(d->file, backup), 0);
	write_file(d->file, "new\n");
}

/* sed -i, and most that write in one step. */
static void rename_a_new_one_over_it(const struct folder *d)
{
	char new[128];
	(void)snprintf(new, sizeof(new), "%s.new", d->file);
	write_file(new, "new\n");
	assert_int_equal(rename(new, d->file), 0);
}

static void remove_and_make_it_again(const struct folder *d)
{
	assert_int_equal(unlink(d->file), 0);
	write_file(d->file, "new\n");
}

static void replace_it_twice(const struct folder *d)
{
	rename_a_new_one_over_it(d);
	keep_a_backup(d);
}

static void write_in_place(const struct folder *d)
{
	write_file(d->file, "new\n");
}

static void (*const edits[])(const struct folder *d) = { as_it_is, keep_a_backup,
	rename_a_new_one_over_it, remove_and_make_it_again, replace_it_twice, write_in_place };

static void vm_lock__any_way_of_editing__seen(void **state)
{
	const struct folder *d = *state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		struct vm_lock held;
		run_vm(&held, d->file);
		assert_int_equal(held.nr_fds, 2);
		edits[i](d);
		assert_busy(d->file, -EBUSY);
		/* Another VM's file in the same folder is not locked by that. */
		assert_busy(d->other, 0);
		vm_lock_release(&held);
		assert_busy(d->file, 0);
	}
}

static void vm_lock__another_name_of_the_file__seen(void **state)
{
	const struct folder *d = *state;
	char new[128];
	struct vm_lock held;
	(void)snprintf(new, sizeof(new), "%s/new.toml", d->dir);
	assert_int_equal(link(d->file, new), 0);
	run_vm(&held, d->file);
	assert_busy(new, -EBUSY);
	/* A new name for it, and no old one. */
	assert_int_equal(unlink(d->file), 0);
	assert_busy(new, -EBUSY);
	vm_lock_release(&held);
	assert_busy(new, 0);
}

/* By whichever link: what one was started by, what it leads to, and what is between. */
static void vm_lock__symbolic_links__each_name_is_locked(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	write_file(d->inner_file, "inner\n");
	assert_int_equal(symlink("link2.toml", d->link), 0);
	assert_int_equal(symlink("inner/vm.toml", d->link2), 0);
	run_vm(&held, d->link);
	assert_int_equal(held.nr_fds, 4);
	assert_busy(d->link, -EBUSY);
	assert_busy(d->link2, -EBUSY);
	assert_busy(d->inner_file, -EBUSY);
	/* sed -i puts a file in the link's place. */
	assert_int_equal(unlink(d->link), 0);
	write_file(d->link, "new\n");
	assert_busy(d->link, -EBUSY);
	/* A file of the same name in another folder is another one. */
	assert_busy(d->file, 0);
	/* And one who follows links replaces what they lead to. */
	assert_int_equal(unlink(d->inner_file), 0);
	write_file(d->inner_file, "new\n");
	assert_busy(d->inner_file, -EBUSY);
	assert_busy(d->link2, -EBUSY);
	vm_lock_release(&held);
	assert_busy(d->link2, 0);
}

/* A link that leads there, made later. */
static void vm_lock__started_by_the_file__seen_through_a_link(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	run_vm(&held, d->file);
	keep_a_backup(d);
	assert_int_equal(symlink("../vm.toml", d->inner_file), 0);
	assert_busy(d->inner_file, -EBUSY);
	vm_lock_release(&held);
}

static void vm_lock__two_vms__each_counts(void **state)
{
	const struct folder *d = *state;
	struct vm_lock one, two;
	run_vm(&one, d->file);
	run_vm(&two, d->file);
	rename_a_new_one_over_it(d);
	vm_lock_release(&one);
	assert_busy(d->file, -EBUSY);
	vm_lock_release(&two);
	assert_busy(d->file, 0);
}

static void vm_lock__relative_path__the_same_names(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	FD_LOCAL before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(chdir(d->dir), 0);
	run_vm(&held, "vm.toml");
	assert_int_equal(held.nr_fds, 2);
	rename_a_new_one_over_it(d);
	assert_busy("./vm.toml", -EBUSY);
	assert_busy(d->file, -EBUSY);
	assert_busy("inner/../vm.toml", -EBUSY);
	vm_lock_release(&held);
	assert_int_equal(fchdir(before), 0);
}

/* --- what is no lock --- */

static void vm_lock__nothing_to_lock__is_no_error(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	char absent[128], deep[128], longest[5000];
	(void)snprintf(absent, sizeof(absent), "%s/absent.toml", d->dir);
	(void)snprintf(deep, sizeof(deep), "%s/absent/vm.toml", d->dir);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	const char *const paths[] = { absent, deep, d->dir, "/", "", "/dev/null", longest,
		longest + 4000 };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(vm_lock_hold(paths[i], &held, NULL), 0);
		vm_lock_release(&held);
		assert_int_equal(held.nr_fds, 0);
		assert_int_equal(vm_lock_check(paths[i], NULL), 0);
	}
	/* A file that is there only later is the VM's all the same. */
	assert_int_equal(vm_lock_hold(absent, &held, NULL), 0);
	write_file(absent, "late\n");
	assert_int_equal(vm_lock_check(absent, NULL), -EBUSY);
	vm_lock_release(&held);
}

static void vm_lock__links_in_a_circle__end(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	assert_int_equal(symlink("link2.toml", d->link), 0);
	assert_int_equal(symlink("link.toml", d->link2), 0);
	assert_int_equal(vm_lock_hold(d->link, &held, NULL), 0);
	assert_true(held.nr_fds <= ARRAY_SIZE(held.fds));
	vm_lock_release(&held);
	assert_int_equal(vm_lock_check(d->link, NULL), 0);
}

static void vm_lock__being_changed__a_vm_does_not_start(void **state)
{
	const struct folder *d = *state;
	struct vm_lock held;
	struct err e = ERR_INIT;
	FD_LOCAL fd = open(d->file, O_RDWR | O_CLOEXEC);
	assert_int_equal(vm_lock_alone(fd, d->file, /* try_only */ false, NULL), 0);
	assert_int_equal(vm_lock_hold(d->file, &held, &e), -EBUSY);
	assert_int_equal(held.nr_fds, 0);
	assert_non_null(strstr(e.msg, "is just being changed"));
	/* It left none of its own behind. */
	fd = fd_close(fd);
	assert_busy(d->file, 0);
}

/* Other users: who runs it may not list the folder, but open the file; who changes it is root. */
static int run_as_another(const struct folder *d, int ready, int go)
{
	struct vm_lock held;
	char c = 'r';
	if (setgid(1234) < 0 || setuid(1234) < 0 || vm_lock_hold(d->file, &held, NULL) < 0)
		return 1;
	return write(ready, &c, 1) != 1 || read(go, &c, 1) < 0;
}

static void vm_lock__of_another_user__seen(void **state)
{
	const struct folder *d = *state;
	if (geteuid() != 0)
		skip();
	for (int listed = 0; listed < 2; listed++) {
		int ready[2], go[2], status = -1;
		char c;
		assert_int_equal(chmod(d->dir, listed ? 0755 : 0711), 0);
		assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
		assert_int_equal(pipe2(go, O_CLOEXEC), 0);
		pid_t pid = fork();
		if (pid == 0) {
			(void)close(go[1]);
			_exit(run_as_another(d, ready[1], go[0]));
		}
		assert_int_equal(read(ready[0], &c, 1), 1);
		struct err e = ERR_INIT;
		char holder[64];
		(void)snprintf(holder, sizeof(holder), "(process %d, test_cli_vm_loc", (int)pid);
		assert_busy(d->file, -EBUSY);
		assert_int_equal(vm_lock_check(d->file, &e), -EBUSY);
		assert_non_null(strstr(e.msg, holder));
		rename_a_new_one_over_it(d);
		/* In a folder that the VM's user may not list, it is the file alone. */
		assert_busy(d->file, listed ? -EBUSY : 0);
		if (listed) {
			/* The process is found by the name's lock, too. */
			assert_int_equal(vm_lock_check(d->file, &e), -EBUSY);
			assert_non_null(strstr(e.msg, holder));
		}
		(void)close(go[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		(void)close(go[0]);
		(void)close(ready[0]);
		(void)close(ready[1]);
	}
}

/* The same folder by two mounts: 77 where there may be no mounts. */
static int run_with_mounts(const struct folder *d)
{
	struct vm_lock held;
	char there[160];
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(d->dir, d->inner, NULL, MS_BIND, NULL) < 0)
		return 77;
	(void)snprintf(there, sizeof(there), "%s/vm.toml", d->inner);
	run_vm(&held, d->file);
	rename_a_new_one_over_it(d);
	assert_busy(there, -EBUSY);
	vm_lock_release(&held);
	assert_busy(there, 0);
	(void)umount(d->inner);
	return 0;
}

static void vm_lock__two_mounts_of_the_folder__seen(void **state)
{
	const struct folder *d = *state;
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(run_with_mounts(d));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

#define LOCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCK_TEST(vm_lock__any_way_of_editing__seen),
		LOCK_TEST(vm_lock__another_name_of_the_file__seen),
		LOCK_TEST(vm_lock__symbolic_links__each_name_is_locked),
		LOCK_TEST(vm_lock__started_by_the_file__seen_through_a_link),
		LOCK_TEST(vm_lock__two_vms__each_counts),
		LOCK_TEST(vm_lock__relative_path__the_same_names),
		LOCK_TEST(vm_lock__nothing_to_lock__is_no_error),
		LOCK_TEST(vm_lock__links_in_a_circle__end),
		LOCK_TEST(vm_lock__being_changed__a_vm_does_not_start),
		LOCK_TEST(vm_lock__of_another_user__seen),
		LOCK_TEST(vm_lock__two_mounts_of_the_folder__seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
