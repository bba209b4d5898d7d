/* SPDX-License-Identifier: MIT */
#include "config/toml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace
{

/* Thrown where a condition of the library's does not hold. */
struct library_fault {
};

[[noreturn]] void leave_library()
{
	throw library_fault{};
}

/*
 * The text is hostile, so that the library must neither abort where it finds itself wrong, nor (as
 * it does where NDEBUG is defined) take its conditions for granted and run on: it is left. Two
 * conditions do not hold for headers such as "[[[a]" in version 3.3.0; there it goes on, to its
 * own check of the same, which says what is wrong and where.
 */
void condition_failed(const char *condition)
{
	if (strcmp(condition, "is_bare_key_character(*cp) || is_string_delimiter(*cp)") != 0 &&
		strcmp(condition, "is_string_delimiter(*cp) || is_bare_key_character(*cp)") != 0)
		leave_library();
}

} // namespace

#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? (void)0 : condition_failed(#condition))
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/impl/preprocessor.h>
#include <toml++/impl/forward_declarations.h>
/*
 * Version 3.3.0 declares U+00A1 to U+0499 unreachable where it asks whether a character is white
 * space, which is undefined behaviour for every umlaut; "no" is the right answer there.
 */
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
/* Elsewhere a place that was thought unreachable is left as a condition that does not hold. */
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE leave_library()
#include <toml++/toml.h>

static_assert(TOML_MAX_NESTED_VALUES == TOML_MAX_DEPTH, "one limit, told to the library and to us");

namespace
{

int refuse(toml_fault *fault, toml::source_position at, const char *text)
{
	fault->line = at.line ? at.line : 1;
	fault->column = at.column ? at.column : 1;
	(void)snprintf(fault->text, sizeof(fault->text), "%s", text);
	return -EINVAL;
}

/*
 * A dotted key or table header makes one level a dot, which the library does not bound, and both
 * it and its destructors recurse. No key spans lines, so that dots on a line bound the depth of
 * one; dots inside strings count too, because telling them apart would take a second parser that
 * had to agree with the first in every case.
 */
int check_dots(std::string_view text, toml_fault *fault)
{
	toml::source_position at = { 1, 1 };
	unsigned dots = 0;
	for (char ch : text) {
		if (ch == '\n') {
			at = { at.line + 1, 1 };
			dots = 0;
			continue;
		}
		if (ch == '.' && ++dots > TOML_MAX_LINE_DOTS)
			return refuse(fault, at, "more than 128 dots on one line");
		at.column++;
	}
	return 0;
}

char *copy_text(const std::string &s)
{
	char *copy = static_cast<char *>(malloc(s.size() + 1));
	if (copy) {
		memcpy(copy, s.data(), s.size());
		copy[s.size()] = '\0';
	}
	return copy;
}

int convert(const toml::node &node, unsigned depth, toml_value *v, toml_fault *fault);

int convert_table(const toml::table &table, unsigned depth, toml_value *v, toml_fault *fault)
{
	for (const auto &[key, child] : table) {
		toml_value *item = &v->items[v->nr_items++];
		const toml::source_position at = key.source().begin;
		if (key.str().find('\0') != std::string_view::npos)
			return refuse(fault, at, "a key contains a NUL character");
		item->key = copy_text(std::string(key.str()));
		if (!item->key)
			return -ENOMEM;
		item->key_line = at.line;
		item->key_column = at.column;
		int ret = convert(child, depth + 1, item, fault);
		if (ret < 0)
			return ret;
	}
	std::sort(v->items, v->items + v->nr_items, [](const toml_value &a, const toml_value &b) {
		return a.key_line != b.key_line ? a.key_line < b.key_line
						: a.key_column < b.key_column;
	});
	return 0;
}

int convert_array(const toml::array &array, unsigned depth, toml_value *v, toml_fault *fault)
{
	for (const toml::node &child : array) {
		int ret = convert(child, depth + 1, &v->items[v->nr_items++], fault);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Allocates the items; nr_items grows as they are filled, so that a failure leaves a whole tree. */
int make_items(toml_value *v, size_t n)
{
	if (n == 0)
		return 0;
	v->items = static_cast<toml_value *>(calloc(n, sizeof(*v->items)));
	return v->items ? 0 : -ENOMEM;
}

int convert(const toml::node &node, unsigned depth, toml_value *v, toml_fault *fault)
{
	const toml::source_position at = node.source().begin;
	v->line = at.line;
	v->column = at.column;
	if (depth > TOML_MAX_DEPTH)
		return refuse(fault, at, "nested more than 16 deep");
	int ret = 0;
	if (const toml::table *table = node.as_table()) {
		v->type = TOML_TABLE;
		ret = make_items(v, table->size());
		return ret < 0 ? ret : convert_table(*table, depth, v, fault);
	}
	if (const toml::array *array = node.as_array()) {
		v->type = TOML_ARRAY;
		ret = make_items(v, array->size());
		return ret < 0 ? ret : convert_array(*array, depth, v, fault);
	}
	if (const auto *string = node.as_string()) {
		v->type = TOML_STRING;
		v->string_bytes = string->get().size();
		v->string = copy_text(string->get());
		return v->string ? 0 : -ENOMEM;
	}
	if (const auto *integer = node.as_integer()) {
		v->type = TOML_INTEGER;
		v->integer = integer->get();
	} else if (const auto *real = node.as_floating_point()) {
		v->type = TOML_FLOAT;
		v->real = real->get();
	} else if (const auto *boolean = node.as_boolean()) {
		v->type = TOML_BOOLEAN;
		v->boolean = boolean->get();
	} else {
		v->type = TOML_TIME;
	}
	return 0;
}

} // namespace

int toml_read(const char *text, size_t n, toml_value *ret_root, toml_fault *ret_fault)
{
	*ret_root = toml_value{};
	*ret_fault = toml_fault{};
	if (n > TOML_MAX_BYTES)
		return refuse(ret_fault, { 1, 1 }, "larger than 256 KiB");
	int ret = check_dots({ text, n }, ret_fault);
	if (ret < 0)
		return ret;
	/* The library throws nothing of its own: its containers do, when memory is out, and we do.
	 */
	try {
		toml::parse_result parsed = toml::parse(std::string_view{ text, n });
		if (!parsed) {
			/* The library names its own macro where a limit is met; users know none. */
			std::string reason{ parsed.error().description() };
			reason = reason.substr(0, reason.find(" (TOML_"));
			if (!reason.empty() && reason[0] == 'E')
				reason[0] = 'e';
			return refuse(ret_fault, parsed.error().source().begin, reason.c_str());
		}
		ret = convert(parsed.table(), 0, ret_root, ret_fault);
	} catch (const std::bad_alloc &) {
		ret = -ENOMEM;
	} catch (const library_fault &) {
		ret = refuse(
			ret_fault, { 1, 1 }, "not TOML, in a way that the parser cannot place");
	}
	if (ret < 0)
		toml_value_done(ret_root);
	return ret;
}

void toml_value_done(toml_value *v)
{
	for (size_t i = 0; i < v->nr_items; i++)
		toml_value_done(&v->items[i]);
	free(v->items);
	free(v->string);
	free(v->key);
	*v = toml_value{};
}

const char *toml_type_name(enum toml_type type)
{
	switch (type) {
	case TOML_STRING:
		return "a string";
	case TOML_INTEGER:
		return "an integer";
	case TOML_FLOAT:
		return "a float";
	case TOML_BOOLEAN:
		return "a boolean";
	case TOML_TIME:
		return "a date or time";
	case TOML_ARRAY:
		return "an array";
	case TOML_TABLE:
		return "a table";
	case TOML_NOTHING:
		break;
	}
	return "nothing";
}
