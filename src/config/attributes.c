/* SPDX-License-Identifier: MIT */
#include "config/attributes.h"

#include "base/types.h"
#include "config/text.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#define ACL "system.posix_acl_access" /* acl(5) as an extended attribute; what Linux has alone */
/* linux/limits.h: XATTR_LIST_MAX and XATTR_SIZE_MAX */
#define LIST_BYTES 65536
#define VALUE_BYTES 65536

struct giving {
	const struct replace_calls *calls;
	int from, to;
	const struct stat *was;
	const char *shown;
	struct err *e;
	char *names;   /* of from's extended attributes, one behind the other */
	size_t nr;     /* bytes of names */
	char *value;   /* VALUE_BYTES */
	char *present; /* VALUE_BYTES: what `to` has by now */
};

int attributes_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

/* --- flags, and project --- */

/* Those that lsattr(1) shows as i, a, V. */
static const struct {
	int flag;
	const char *what, *hint;
} forbidding[] = {
	{ FS_IMMUTABLE_FL, "immutable", "chattr -i" },
	{ FS_APPEND_FL, "append-only", "chattr -a" },
	{ FS_VERITY_FL, "sealed by fs-verity", NULL },
};

int attributes_check(int fd, const char *shown, struct err *e)
{
	int flags = 0;
	if (attributes_ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(forbidding); i++) {
		if (!(flags & forbidding[i].flag))
			continue;
		int rc = err_set_config(
			e, -EPERM, "cannot change %s: it is %s", shown, forbidding[i].what);
		return forbidding[i].hint ? err_hint(e, rc, "%s it first", forbidding[i].hint)
					  : err_hint(e, rc, "put a copy of it in its place first");
	}
	return 0;
}

/* The kinds of storage and writing that a user chooses for a file; the rest is the file system's
 * own. */
#define KEPT_FLAGS                                                                                 \
	(FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL)

static int fail(const struct giving *g, const char *what)
{
	int rc = err_set_errno(g->e, errno ? -errno : -EIO,
		"cannot change %s: the new file cannot %s", g->shown, what);
	return err_hint(g->e, rc, "nothing is changed; edit it as its owner, as root, or by hand");
}

/* While it is empty: some file systems take FS_NOCOW_FL only then. */
static int give_flags(const struct giving *g)
{
	int from, to;
	if (g->calls->ioctl(g->from, FS_IOC_GETFLAGS, &from) < 0 ||
		g->calls->ioctl(g->to, FS_IOC_GETFLAGS, &to) < 0)
		return 0;
	int wanted = (to & ~KEPT_FLAGS) | (from & KEPT_FLAGS);
	if (wanted == to || g->calls->ioctl(g->to, FS_IOC_SETFLAGS, &wanted) == 0)
		return 0;
	return fail(g, "have the old one's flags (chattr)");
}

static int give_project(const struct giving *g)
{
	struct fsxattr from, to;
	if (g->calls->ioctl(g->from, FS_IOC_FSGETXATTR, &from) < 0 ||
		g->calls->ioctl(g->to, FS_IOC_FSGETXATTR, &to) < 0 ||
		from.fsx_projid == to.fsx_projid)
		return 0;
	to.fsx_projid = from.fsx_projid;
	return g->calls->ioctl(g->to, FS_IOC_FSSETXATTR, &to) == 0
		       ? 0
		       : fail(g, "have the old one's project (chattr -p)");
}

/* --- extended attributes, ACLs among them --- */

static bool starts(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/*
 * The namespaces of xattr(7), and the one of btrfs's properties. What other names say is where a
 * file system put the bytes (lustre.lov), and of the new file's. IMA's and EVM's are made by the
 * kernel, of bytes and inode.
 */
static bool is_kept(const char *name)
{
	if (strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0)
		return false;
	return starts(name, "system.") || starts(name, "security.") || starts(name, "trusted.") ||
	       starts(name, "user.") || starts(name, "btrfs.");
}

static int fail_xattr(const struct giving *g, const char *name)
{
	char shown[96], what[160];
	if (strcmp(name, ACL) == 0)
		return fail(g, "have the old one's access control list");
	(void)snprintf(what, sizeof(what), "have the old one's extended attribute %s",
		text_printable(shown, sizeof(shown), name, strlen(name)));
	return fail(g, what);
}

static int give_xattr(const struct giving *g, const char *name)
{
	ssize_t n = fgetxattr(g->from, name, g->value, VALUE_BYTES);
	if (n < 0) /* ENODATA: gone again, or not for this user */
		return errno == ENODATA ? 0 : fail_xattr(g, name);
	ssize_t has = fgetxattr(g->to, name, g->present, VALUE_BYTES);
	if (has == n && memcmp(g->value, g->present, (size_t)n) == 0)
		return 0;
	return g->calls->fsetxattr(g->to, name, g->value, (size_t)n, /* flags */ 0) == 0
		       ? 0
		       : fail_xattr(g, name);
}

static bool has_name(const struct giving *g, const char *name)
{
	for (size_t at = 0; at < g->nr; at += strlen(g->names + at) + 1) {
		if (strcmp(g->names + at, name) == 0)
			return true;
	}
	return false;
}

/* A folder's default ACL went to the new file, and lets in whom it names as soon as the mode has
 * bits for the group. */
static int drop_inherited_acl(const struct giving *g)
{
	if (has_name(g, ACL) || fgetxattr(g->to, ACL, NULL, 0) < 0)
		return 0;
	return g->calls->fremovexattr(g->to, ACL) == 0 || errno == ENODATA
		       ? 0
		       : fail(g, "be without the access control list of its folder");
}

static int give_xattrs(const struct giving *g)
{
	int rc = drop_inherited_acl(g);
	/* The access first, so that nothing of the rest is seen by others meanwhile. */
	if (rc == 0 && has_name(g, ACL))
		rc = give_xattr(g, ACL);
	for (size_t at = 0; rc == 0 && at < g->nr; at += strlen(g->names + at) + 1) {
		const char *name = g->names + at;
		if (is_kept(name))
			rc = give_xattr(g, name);
	}
	return rc;
}

/* --- owner, and mode --- */

static void give_owner(const struct giving *g, const struct stat *is)
{
	const struct stat *was = g->was;
	if (is->st_uid == was->st_uid && is->st_gid == was->st_gid)
		return;
	/* Whether it went well is looked at afterwards. */
	if (g->calls->fchown(g->to, was->st_uid, was->st_gid) < 0 && is->st_gid != was->st_gid) {
		int rc = g->calls->fchown(g->to, (uid_t)-1, was->st_gid);
		(void)rc;
	}
}

/* What was for one owner or group is not for another; and who belonged to the lost one is among the
 * others now, who then may do no more than that group could. */
static mode_t mode_for(const struct stat *was, const struct stat *is)
{
	mode_t mode = was->st_mode & 07777;
	if (is->st_uid != was->st_uid)
		mode &= ~(mode_t)S_ISUID;
	if (is->st_gid == was->st_gid)
		return mode;
	mode_t others = mode & (mode >> 3) & S_IRWXO;
	return (mode & ~(mode_t)(S_IRWXG | S_IRWXO | S_ISGID)) | others;
}

static int give_mode(const struct giving *g)
{
	struct stat is;
	if (fstat(g->to, &is) < 0)
		return fail(g, "have the old one's mode");
	mode_t mode = mode_for(g->was, &is);
	if ((is.st_mode & 07777) == mode || g->calls->fchmod(g->to, mode) == 0)
		return 0;
	return fail(g, "have the old one's mode");
}

/* --- all of it --- */

static int begin(struct giving *g)
{
	g->names = malloc(LIST_BYTES);
	g->value = malloc(VALUE_BYTES);
	g->present = malloc(VALUE_BYTES);
	if (!g->names || !g->value || !g->present)
		return err_set(g->e, -ENOMEM, "out of memory");
	ssize_t n = flistxattr(g->from, g->names, LIST_BYTES);
	if (n < 0 && errno != ENOTSUP && errno != ENOSYS)
		return fail(g, "have the old one's extended attributes");
	g->nr = n < 0 ? 0 : (size_t)n;
	return 0;
}

static void end(struct giving *g)
{
	free(g->names);
	free(g->value);
	free(g->present);
}

int attributes_give_again(const struct replace_calls *calls, int from, const struct stat *was,
	int to, const char *shown, struct err *e)
{
	struct giving g = {
		.calls = calls, .from = from, .to = to, .was = was, .shown = shown, .e = e
	};
	struct stat is;
	int rc = begin(&g);
	if (rc == 0 && fstat(to, &is) < 0)
		rc = fail(&g, "have the old one's owner");
	/* The entries of the list for "the owner" and "the group" would speak of others. */
	if (rc == 0 && has_name(&g, ACL) &&
		(is.st_uid != was->st_uid || is.st_gid != was->st_gid)) {
		errno = EPERM;
		rc = fail(&g, "have the old one's owner or group, to whom its access control list "
			      "refers");
	}
	if (rc == 0)
		rc = give_xattrs(&g);
	if (rc == 0)
		rc = give_mode(&g);
	end(&g);
	return rc;
}

int attributes_give(const struct replace_calls *calls, int from, const struct stat *was, int to,
	const char *shown, struct err *e)
{
	const struct giving g = {
		.calls = calls, .from = from, .to = to, .was = was, .shown = shown, .e = e
	};
	struct stat is;
	int rc = give_flags(&g);
	if (rc == 0)
		rc = give_project(&g);
	if (rc == 0 && fstat(to, &is) < 0)
		rc = fail(&g, "have the old one's owner");
	if (rc)
		return rc;
	give_owner(&g, &is);
	return attributes_give_again(calls, from, was, to, shown, e);
}
