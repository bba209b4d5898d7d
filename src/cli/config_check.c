/* SPDX-License-Identifier: MIT */
/* nestor config check: what is wrong with a config on every host. */
#include "cli/config_check.h"

#include "cli/cli.h"
#include "policy/policy_file.h"
#include "render/findings_json.h"
#include "render/json_out.h"
#include "vm/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line each; a fix behind the last of those that have the same. */
static int print_text(const struct findings *found, const char *shown)
{
	int status = STATUS_CONFIG;
	if (found->n == 0) {
		(void)printf("%s: good\n", shown);
		return cli_flush(STATUS_OK);
	}
	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->items[i];
		const char *next = i + 1 < found->n ? found->items[i + 1].fix : NULL;
		bool again = f->fix && next && strcmp(f->fix, next) == 0;
		struct err e = { .kind = ERR_CONFIG };
		const struct fault what = { f->id, f->key, f->origin, f->fix };
		(void)fault_line(e.msg, sizeof(e.msg), &what, f->text);
		(void)snprintf(e.hint, sizeof(e.hint), "%s", f->fix && !again ? f->fix : "");
		status = cli_fail(&e);
	}
	return status;
}

static int print_json(const struct findings *found, const char *file)
{
	json_t *row = json_pack("{s:o, s:b, s:o}", "file", json_text(file), "good", found->n == 0,
		"findings", findings_json(found));
	int status = found->n ? STATUS_CONFIG : STATUS_OK;
	if (json_out(row, /* pretty */ true, stdout) != -ENOMEM)
		return cli_flush(status);
	struct err e = ERR_INIT;
	(void)err_set(&e, -ENOMEM, "out of memory");
	return cli_fail(&e);
}

int config_check(const struct config_args *args, bool json)
{
	const struct config_source source = config_args_source(args);
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	char shown[CLI_SHOWN_BYTES] = "flags";
	int status;
	if (args->file)
		(void)cli_shown(shown, args->file);
	if (policy_file_check(&source, POLICY_FILE_RUN, machine_check_files, &found, &e))
		status = cli_fail(&e);
	else
		status = json ? print_json(&found, args->file) : print_text(&found, shown);
	findings_done(&found);
	return status;
}
