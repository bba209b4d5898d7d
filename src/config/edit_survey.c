/* SPDX-License-Identifier: MIT */
#include "config/edit_survey.h"

/* The section that a line is in. */
struct section {
	bool on_path; /* its header is the beginning of the path */
	size_t from;  /* parts of its header; 0: the root */
};

static bool survey_braces(const char *text, struct toml_span value, const struct toml_path *path,
	size_t from, struct edit_survey *sv);

/* A key and its value were read; true where there is no more to do, or it could be done. */
static bool note_pair(const char *text, const struct toml_path *path, size_t from,
	struct toml_match match, struct toml_span value, bool in_braces, struct toml_span pair,
	struct edit_survey *sv)
{
	if (match.same < match.nr)
		return true;
	if (from + match.nr == path->nr) {
		sv->nr_found++;
		sv->pair = pair;
		sv->value = value;
		sv->in_braces = in_braces;
		return true;
	}
	if (text[value.begin] != '{')
		return true;
	return survey_braces(text, value, path, from + match.nr, sv);
}

static bool read_pair(struct toml_scan *s, const struct toml_path *path, size_t from,
	struct toml_match *ret_match, struct toml_span *ret_value)
{
	if (!toml_scan_key(s, path, from, ret_match) || !toml_scan_byte(s, '='))
		return false;
	toml_scan_blanks(s);
	return toml_scan_value(s, ret_value);
}

/* An inline table to which the first `from` parts of the path lead: at most TOML_PATH_MAX of them
 * are in one another. */
static bool survey_braces(const char *text, struct toml_span value, const struct toml_path *path,
	size_t from, struct edit_survey *sv)
{
	struct toml_scan s = { .text = text, .n = value.end, .at = value.begin + 1 };
	sv->braces.have = true;
	sv->braces.begin = sv->braces.last = s.at;
	sv->braces.from = from;
	toml_scan_blanks(&s);
	if (toml_scan_byte(&s, '}'))
		return s.at == value.end;
	size_t last = s.at;
	bool deeper = false;
	do {
		struct toml_match match;
		struct toml_span inner;
		toml_scan_blanks(&s);
		struct toml_span pair = { .begin = s.at };
		if (!read_pair(&s, path, from, &match, &inner))
			return false;
		pair.end = last = s.at;
		if (!note_pair(text, path, from, match, inner, /* in_braces */ true, pair, sv))
			return false;
		deeper |= sv->braces.from > from;
		toml_scan_blanks(&s);
	} while (toml_scan_byte(&s, ','));
	if (!deeper)
		sv->braces.last = last;
	return toml_scan_byte(&s, '}') && s.at == value.end;
}

static bool survey_header(struct toml_scan *s, const struct toml_path *path,
	struct toml_span indent, struct section *section, struct edit_survey *sv)
{
	struct toml_match match;
	(void)toml_scan_byte(s, '[');
	bool element = toml_scan_byte(s, '[');
	if (!toml_scan_key(s, path, 0, &match) || !toml_scan_byte(s, ']') ||
		(element && !toml_scan_byte(s, ']')) || !toml_scan_line_end(s))
		return false;
	section->on_path = !element && match.same == match.nr;
	section->from = match.nr;
	if (section->on_path && match.nr == path->nr - 1)
		sv->section = (struct edit_line){ true, s->at, indent, match.nr };
	return true;
}

static bool survey_line(struct toml_scan *s, const struct toml_path *path, struct toml_span indent,
	const struct section *section, struct edit_survey *sv)
{
	struct toml_match match;
	struct toml_span value, pair = { .begin = s->at };
	size_t from = section->on_path ? section->from : path->nr;
	size_t found = sv->nr_found;
	if (!read_pair(s, path, from, &match, &value))
		return false;
	pair.end = s->at;
	if (!toml_scan_line_end(s))
		return false;
	if (!section->on_path)
		return true;
	if (!note_pair(s->text, path, from, match, value, /* in_braces */ false, pair, sv))
		return false;
	if (sv->nr_found > found)
		sv->line = (struct toml_span){ indent.begin, s->at };
	struct edit_line line = { true, s->at, indent, from };
	if (from + 1 == path->nr) {
		sv->section = line;
		sv->section_has_keys = true;
	} else if (from + match.same + 1 >= path->nr && from + match.nr >= path->nr) {
		sv->dotted = line;
	}
	return true;
}

bool edit_survey(
	const char *text, size_t n, const struct toml_path *path, struct edit_survey *ret_survey)
{
	struct toml_scan s = { .text = text, .n = n, .at = toml_scan_mark(text, n) };
	struct section section = { .on_path = true, .from = 0 };
	*ret_survey = (struct edit_survey){ 0 };
	if (path->nr == 1)
		ret_survey->section = (struct edit_line){ true, s.at, { s.at, s.at }, 0 };
	while (s.at < n) {
		struct toml_span indent = { .begin = s.at };
		toml_scan_blanks(&s);
		indent.end = s.at;
		if (toml_scan_line_end(&s))
			continue;
		bool ok = text[s.at] == '[' ? survey_header(&s, path, indent, &section, ret_survey)
					    : survey_line(&s, path, indent, &section, ret_survey);
		if (!ok)
			return false;
	}
	return true;
}
