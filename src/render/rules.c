/* SPDX-License-Identifier: MIT */
#include "render/rules.h"

#include "cpuid/edit.h"
#include "nesting/hyperv.h"
#include "nesting/nesting.h"
#include "render/json_out.h"
#include "render/paint.h"

static json_t *rule_json(const char *id, const char *title, const char *text)
{
	return json_pack(
		"{s:s, s:o, s:o}", "rule", id, "title", json_text(title), "text", json_text(text));
}

json_t *rules_json(void)
{
	size_t n;
	json_t *all = json_array();
	const struct cpu_rule *rules = cpu_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(
			all, rule_json(rules[i].id, rules[i].title, rules[i].text));
	rules = hyperv_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(
			all, rule_json(rules[i].id, rules[i].title, rules[i].text));
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(all, rule_json(nesting[i].id, nesting[i].why, NULL));
	return all;
}

static void put_rule(const struct paint *p, const char *id, const char *title, const char *text)
{
	paint_cell(p, PAINT_NAME, 9, "%s", id);
	paint(p, PAINT_BOLD, "%s", title);
	paint_end(p);
	if (!*text)
		return;
	paint(p, PAINT_PLAIN, "          %s", text);
	paint_end(p);
}

void rules_text(FILE *out)
{
	size_t n;
	const struct paint p = paint_to(out);
	const struct cpu_rule *rules = cpu_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(&p, rules[i].id, rules[i].title, rules[i].text);
	rules = hyperv_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(&p, rules[i].id, rules[i].title, rules[i].text);
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(&p, nesting[i].id, nesting[i].why, "");
}
