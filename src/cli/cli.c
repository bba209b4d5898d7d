/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include "base/text_buf.h"
#include "cli/stream.h"
#include "config/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	return isatty(STDERR_FILENO) == 1 && (!no_colour || !*no_colour);
}

/* One write per message, so that messages of several threads do not mix; each line has the prefix.
 * File names may hold anything, so what a terminal would obey is not printed. */
static void print_message(const char *label, const char *start, const char *text)
{
	char out[5120];
	struct text_buf lines = TEXT_BUF(out);
	const char *end_colour = colour() && *start ? "\033[0m" : "";
	for (const char *line = text; *line;) {
		char printable[1100];
		size_t n = strcspn(line, "\n");
		(void)text_printable(printable, sizeof(printable), line, n);
		/* Raw terminals and plain files both take \n: output processing stays on in raw
		 * mode. */
		(void)text_buf_add(&lines, "nestor: %s%s%s%s\n", colour() ? start : "", label,
			end_colour, printable);
		line += n + (line[n] == '\n');
	}
	(void)fwrite(out, 1, lines.used, stderr);
	(void)fflush(stderr);
}

int cli_fail(const struct err *e)
{
	print_message("error: ", "\033[1;31m", e->msg);
	if (e->hint[0])
		print_message("hint: ", "\033[1m", e->hint);
	switch (e->kind) {
	case ERR_HOST:
		return STATUS_HOST;
	case ERR_CONFIG:
		return STATUS_CONFIG;
	case ERR_BUG:
		break;
	}
	return STATUS_BUG;
}

int cli_usage(const char *command, const char *fmt, ...)
{
	struct err e = { .kind = ERR_CONFIG };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	(void)err_hint(&e, 0, "see `%s --help`", command);
	return cli_fail(&e);
}

static void print_report(void *ctx, enum report_level level, const char *text)
{
	(void)ctx;
	switch (level) {
	case REPORT_DEBUG:
		print_message("debug: ", "\033[2m", text);
		break;
	case REPORT_INFO:
		print_message("", "", text);
		break;
	case REPORT_WARN:
		print_message("warning: ", "\033[1;33m", text);
		break;
	case REPORT_ERROR:
		print_message("error: ", "\033[1;31m", text);
		break;
	}
}

struct reporter cli_reporter(enum report_level least)
{
	return (struct reporter){ .fn = print_report, .ctx = NULL, .least = least };
}

const char *cli_shown(char shown[CLI_SHOWN_BYTES], const char *text)
{
	return text_printable(shown, CLI_SHOWN_BYTES, text, strlen(text));
}

int cli_flush(int status)
{
	int rc = stream_flush(stdout);
	if (rc == 0)
		return status;
	/* A reader that has seen enough (`| head`) needs no message; the status says it. */
	if (rc == -EPIPE)
		return status == STATUS_OK ? STATUS_HOST : status;
	struct err e = ERR_INIT;
	(void)err_set_errno(&e, rc, "cannot write standard output");
	return status == STATUS_OK ? cli_fail(&e) : status;
}
