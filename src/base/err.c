/* SPDX-License-Identifier: MIT */
#undef NESTOR_ANALYZER /* which has macros of these names */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int __attribute__((format(printf, 4, 0)))
set_v(struct err *e, enum err_kind kind, int code, const char *fmt, va_list ap)
{
	if (e) {
		e->kind = kind;
		e->hint[0] = '\0';
		e->reason_at = 0;
		(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	}
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_v(e, ERR_HOST, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_set_config(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_v(e, ERR_CONFIG, code, fmt, ap);
	va_end(ap);
	return code;
}

/* Which limit, and how to raise it: of these two the number alone helps nobody. */
static void hint_descriptors(struct err *e, int code)
{
	struct rlimit limit;
	if (code == -ENFILE)
		(void)err_hint(e, code,
			"all programs of this host together may have no more open: raise "
			"fs.file-max "
			"(sysctl), or end some");
	if (code != -EMFILE)
		return;
	(void)err_hint(e, code,
		"this process may have no more descriptors: raise the limit (ulimit -n, or "
		"LimitNOFILE= of a systemd unit)");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		(void)err_hint(e, code,
			"this process may have %llu descriptors: raise the limit (ulimit -n, or "
			"LimitNOFILE= of a systemd unit)",
			(unsigned long long)limit.rlim_cur);
}

int err_set_errno(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_v(e, ERR_HOST, code, fmt, ap);
	va_end(ap);
	if (e) {
		char text[128];
		size_t used = strlen(e->msg);
		(void)snprintf(e->msg + used, sizeof(e->msg) - used, ": %s",
			strerror_r(-code, text, sizeof(text)));
		hint_descriptors(e, code);
	}
	return code;
}

int err_wrap(struct err *e, int code, const char *fmt, ...)
{
	if (!e)
		return code;
	char head[512];
	char old[sizeof(e->msg)];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	(void)memcpy(old, e->msg, sizeof(old));
	size_t head_len = strlen(head);
	(void)memcpy(e->msg, head, head_len);
	/* What does not fit any more is cut off at the end, as everywhere here. */
	(void)snprintf(e->msg + head_len, sizeof(e->msg) - head_len, ": %.*s",
		(int)(sizeof(e->msg) - head_len), old);
	e->reason_at = head_len + 2;
	return code;
}

const char *err_reason(const struct err *e)
{
	return e->msg + (e->reason_at < strlen(e->msg) ? e->reason_at : 0);
}

int err_add_config(struct err *e, int code, const char *fmt, ...)
{
	char line[sizeof(e->msg)];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!e)
		return code;
	size_t used = strlen(e->msg);
	if (used == 0)
		return err_set_config(e, code, "%s", line);
	e->kind = ERR_CONFIG;
	size_t n = strlen(line);
	if (used + 1 + n < sizeof(e->msg)) {
		e->msg[used] = '\n';
		(void)memcpy(e->msg + used + 1, line, n + 1);
	}
	return code;
}

int err_hint(struct err *e, int code, const char *fmt, ...)
{
	if (e) {
		va_list ap;
		va_start(ap, fmt);
		(void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
		va_end(ap);
	}
	return code;
}
