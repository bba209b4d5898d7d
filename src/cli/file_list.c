/* SPDX-License-Identifier: MIT */
#include "cli/file_list.h"

#include "base/analyzer.h"
#include "config/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* the list owns the path */
static int keep(struct file_list *l, char *path, struct err *e)
{
	if (!path)
		return err_set(e, -ENOMEM, "out of memory");
	if (l->nr_files == FILE_LIST_MAX) {
		free(path);
		return err_set_config(e, -E2BIG, "more than %d files", FILE_LIST_MAX);
	}
	if (l->nr_files == l->capacity) {
		size_t capacity = l->capacity ? l->capacity * 2 : 64;
		char **paths = reallocarray(l->paths, capacity, sizeof(*paths));
		if (!paths) {
			free(path);
			return err_set(e, -ENOMEM, "out of memory");
		}
		l->paths = paths;
		l->capacity = capacity;
	}
	l->paths[l->nr_files++] = path;
	return 0;
}
ANALYZER_END;

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct file_list *l, const char *path, struct err *e)
{
	char shown[256];
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, visible, by_bytes);
	if (n < 0) {
		int code = -errno;
		int rc = err_set_errno(e, code, "cannot read the folder %s",
			text_printable(shown, sizeof(shown), path, strlen(path)));
		if (e)
			e->kind = ERR_CONFIG;
		return rc;
	}
	int rc = 0;
	for (int i = 0; i < n; i++) {
		char *full = NULL;
		struct stat st;
		if (rc == 0 && asprintf(&full, "%s/%s", path, entries[i]->d_name) < 0)
			rc = err_set(e, -ENOMEM, "out of memory");
		else if (rc == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
			rc = keep(l, full, e);
		else if (rc == 0)
			free(full);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int file_list_add(struct file_list *l, const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(l, path, e);
	return keep(l, strdup(path), e);
}

static int cannot_read(const char *name, int code, struct err *e)
{
	(void)err_set_errno(e, code, "cannot read %s", name);
	if (e)
		e->kind = ERR_CONFIG;
	return code;
}

static int add_lines(struct file_list *l, FILE *in, const char *name, struct err *e)
{
	/* The size of a path that the kernel takes. */
	char line[4096];
	size_t n = 0, number = 1;
	for (;;) {
		int c = getc(in);
		if (c == EOF && ferror(in)) {
			return cannot_read(name, -errno, e);
		}
		if (c != EOF && c != '\n') {
			if (c == '\0' || n == sizeof(line) - 1)
				return err_set_config(
					e, -EINVAL, "%s:%zu: not the name of a file", name, number);
			line[n++] = (char)c;
			continue;
		}
		line[n] = '\0';
		int rc = n > 0 ? file_list_add(l, line, e) : 0;
		if (rc || c == EOF)
			return rc;
		n = 0;
		number++;
	}
}

int file_list_add_from(struct file_list *l, const char *path, struct err *e)
{
	char name[256] = "standard input";
	struct stat st;
	bool is_stdin = strcmp(path, "-") == 0;
	if (!is_stdin)
		(void)text_printable(name, sizeof(name), path, strlen(path));
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	if (!in)
		return cannot_read(name, -errno, e);
	int rc;
	if (fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
		rc = err_set_config(e, -EISDIR,
			"%s is a directory; expected a file with the names of files in it", name);
		(void)err_hint(e, rc, "give the directory itself as an argument");
	} else {
		rc = add_lines(l, in, name, e);
	}
	if (!is_stdin)
		(void)fclose(in);
	return rc;
}

void file_list_done(struct file_list *l)
{
	for (size_t i = 0; i < l->nr_files; i++)
		free(l->paths[i]);
	free(l->paths);
	*l = (struct file_list){ 0 };
}
