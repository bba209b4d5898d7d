/* SPDX-License-Identifier: MIT */
/* Replacing a file: killed before or after any system call, and with any of them failing, the file
 * is all old or all new. */
#include "config_test.h"

#include "config/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OLD "the old content\n"
#define NEW "the new content, which is longer than the old one\n"
#define OTHER "somebody else's\n"

/* The fault to make: calls are counted from 1. Shared by the fakes, which have no argument. */
static struct {
	unsigned nr, at;
	enum { FAULT_NONE, FAULT_FAIL, FAULT_KILL, FAULT_KILL_AFTER, FAULT_OTHER_WRITES } kind;
	int code;
	const char *other_path; /* that somebody else writes after that call */
} fault;

static bool fails(void)
{
	fault.nr++;
	if (fault.nr != fault.at || (fault.kind != FAULT_FAIL && fault.kind != FAULT_KILL))
		return false;
	if (fault.kind == FAULT_KILL)
		_exit(9);
	errno = fault.code;
	return true;
}

static void write_file(const char *path, const char *text);

static void after(void)
{
	if (fault.nr == fault.at && fault.kind == FAULT_OTHER_WRITES)
		write_file(fault.other_path, OTHER);
	if (fault.nr == fault.at && fault.kind == FAULT_KILL_AFTER)
		_exit(9);
}

static int fake_openat(int dir, const char *path, int flags, mode_t mode)
{
	int rc = fails() ? -1 : replace_calls_real.openat(dir, path, flags, mode);
	after();
	return rc;
}

static int fake_fchown(int fd, uid_t uid, gid_t gid)
{
	int rc = fails() ? -1 : fchown(fd, uid, gid);
	after();
	return rc;
}

static int fake_fchmod(int fd, mode_t mode)
{
	int rc = fails() ? -1 : fchmod(fd, mode);
	after();
	return rc;
}

/* In small pieces, so that there is something between the first and the last. */
static ssize_t fake_write(int fd, const void *buf, size_t n)
{
	ssize_t rc = fails() ? -1 : write(fd, buf, n < 20 ? n : 20);
	after();
	return rc;
}

static int fake_fsetxattr(int fd, const char *name, const void *value, size_t n, int flags)
{
	int rc = fails() ? -1 : fsetxattr(fd, name, value, n, flags);
	after();
	return rc;
}

static int fake_fremovexattr(int fd, const char *name)
{
	int rc = fails() ? -1 : fremovexattr(fd, name);
	after();
	return rc;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == FS_IOC_GETFLAGS || request == FS_IOC_FSGETXATTR)
		return replace_calls_real.ioctl(fd, request, arg);
	int rc = fails() ? -1 : replace_calls_real.ioctl(fd, request, arg);
	after();
	return rc;
}

static int fake_fsync(int fd)
{
	int rc = fails() ? -1 : fsync(fd);
	after();
	return rc;
}

/* As on Linux, the descriptor is gone although it failed. */
static int fake_close(int fd)
{
	bool failed = fails();
	int saved = errno;
	int rc = close(fd);
	errno = failed ? saved : errno;
	after();
	return failed ? -1 : rc;
}

static int fake_renameat(int old_dir, const char *old_path, int new_dir, const char *new_path)
{
	int rc = fails() ? -1 : renameat(old_dir, old_path, new_dir, new_path);
	after();
	return rc;
}

static int fake_unlinkat(int dir, const char *path, int flags)
{
	int rc = fails() ? -1 : unlinkat(dir, path, flags);
	after();
	return rc;
}

static const struct replace_calls fakes = {
	.openat = fake_openat,
	.fchown = fake_fchown,
	.fchmod = fake_fchmod,
	.fsetxattr = fake_fsetxattr,
	.fremovexattr = fake_fremovexattr,
	.ioctl = fake_ioctl,
	.write = fake_write,
	.fsync = fake_fsync,
	.close = fake_close,
	.renameat = fake_renameat,
	.unlinkat = fake_unlinkat,
};

struct folder {
	char dir[64], file[96], link[96];
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
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/nestor-replace-XXXXXX");
	if (!mkdtemp(d->dir))
		return -1;
	(void)snprintf(d->file, sizeof(d->file), "%s/vm.toml", d->dir);
	(void)snprintf(d->link, sizeof(d->link), "%s/link.toml", d->dir);
	write_file(d->file, OLD);
	fault.nr = fault.at = 0;
	fault.kind = FAULT_NONE;
	*state = d;
	return 0;
}

/* Files in the folder; those of killed processes are removed. */
static unsigned count_files(const struct folder *d, bool clean)
{
	unsigned nr = 0;
	DIR *dir = opendir(d->dir);
	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		nr++;
		if (clean)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	(void)closedir(dir);
	return nr;
}

static int teardown(void **state)
{
	struct folder *d = *state;
	(void)count_files(d, /* clean */ true);
	(void)rmdir(d->dir);
	free(d);
	return 0;
}

static bool has(const char *path, const char *text)
{
	char buf[256] = "";
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(buf, 1, sizeof(buf) - 1, f);
	(void)fclose(f);
	return n == strlen(text) && strcmp(buf, text) == 0;
}

static int replace(const char *path, const struct replace_calls *calls, struct err *e)
{
	struct stat was;
	assert_int_equal(stat(path, &was), 0);
	return file_replace(calls, path, &was, NEW, strlen(NEW), e);
}

static void replace__file__has_the_new_text_and_the_old_mode(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	assert_int_equal(chmod(d->file, 0640), 0);
	assert_int_equal(replace(d->file, &replace_calls_real, NULL), 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_files(d, false), 1);
}

static void replace__owner__is_kept(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(d->file, 1234, 2345), 0);
	assert_int_equal(replace(d->file, &replace_calls_real, NULL), 0);
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 2345);
}

/* A user who is not root and edits a file of somebody else's in a folder of their own. */
static void replace__owner_cannot_be_kept__no_access_for_another_group(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(d->file, 1234, 2345), 0);
	assert_int_equal(chmod(d->file, 0664), 0);
	assert_int_equal(chown(d->dir, 3456, 3456), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(setgid(3456) < 0 || setuid(3456) < 0 ||
			replace(d->file, &replace_calls_real, NULL) < 0);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

static void replace__symbolic_link__stays_and_leads_to_the_new_text(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	assert_int_equal(symlink("vm.toml", d->link), 0);
	assert_int_equal(replace(d->link, &replace_calls_real, NULL), 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(lstat(d->link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files(d, false), 2);
}

static void replace__changed_meanwhile__refused(void **state)
{
	const struct folder *d = *state;
	struct err e = ERR_INIT;
	struct stat was;
	assert_int_equal(stat(d->file, &was), 0);
	write_file(d->file, "somebody else's\n");
	assert_int_equal(
		file_replace(&replace_calls_real, d->file, &was, NEW, strlen(NEW), &e), -ESTALE);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_true(has(d->file, "somebody else's\n"));
	assert_int_equal(count_files(d, false), 1);
}

/* As it has been asked to change what is not there any more, it does not even begin. */
static void replace__changed_before__nothing_is_written(void **state)
{
	const struct folder *d = *state;
	struct stat was;
	assert_int_equal(stat(d->file, &was), 0);
	write_file(d->file, OTHER);
	assert_int_equal(file_replace(&fakes, d->file, &was, NEW, strlen(NEW), NULL), -ESTALE);
	assert_int_equal(fault.nr, 2); /* the folder is opened and closed */
}

/* Everything about a file that may tell that it is another one now, each alone. */
static void replace__one_thing_differs__refused(void **state)
{
	const struct folder *d = *state;
	struct stat was;
	assert_int_equal(stat(d->file, &was), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct stat other = was;
		other.st_dev += i == 0;
		other.st_ino += i == 1;
		other.st_size += i == 2;
		other.st_mtim.tv_sec += i == 3;
		other.st_mtim.tv_nsec += i == 4;
		assert_int_equal(
			file_replace(&fakes, d->file, &other, NEW, strlen(NEW), NULL), -ESTALE);
	}
	assert_true(has(d->file, OLD));
}

static void replace__another_file_meanwhile__refused(void **state)
{
	const struct folder *d = *state;
	struct stat was;
	write_file(d->link, OLD);
	assert_int_equal(stat(d->file, &was), 0);
	assert_int_equal(rename(d->link, d->file), 0);
	assert_int_equal(
		file_replace(&replace_calls_real, d->file, &was, NEW, strlen(NEW), NULL), -ESTALE);
	assert_true(has(d->file, OLD));
}

static void replace__no_such_file_or_a_folder__refused(void **state)
{
	const struct folder *d = *state;
	struct stat was;
	struct err e = ERR_INIT;
	assert_int_equal(stat(d->file, &was), 0);
	assert_int_equal(
		file_replace(&replace_calls_real, d->link, &was, NEW, strlen(NEW), &e), -ENOENT);
	assert_non_null(strstr(e.msg, d->link));
	assert_int_equal(
		file_replace(&replace_calls_real, d->dir, &was, NEW, strlen(NEW), &e), -EINVAL);
	assert_true(file_replace(&replace_calls_real, "/", &was, NEW, strlen(NEW), &e) < 0);
}

/* Runs it in a process of its own that ends at call number `at`; false: it came to its end. */
static bool kill_at(const struct folder *d, unsigned at, int kind)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fault.at = at;
		fault.kind = kind == FAULT_KILL ? FAULT_KILL : FAULT_KILL_AFTER;
		_exit(replace(d->file, &fakes, NULL) == 0 ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9);
	return WEXITSTATUS(status) == 9;
}

static void killed_at_every_call(const struct folder *d, int kind)
{
	unsigned at = 1, nr_old = 0, nr_new = 0;
	for (; kill_at(d, at, kind); at++) {
		bool old = has(d->file, OLD);
		assert_true(old || has(d->file, NEW));
		/* Never old again after new. */
		assert_true(!old || nr_new == 0);
		nr_old += old ? 1 : 0;
		nr_new += old ? 0 : 1;
		(void)count_files(d, /* clean */ true);
		write_file(d->file, OLD);
	}
	assert_true(has(d->file, NEW));
	/* Three opens, a mode, three writes, fsync and close, the rename; fsync and two closes.
	 */
	assert_true(at >= 13);
	assert_true(nr_old >= 8);
	assert_true(nr_new >= 2);
}

static void replace__killed_before_any_call__old_or_new(void **state)
{
	killed_at_every_call(*state, FAULT_KILL);
}

static void replace__killed_after_any_call__old_or_new(void **state)
{
	killed_at_every_call(*state, FAULT_KILL_AFTER);
}

static void replace__any_call_fails__old_or_new_and_nothing_left(void **state)
{
	const struct folder *d = *state;
	static const int codes[] = { EIO, ENOSPC, EACCES };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		unsigned last = 0;
		for (unsigned at = 1; at <= last + 1; at++) {
			struct err e = ERR_INIT;
			fault.nr = 0;
			fault.at = at;
			fault.kind = FAULT_FAIL;
			fault.code = codes[i];
			int rc = replace(d->file, &fakes, &e);
			last = fault.nr >= at ? at : last;
			assert_true(rc == 0 || rc == -codes[i]);
			assert_true(rc == 0 || e.msg[0] != '\0');
			bool old = has(d->file, OLD);
			assert_true(old || has(d->file, NEW));
			assert_true(rc < 0 || !old);
			assert_true(old || rc == 0 || strstr(e.msg, "is changed"));
			assert_int_equal(count_files(d, false), 1);
			write_file(d->file, OLD);
		}
		assert_true(last >= 10);
	}
}

static void replace__file_system_without_fsync_of_folders__is_no_error(void **state)
{
	const struct folder *d = *state;
	unsigned nr_einval_ok = 0;
	for (unsigned at = 1; at < 16; at++) {
		fault.nr = 0;
		fault.at = at;
		fault.kind = FAULT_FAIL;
		fault.code = EINVAL;
		if (replace(d->file, &fakes, NULL) == 0 && fault.nr >= at)
			nr_einval_ok++;
		write_file(d->file, OLD);
	}
	/* That fsync, and closing the old file and the folder. */
	assert_int_equal(nr_einval_ok, 3);
}

/* Whoever takes no lock may write at any time: until the new file is there, theirs stays. */
static void replace__somebody_else_writes_after_any_call_before_the_swap__refused(void **state)
{
	const struct folder *d = *state;
	unsigned at = 1;
	for (;; at++) {
		struct err e = ERR_INIT;
		fault.nr = 0;
		fault.at = at;
		fault.kind = FAULT_OTHER_WRITES;
		fault.other_path = d->file;
		int rc = replace(d->file, &fakes, &e);
		if (rc == 0)
			break;
		assert_int_equal(rc, -ESTALE);
		assert_non_null(strstr(e.msg, "was changed by someone else meanwhile"));
		assert_true(has(d->file, OTHER));
		assert_int_equal(count_files(d, false), 1);
		write_file(d->file, OLD);
	}
	/* Three opens, a mode, three writes, fsync and close come before; after the rename it is
	 * the new file that they write to. */
	assert_int_equal(at, 10);
	assert_true(has(d->file, OTHER));
}

#define REPLACE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLACE_TEST(replace__file__has_the_new_text_and_the_old_mode),
		REPLACE_TEST(replace__owner__is_kept),
		REPLACE_TEST(replace__owner_cannot_be_kept__no_access_for_another_group),
		REPLACE_TEST(replace__symbolic_link__stays_and_leads_to_the_new_text),
		REPLACE_TEST(replace__changed_meanwhile__refused),
		REPLACE_TEST(replace__changed_before__nothing_is_written),
		REPLACE_TEST(replace__one_thing_differs__refused),
		REPLACE_TEST(replace__another_file_meanwhile__refused),
		REPLACE_TEST(replace__somebody_else_writes_after_any_call_before_the_swap__refused),
		REPLACE_TEST(replace__no_such_file_or_a_folder__refused),
		REPLACE_TEST(replace__killed_before_any_call__old_or_new),
		REPLACE_TEST(replace__killed_after_any_call__old_or_new),
		REPLACE_TEST(replace__any_call_fails__old_or_new_and_nothing_left),
		REPLACE_TEST(replace__file_system_without_fsync_of_folders__is_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
