/* SPDX-License-Identifier: MIT */
/* What a replaced file keeps beside its bytes; and that on its way there it never lets in anybody
 * whom the old one did not. */
#include "config_test.h"

#include "base/fd.h"
#include "base/types.h"
#include "config/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OLD "the old content\n"
#define NEW "the new content, which is longer than the old one\n"
#define ACL "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"

/* Made-up users and groups. */
enum { OWNER = 1234, GROUP = 2345, NAMED = 3456, NAMED_GROUP = 4567, OTHER = 5678, EDITOR = 6789 };

struct folder {
	char dir[64], file[96];
};

/* --- access control lists, as linux/posix_acl_xattr.h has them --- */

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};
enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP_TAG = 8, MASK = 16, OTHERS = 32 };
#define NOBODY UINT32_MAX
#define MAX_ENTRIES 8

struct acl {
	uint32_t version;
	struct entry entries[MAX_ENTRIES];
};

/* The named user and group may do `named`, the owning group `group`. */
static const struct entry short_list[] = {
	{ USER_OBJ, 6, NOBODY },
	{ USER, 6, NAMED },
	{ GROUP_OBJ, 0, NOBODY },
	{ GROUP_TAG, 4, NAMED_GROUP },
	{ MASK, 6, NOBODY },
	{ OTHERS, 0, NOBODY },
};
/* For a user who is neither owner nor root. */
static const struct entry list_of_editor[] = {
	{ USER_OBJ, 6, NOBODY },
	{ USER, 6, EDITOR },
	{ GROUP_OBJ, 0, NOBODY },
	{ MASK, 6, NOBODY },
	{ OTHERS, 0, NOBODY },
};
/* Everything for somebody who is in no list of the file's. */
static const struct entry generous_list[] = {
	{ USER_OBJ, 7, NOBODY },
	{ USER, 7, OTHER },
	{ GROUP_OBJ, 7, NOBODY },
	{ GROUP_TAG, 7, OTHER },
	{ MASK, 7, NOBODY },
	{ OTHERS, 7, NOBODY },
};

/* False where the file system has no such lists. */
static bool set_acl(const char *path, const char *name, const struct entry *entries, size_t n)
{
	struct acl acl = { .version = 2 };
	memcpy(acl.entries, entries, n * sizeof(entries[0]));
	if (setxattr(path, name, &acl, sizeof(acl.version) + n * sizeof(entries[0]), 0) == 0)
		return true;
	assert_int_equal(errno, ENOTSUP);
	return false;
}

/* What (user, group) may do with a file: the access check of acl(5). */
static unsigned access_of(int dir, const char *name, uint32_t user, uint32_t group)
{
	char path[64];
	struct acl acl;
	struct stat st;
	FD_LOCAL fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t got = getxattr(path, ACL, &acl, sizeof(acl));
	unsigned mode = st.st_mode & 0777, mask = 7, in_group = 0;
	bool grouped = group == st.st_gid;
	if (user == st.st_uid)
		return mode >> 6;
	if (got < 0)
		return grouped ? mode >> 3 & 7 : mode & 7;
	size_t n = ((size_t)got - sizeof(acl.version)) / sizeof(acl.entries[0]);
	for (size_t i = 0; i < n; i++)
		mask = acl.entries[i].tag == MASK ? acl.entries[i].perm : mask;
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &acl.entries[i];
		if (e->tag == USER && e->id == user)
			return e->perm & mask;
		if ((e->tag == GROUP_OBJ && group == st.st_gid) ||
			(e->tag == GROUP_TAG && e->id == group)) {
			grouped = true;
			in_group |= e->perm & mask;
		}
	}
	return grouped ? in_group : mode & 7;
}

/* --- every call is followed by a look --- */

static struct {
	const char *dir; /* NULL: no look */
	unsigned nr, at; /* calls; the one to fail */
	int code;
	unsigned nr_looks;
	unsigned old[8][8]; /* access to the file as it was, by user and group */
} watch;

static const uint32_t users[] = { OWNER, NAMED, OTHER, 1 };
static const uint32_t groups[] = { GROUP, NAMED_GROUP, OTHER, EDITOR, 0, 1 };

static void remember(const struct folder *d)
{
	FD_LOCAL dir = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t u = 0; u < ARRAY_SIZE(users); u++) {
		for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
			watch.old[u][g] = access_of(dir, "vm.toml", users[u], groups[g]);
	}
	watch.dir = d->dir;
	watch.nr_looks = 0;
}

/* The file that is being made, until it has the old one's name. */
static void look(void)
{
	DIR *dir = watch.dir ? opendir(watch.dir) : NULL;
	if (!dir)
		return;
	int saved = errno;
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (strncmp(entry->d_name, ".nestor-edit", 12) != 0)
			continue;
		watch.nr_looks++;
		for (size_t u = 0; u < ARRAY_SIZE(users); u++) {
			for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
				unsigned is =
					access_of(dirfd(dir), entry->d_name, users[u], groups[g]);
				if (is & ~watch.old[u][g])
					fail_msg("after call %u user %u of group %u may do %u, "
						 "before %u",
						watch.nr, users[u], groups[g], is, watch.old[u][g]);
			}
		}
	}
	(void)closedir(dir);
	errno = saved;
}

static bool fails(void)
{
	if (++watch.nr != watch.at)
		return false;
	errno = watch.code;
	return true;
}

#define WATCHED(name, params, args)                                                                \
	static int watched_##name params                                                           \
	{                                                                                          \
		int rc = fails() ? -1 : replace_calls_real.name args;                              \
		look();                                                                            \
		return rc;                                                                         \
	}
WATCHED(openat, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
WATCHED(fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WATCHED(fchmod, (int fd, mode_t mode), (fd, mode))
WATCHED(fsetxattr, (int fd, const char *name, const void *value, size_t n, int flags),
	(fd, name, value, n, flags))
WATCHED(fremovexattr, (int fd, const char *name), (fd, name))
WATCHED(fsync, (int fd), (fd))
WATCHED(renameat, (int old_dir, const char *old_path, int new_dir, const char *new_path),
	(old_dir, old_path, new_dir, new_path))

static int watched_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == FS_IOC_GETFLAGS || request == FS_IOC_FSGETXATTR)
		return replace_calls_real.ioctl(fd, request, arg);
	int rc = fails() ? -1 : replace_calls_real.ioctl(fd, request, arg);
	look();
	return rc;
}

static ssize_t watched_write(int fd, const void *buf, size_t n)
{
	ssize_t rc = fails() ? -1 : write(fd, buf, n < 20 ? n : 20);
	look();
	return rc;
}

static const struct replace_calls watched = {
	.openat = watched_openat,
	.fchown = watched_fchown,
	.fchmod = watched_fchmod,
	.fsetxattr = watched_fsetxattr,
	.fremovexattr = watched_fremovexattr,
	.ioctl = watched_ioctl,
	.write = watched_write,
	.fsync = watched_fsync,
	.close = close,
	.renameat = watched_renameat,
	.unlinkat = unlinkat,
};

/* --- a folder with a file --- */

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
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/nestor-attributes-XXXXXX");
	if (!mkdtemp(d->dir))
		return -1;
	(void)snprintf(d->file, sizeof(d->file), "%s/vm.toml", d->dir);
	write_file(d->file, OLD);
	memset(&watch, 0, sizeof(watch));
	*state = d;
	return 0;
}

/* How many files there are in the folder. */
static unsigned count_files(const char *path, bool clean)
{
	unsigned nr = 0;
	DIR *dir = opendir(path);
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
	(void)count_files(d->dir, /* clean */ true);
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

static int replace(const struct folder *d, const struct replace_calls *calls, struct err *e)
{
	struct stat was;
	assert_int_equal(stat(d->file, &was), 0);
	return file_replace(calls, d->file, &was, NEW, strlen(NEW), e);
}

static void assert_refused(const struct folder *d, int code, const char *text)
{
	struct err e = ERR_INIT;
	unsigned nr = count_files(d->dir, /* clean */ false);
	assert_int_equal(replace(d, &replace_calls_real, &e), code);
	assert_non_null(strstr(e.msg, text));
	assert_true(e.hint[0] != '\0');
	assert_true(has(d->file, OLD));
	assert_int_equal(count_files(d->dir, /* clean */ false), nr);
}

/* Runs fn as a user who is not root; its value has to be 0. */
static int as_editor(const struct folder *d, int (*fn)(const struct folder *d))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(setgid(EDITOR) < 0 || setuid(EDITOR) < 0 ? 99 : fn(d));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* --- what is kept --- */

static void attributes__acl__kept_and_the_group_gets_nothing(void **state)
{
	const struct folder *d = *state;
	struct acl before, after;
	struct stat st;
	if (!set_acl(d->file, ACL, short_list, ARRAY_SIZE(short_list)))
		skip();
	ssize_t n = getxattr(d->file, ACL, &before, sizeof(before));
	assert_true(n > 0);
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(getxattr(d->file, ACL, &after, sizeof(after)), n);
	assert_memory_equal(&before, &after, (size_t)n);
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660); /* of which the middle is the mask */
	assert_int_equal(access_of(AT_FDCWD, d->file, OTHER, st.st_gid), 0);
}

static void attributes__extended_ones__kept(void **state)
{
	const struct folder *d = *state;
	/* linux/capability.h: a version 2 value without any capability. */
	static const char capability[] = "\1\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static const struct {
		const char *name, *value;
		size_t n;
	} all[] = {
		{ "user.comment", "of the lab", 10 },
		{ "user.empty", "", 0 },
		{ "trusted.backup", "\0\1", 2 },
		{ "security.selinux", "system_u:object_r:virt_etc_t:s0", 32 },
		{ "security.capability", capability, sizeof(capability) },
	};
	bool set[ARRAY_SIZE(all)];
	unsigned nr = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		set[i] = setxattr(d->file, all[i].name, all[i].value, all[i].n, 0) == 0;
		nr += set[i];
	}
	if (nr == 0)
		skip();
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char value[64];
		ssize_t n = getxattr(d->file, all[i].name, value, sizeof(value));
		assert_int_equal(n, set[i] ? (ssize_t)all[i].n : -1);
		if (set[i])
			assert_memory_equal(value, all[i].value, all[i].n);
	}
}

/* IMA's hash and EVM's seal are of the old bytes, and the kernel's to make. */
static void attributes__hashes_of_the_old_bytes__not_kept(void **state)
{
	const struct folder *d = *state;
	static const char hash[] = "\1hash of the old";
	if (setxattr(d->file, "security.ima", hash, sizeof(hash), 0) < 0)
		skip();
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	char value[64];
	ssize_t n = getxattr(d->file, "security.ima", value, sizeof(value));
	assert_true(n < 0 || (size_t)n != sizeof(hash) || memcmp(value, hash, sizeof(hash)) != 0);
}

static void attributes__default_acl_of_the_folder__not_taken(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	if (!set_acl(d->dir, DEFAULT_ACL, generous_list, ARRAY_SIZE(generous_list)))
		skip();
	assert_int_equal(chmod(d->file, 0640), 0);
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	assert_int_equal(getxattr(d->file, ACL, NULL, 0), -1);
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void attributes__group_of_a_set_group_id_folder__not_taken(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(d->dir, 0, OTHER), 0);
	assert_int_equal(chmod(d->dir, 02775), 0);
	assert_int_equal(chown(d->file, OWNER, GROUP), 0);
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_gid, GROUP);
}

static int replace_own(const struct folder *d)
{
	return replace(d, &replace_calls_real, NULL) != 0;
}

/* The kernel takes set-user-ID and set-group-ID when a user who is not root writes. */
static void attributes__mode_with_set_ids__kept(void **state)
{
	const struct folder *d = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(d->dir, EDITOR, EDITOR), 0);
	assert_int_equal(chown(d->file, EDITOR, EDITOR), 0);
	assert_int_equal(chmod(d->file, 07751), 0);
	assert_int_equal(as_editor(d, replace_own), 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 07751);
}

static bool flags_of(const char *path, int *ret_flags)
{
	FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC);
	return ioctl(fd, FS_IOC_GETFLAGS, ret_flags) == 0;
}

static bool set_flags(const char *path, int flags)
{
	FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC);
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static void attributes__flags__kept(void **state)
{
	const struct folder *d = *state;
	int before, after;
	if (!flags_of(d->file, &before) ||
		!set_flags(d->file, before | FS_NODUMP_FL | FS_NOATIME_FL))
		skip();
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	assert_true(flags_of(d->file, &after));
	assert_int_equal(after, before | FS_NODUMP_FL | FS_NOATIME_FL);
}

/* Few file systems have projects: one where the old file is of project 77, and a new one of the
 * folder's, 5. Shared with the fake, which has no argument. */
static struct {
	int old;          /* descriptor */
	uint32_t project; /* of the new file */
	bool forbidden;   /* as in a user namespace */
	unsigned nr_flags_set;
} projects;

static int ioctl_of_projects(int fd, unsigned long request, void *arg)
{
	struct fsxattr *x = arg;
	if (request == FS_IOC_SETFLAGS)
		projects.nr_flags_set++;
	if (request == FS_IOC_FSGETXATTR) {
		/* The old one is asked first. */
		projects.old = projects.old < 0 ? fd : projects.old;
		*x = (struct fsxattr){ .fsx_xflags = FS_XFLAG_NODUMP,
			.fsx_projid = fd == projects.old ? 77 : projects.project };
		return 0;
	}
	if (request == FS_IOC_FSSETXATTR) {
		errno = EINVAL;
		if (projects.forbidden || fd == projects.old || x->fsx_xflags != FS_XFLAG_NODUMP)
			return -1;
		projects.project = x->fsx_projid;
		return 0;
	}
	return replace_calls_real.ioctl(fd, request, arg);
}

static void attributes__project__kept_or_refused(void **state)
{
	const struct folder *d = *state;
	struct replace_calls calls = replace_calls_real;
	struct err e = ERR_INIT;
	calls.ioctl = ioctl_of_projects;
	projects.old = -1;
	projects.project = 5;
	assert_int_equal(replace(d, &calls, NULL), 0);
	assert_int_equal(projects.project, 77);
	write_file(d->file, OLD);
	projects.old = -1;
	projects.project = 5;
	projects.forbidden = true;
	assert_int_equal(replace(d, &calls, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "project"));
	assert_true(has(d->file, OLD));
	assert_int_equal(count_files(d->dir, /* clean */ false), 1);
	/* Of one project there is nothing to do. */
	projects.old = -1;
	projects.project = 77;
	assert_int_equal(replace(d, &calls, NULL), 0);
	assert_int_equal(projects.nr_flags_set, 0);
}

/* --- what is refused --- */

static void attributes__immutable_or_append_only__refused(void **state)
{
	const struct folder *d = *state;
	int before;
	if (!flags_of(d->file, &before) || !set_flags(d->file, before | FS_IMMUTABLE_FL))
		skip();
	assert_refused(d, -EPERM, "it is immutable");
	assert_true(set_flags(d->file, before | FS_APPEND_FL));
	assert_refused(d, -EPERM, "it is append-only");
	assert_true(set_flags(d->file, before));
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
}

static void attributes__hard_link__refused(void **state)
{
	const struct folder *d = *state;
	char other[128];
	(void)snprintf(other, sizeof(other), "%s/other.toml", d->dir);
	assert_int_equal(link(d->file, other), 0);
	assert_refused(d, -EMLINK, "it has 2 names (hard links)");
	assert_true(has(other, OLD));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
}

/* A process with mounts of its own; false where that may not be. */
static bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Runs fn in such a process; skips where it says 77. */
static void with_mounts(const struct folder *d, void (*fn)(const struct folder *d))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (!own_mounts())
			_exit(77);
		fn(d);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void refuse_bound(const struct folder *d)
{
	char origin[128];
	(void)snprintf(origin, sizeof(origin), "%s/origin", d->dir);
	write_file(origin, OLD);
	if (mount(origin, d->file, NULL, MS_BIND, NULL) < 0)
		_exit(77);
	assert_refused(d, -EBUSY, "it is a mount of its own");
	assert_true(has(origin, OLD));
	(void)umount(d->file);
}

static void attributes__bind_mount_on_the_file__refused(void **state)
{
	with_mounts(*state, refuse_bound);
}

/* ramfs has no extended attributes, and no flags. */
static void replace_on_ramfs(const struct folder *d)
{
	struct stat st;
	if (mount("none", d->dir, "ramfs", 0, NULL) < 0)
		_exit(77);
	write_file(d->file, OLD);
	assert_int_equal(chmod(d->file, 0640), 0);
	assert_int_equal(replace(d, &replace_calls_real, NULL), 0);
	assert_true(has(d->file, NEW));
	assert_int_equal(stat(d->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	(void)umount(d->dir);
}

static void attributes__file_system_without_them__is_no_error(void **state)
{
	with_mounts(*state, replace_on_ramfs);
}

static void refuse_when_full(const struct folder *d)
{
	char filler[128], block[4096] = "";
	(void)snprintf(filler, sizeof(filler), "%s/filler", d->dir);
	if (mount("none", d->dir, "tmpfs", 0, "size=64k") < 0)
		_exit(77);
	write_file(d->file, OLD);
	FD_LOCAL fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	struct err e = ERR_INIT;
	assert_int_equal(replace(d, &replace_calls_real, &e), -ENOSPC);
	assert_true(has(d->file, OLD));
	assert_int_equal(count_files(d->dir, /* clean */ false), 2);
	(void)umount2(d->dir, MNT_DETACH);
}

static void attributes__full_file_system__refused(void **state)
{
	with_mounts(*state, refuse_when_full);
}

static int refused_for_the_list(const struct folder *d)
{
	struct err e = ERR_INIT;
	return replace(d, &replace_calls_real, &e) != -EPERM ||
	       !strstr(e.msg, "to whom its access control list refers");
}

/* "The owner" and "the group" of the list would be others then. */
static void attributes__acl_of_another_owner__refused(void **state)
{
	const struct folder *d = *state;
	if (geteuid() != 0 || !set_acl(d->file, ACL, list_of_editor, ARRAY_SIZE(list_of_editor)))
		skip();
	assert_int_equal(chown(d->dir, EDITOR, EDITOR), 0);
	assert_int_equal(chown(d->file, OWNER, GROUP), 0);
	assert_int_equal(as_editor(d, refused_for_the_list), 0);
	assert_true(has(d->file, OLD));
	assert_int_equal(count_files(d->dir, /* clean */ false), 1);
}

/* Every attribute whose call fails is one that would be lost. */
static void attributes__any_call_fails__refused_or_as_it_was(void **state)
{
	const struct folder *d = *state;
	static const int codes[] = { EPERM, ENOTSUP, ENOSPC };
	int flags;
	unsigned nr_kept = set_acl(d->file, ACL, short_list, ARRAY_SIZE(short_list));
	nr_kept += setxattr(d->file, "user.comment", "x", 1, 0) == 0;
	if (flags_of(d->file, &flags))
		(void)set_flags(d->file, flags | FS_NODUMP_FL);
	ssize_t nr_names = listxattr(d->file, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		unsigned at = 1, nr_named = 0;
		int rc;
		do {
			struct err e = ERR_INIT;
			watch.nr = 0;
			watch.at = at++;
			watch.code = codes[i];
			rc = replace(d, &watched, &e);
			/* The last is to make the new name last. */
			assert_true(rc == 0 || rc == -codes[i]);
			assert_true(rc == 0 || has(d->file, OLD) || strstr(e.msg, "is changed"));
			nr_named += strstr(e.msg, "have the old one's access control list:") ||
				    strstr(e.msg,
					    "have the old one's extended attribute user.comment:");
			assert_int_equal(listxattr(d->file, NULL, 0), nr_names);
			assert_int_equal(count_files(d->dir, /* clean */ false), 1);
		} while (watch.nr >= watch.at && rc != 0 && has(d->file, OLD));
		assert_true(at > 8);
		assert_int_equal(nr_named, nr_kept);
		watch.at = 0;
		assert_int_equal(replace(d, &watched, NULL), 0);
		FD_LOCAL fd = open(d->file, O_WRONLY | O_TRUNC | O_CLOEXEC);
		assert_int_equal(write(fd, OLD, strlen(OLD)), strlen(OLD));
	}
}

/* --- on the way --- */

static const mode_t modes[] = { 0600, 0640, 0660, 0664, 0604, 0644, 0666, 0606, 0440, 0400, 0642 };

/* 0 where it went, with looks in between; only root may give the file to its owner. */
static int replace_watched(const struct folder *d)
{
	remember(d);
	int rc = replace(d, &watched, NULL);
	watch.dir = NULL;
	/* It is made, written in three pieces, and made to last. */
	return rc != 0 || watch.nr_looks < 5;
}

static void prepare(const struct folder *d, uid_t owner, gid_t group, mode_t mode)
{
	(void)unlink(d->file);
	write_file(d->file, OLD);
	assert_int_equal(chown(d->file, owner, group), 0);
	assert_int_equal(chmod(d->file, mode), 0);
}

static void attributes__on_the_way__nobody_gets_in_who_could_not_before(void **state)
{
	const struct folder *d = *state;
	if (geteuid() != 0)
		skip();
	for (unsigned variant = 0; variant < 8; variant++) {
		bool inherit = variant & 1, listed = variant & 2, set_group = variant & 4;
		assert_int_equal(chown(d->dir, 0, set_group ? OTHER : 0), 0);
		assert_int_equal(chmod(d->dir, set_group ? 02777 : 0777), 0);
		if (!inherit)
			(void)removexattr(d->dir, DEFAULT_ACL);
		else if (!set_acl(d->dir, DEFAULT_ACL, generous_list, ARRAY_SIZE(generous_list)))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
			prepare(d, OWNER, GROUP, modes[i]);
			if (!inherit)
				(void)removexattr(d->file, ACL);
			else
				assert_true(removexattr(d->file, ACL) == 0 || errno == ENODATA);
			assert_int_equal(chmod(d->file, modes[i]), 0);
			if (listed && !set_acl(d->file, ACL, short_list, ARRAY_SIZE(short_list)))
				continue;
			assert_int_equal(replace_watched(d), 0);
			struct stat st;
			assert_int_equal(stat(d->file, &st), 0);
			assert_int_equal(st.st_mode & 07777, listed ? 0660 : modes[i]);
		}
	}
}

/* The group cannot be kept, and who was of it is among the others now: they may not do more than
 * the group could, which is nothing of 0604. */
static void attributes__group_lost__nobody_gets_in_who_could_not_before(void **state)
{
	const struct folder *d = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(d->dir, EDITOR, EDITOR), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		prepare(d, EDITOR, GROUP, modes[i]);
		assert_int_equal(as_editor(d, replace_watched), 0);
		struct stat st;
		assert_int_equal(stat(d->file, &st), 0);
		mode_t both = modes[i] & modes[i] >> 3 & 7;
		assert_int_equal(st.st_mode & 0777, (modes[i] & 0700) | both);
	}
}

#define ATTRIBUTES_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ATTRIBUTES_TEST(attributes__acl__kept_and_the_group_gets_nothing),
		ATTRIBUTES_TEST(attributes__extended_ones__kept),
		ATTRIBUTES_TEST(attributes__hashes_of_the_old_bytes__not_kept),
		ATTRIBUTES_TEST(attributes__default_acl_of_the_folder__not_taken),
		ATTRIBUTES_TEST(attributes__group_of_a_set_group_id_folder__not_taken),
		ATTRIBUTES_TEST(attributes__mode_with_set_ids__kept),
		ATTRIBUTES_TEST(attributes__flags__kept),
		ATTRIBUTES_TEST(attributes__project__kept_or_refused),
		ATTRIBUTES_TEST(attributes__immutable_or_append_only__refused),
		ATTRIBUTES_TEST(attributes__hard_link__refused),
		ATTRIBUTES_TEST(attributes__bind_mount_on_the_file__refused),
		ATTRIBUTES_TEST(attributes__file_system_without_them__is_no_error),
		ATTRIBUTES_TEST(attributes__full_file_system__refused),
		ATTRIBUTES_TEST(attributes__acl_of_another_owner__refused),
		ATTRIBUTES_TEST(attributes__any_call_fails__refused_or_as_it_was),
		ATTRIBUTES_TEST(attributes__on_the_way__nobody_gets_in_who_could_not_before),
		ATTRIBUTES_TEST(attributes__group_lost__nobody_gets_in_who_could_not_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
