/* SPDX-License-Identifier: MIT */
#include "host/cgroup.h"

#include "host/kernel_text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Version 1 says "no limit" by a number near 2^63, which depends on the page size. */
#define NO_LIMIT_FROM (UINT64_C(1) << 62)

/* Whether word is among those that separators part. */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	while (*text) {
		size_t length = strcspn(text, ",");
		if (length == n && strncmp(text, word, n) == 0)
			return true;
		text += length + (text[length] == ',');
	}
	return false;
}

/* /proc/self/cgroup: a hierarchy's number, its controllers and the path in it, by colons. */
struct membership {
	const char *controller;
	char path_v1[PATH_MAX], path_v2[PATH_MAX];
	bool has_v1, has_v2;
};

static bool take_membership(void *ctx, char *line)
{
	struct membership *m = ctx;
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return true;
	controllers++;
	*path++ = '\0';
	if (*controllers == '\0') {
		m->has_v2 = true;
		(void)snprintf(m->path_v2, sizeof(m->path_v2), "%s", path);
	} else if (has_word(controllers, m->controller)) {
		m->has_v1 = true;
		(void)snprintf(m->path_v1, sizeof(m->path_v1), "%s", path);
	}
	return true;
}

/* Of a field of mountinfo, in place: \040 is a blank. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *p = text; *p;) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
			p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

/* The rest of path below above, both of folders; NULL where it is not below. */
static const char *below(const char *path, const char *above)
{
	size_t n = strlen(above);
	if (strcmp(above, "/") == 0)
		return path;
	if (strncmp(path, above, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path + n;
}

struct mount_search {
	const char *root;
	unsigned version;
	const char *controller; /* of version 1 */
	const char *path;       /* in the hierarchy */
	struct cgroup *ret;
};

/*
 * A line of /proc/self/mountinfo: ID, parent, device, root, mount point, options, any number of
 * fields, "-", type, source, options of the file system. root is the folder of the hierarchy that
 * is mounted there: a container often sees no more than its own.
 */
static bool take_mount(void *ctx, char *line)
{
	struct mount_search *s = ctx;
	char *fields[5], *rest = line;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!rest)
			return true;
	}
	char *tail = strstr(rest, " - ");
	if (!tail)
		return true;
	tail += 3;
	const char *type = strsep(&tail, " ");
	(void)strsep(&tail, " ");
	bool is_it = tail && (s->version == 2 ? strcmp(type, "cgroup2") == 0
					      : strcmp(type, "cgroup") == 0 &&
							has_word(tail, s->controller));
	if (!is_it)
		return true;
	unescape(fields[3]);
	unescape(fields[4]);
	const char *inside = below(s->path, fields[3]);
	struct cgroup *c = s->ret;
	/* One that leads to the process's own cgroup, or else any. */
	if (c->version && !inside)
		return true;
	int n = snprintf(c->path, sizeof(c->path), "%s%s", s->root, fields[4]);
	if (n < 0 || (size_t)n >= sizeof(c->path))
		return true;
	c->version = s->version;
	c->root_bytes = strlen(s->root);
	c->mount_bytes = (size_t)n;
	c->counts_hugetlb = s->version == 2 && has_word(tail, "memory_hugetlb_accounting");
	if (inside && strcmp(inside, "/") != 0 && strncmp(inside, "/..", 3) != 0)
		(void)snprintf(c->path + n, sizeof(c->path) - (size_t)n, "%s", inside);
	return !inside;
}

static void find_mount(struct mount_search *s)
{
	struct stat st;
	s->ret->version = 0;
	if (!kernel_text_lines(s->root, "/proc/self/mountinfo", take_mount, s))
		return;
	/* A path of another namespace: what is seen at the top is all that there is to see. */
	if (s->ret->version && stat(s->ret->path, &st) < 0)
		s->ret->path[s->ret->mount_bytes] = '\0';
}

void cgroup_find(const char *root, const char *controller, struct cgroup *ret)
{
	struct membership m = { .controller = controller };
	struct mount_search s = { .root = root, .controller = controller, .ret = ret };
	*ret = (struct cgroup){ 0 };
	if (!kernel_text_lines(root, "/proc/self/cgroup", take_membership, &m))
		return;
	if (m.has_v1) {
		s.version = 1;
		s.path = m.path_v1;
		find_mount(&s);
	}
	if (ret->version == 0 && m.has_v2) {
		s.version = 2;
		s.path = m.path_v2;
		find_mount(&s);
	}
}

bool cgroup_up(struct cgroup *c)
{
	size_t n = strlen(c->path);
	while (n > c->mount_bytes && c->path[n - 1] == '/')
		n--;
	if (n <= c->mount_bytes)
		return false;
	while (n > c->mount_bytes && c->path[n - 1] != '/')
		n--;
	while (n > c->mount_bytes && c->path[n - 1] == '/')
		n--;
	c->path[n] = '\0';
	return true;
}

static bool take_first(void *ctx, char *line)
{
	uint64_t *value = ctx;
	*value = *line >= '0' && *line <= '9' ? kernel_text_number(line) : UINT64_MAX;
	if (*value >= NO_LIMIT_FROM)
		*value = UINT64_MAX;
	return false;
}

bool cgroup_number(const struct cgroup *c, const char *file, uint64_t *ret)
{
	char name[128];
	*ret = UINT64_MAX;
	(void)snprintf(name, sizeof(name), "/%s", file);
	return kernel_text_lines(c->path, name, take_first, ret);
}

uint64_t cgroup_stat(const struct cgroup *c, const char *file, const char *key)
{
	char name[128], begin[64];
	uint64_t value = 0;
	(void)snprintf(name, sizeof(name), "/%s", file);
	(void)snprintf(begin, sizeof(begin), "%s ", key);
	return kernel_text_find(c->path, name, begin, &value) ? value : 0;
}

const char *cgroup_name(const struct cgroup *c)
{
	return c->path + c->root_bytes;
}
