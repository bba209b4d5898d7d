/* SPDX-License-Identifier: MIT */
#include "config/toml_reader.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

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
 * conditions do not hold for headers such as "[[[a]" in versions 3.3.0 and 3.4.0; there it goes
 * on, to its own check of the same, which says what is wrong and where.
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
/* Else numbers with a fraction go through a stream, and with those come locales: a sixth of a
 * static program, and set up at each start. */
#define TOML_FLOAT_CHARCONV 1
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 16
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

/* A character in UTF-8; 0 bytes: none, or a malformed one. */
struct character {
	char32_t code;
	size_t bytes;
};

character character_at(std::string_view text, size_t i)
{
	static constexpr char32_t first_of[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const auto lead = static_cast<unsigned char>(text[i]);
	if (lead < 0x80)
		return { lead, 1 };
	const size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (lead < 0xc0 || lead >= 0xf8 || n > text.size() - i)
		return { 0, 0 };
	char32_t code = lead & (0x7fu >> n);
	for (size_t k = 1; k < n; k++) {
		const auto next = static_cast<unsigned char>(text[i + k]);
		if ((next & 0xc0) != 0x80)
			return { 0, 0 };
		code = code << 6 | (next & 0x3fu);
	}
	if (code < first_of[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return { 0, 0 };
	return { code, n };
}

void append(std::string &to, char32_t code)
{
	if (code < 0x800) {
		to += static_cast<char>(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			to += static_cast<char>(0xe0 | code >> 12);
		} else {
			to += static_cast<char>(0xf0 | code >> 18);
			to += static_cast<char>(0x80 | (code >> 12 & 0x3f));
		}
		to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
	}
	to += static_cast<char>(0x80 | (code & 0x3f));
}

/*
 * Where versions 3.3.0 and 3.4.0 ask whether a character is white space, they declare many of
 * U+00A1 to U+FEFE unreachable, all umlauts among them, which is undefined behaviour. They are
 * kept from the library: it reads each one's stand-in, the character of the same low 16 bits in a
 * plane of Unicode beyond, of which the text has none; what comes out of it is turned back. What
 * the library does know as white space has none. A stand-in is one character too, so that
 * positions stay as they are.
 */
class stand_ins
{
	unsigned plane = 0; /* 0: the text needs none */

	static bool is_needed(char32_t code)
	{
		return code > 0xa0 && code < 0xfeff && code != 0x1680 && code != 0x180e &&
		       (code < 0x2000 || code > 0x200b) && code != 0x2028 && code != 0x2029 &&
		       code != 0x202f && code != 0x205f && code != 0x2060 && code != 0x3000;
	}

	/* The plane of an escape such as \U0010FFFF, or 0. */
	static unsigned escaped_plane(std::string_view text, size_t i)
	{
		unsigned value = 0;
		if (text.size() - i < 6 || text.substr(i, 2) != "\\U")
			return 0;
		const auto result = std::from_chars(&text[i + 2], &text[i + 2] + 4, value, 16);
		return result.ec == std::errc{} && value <= 16 ? value : 0;
	}

      public:
	/* Returns false where there is no plane that the text does not use. */
	bool choose(std::string_view text)
	{
		unsigned used = 0;
		bool needed = false;
		for (size_t i = 0; i < text.size();) {
			const character c = character_at(text, i);
			needed |= is_needed(c.code);
			used |= 1u << (c.code >> 16) | 1u << escaped_plane(text, i);
			i += c.bytes ? c.bytes : 1;
		}
		for (plane = needed ? 16 : 0; plane > 0 && (used & 1u << plane); plane--)
			;
		return !needed || plane > 0;
	}

	bool any() const
	{
		return plane > 0;
	}

	std::string put(std::string_view text) const
	{
		std::string out;
		for (size_t i = 0; i < text.size();) {
			const character c = character_at(text, i);
			const size_t n = c.bytes ? c.bytes : 1;
			if (is_needed(c.code))
				append(out, c.code | plane << 16);
			else
				out.append(text, i, n);
			i += n;
		}
		return out;
	}

	std::string take(std::string_view text) const
	{
		std::string out;
		for (size_t i = 0; i < text.size();) {
			const character c = character_at(text, i);
			const size_t n = c.bytes ? c.bytes : 1;
			if (plane > 0 && c.code >> 16 == plane)
				append(out, c.code & 0xffff);
			else
				out.append(text, i, n);
			i += n;
		}
		return out;
	}
};

char *copy_text(const std::string &s)
{
	char *copy = static_cast<char *>(malloc(s.size() + 1));
	if (copy) {
		memcpy(copy, s.data(), s.size());
		copy[s.size()] = '\0';
	}
	return copy;
}

/* What the library made of a text, on its way to values of ours. */
struct conversion {
	const stand_ins &characters;
	toml_fault *fault;
};

int convert(const conversion &to, const toml::node &node, unsigned depth, toml_value *v);

int convert_table(const conversion &to, const toml::table &table, unsigned depth, toml_value *v)
{
	for (const auto &[key, child] : table) {
		toml_value *item = &v->items[v->nr_items++];
		const toml::source_position at = key.source().begin;
		if (key.str().find('\0') != std::string_view::npos)
			return refuse(to.fault, at, "a key contains a NUL character");
		item->key = copy_text(to.characters.take(key.str()));
		if (!item->key)
			return -ENOMEM;
		item->key_line = at.line;
		item->key_column = at.column;
		int ret = convert(to, child, depth + 1, item);
		if (ret < 0)
			return ret;
	}
	std::sort(v->items, v->items + v->nr_items, [](const toml_value &a, const toml_value &b) {
		return a.key_line != b.key_line ? a.key_line < b.key_line
						: a.key_column < b.key_column;
	});
	return 0;
}

int convert_array(const conversion &to, const toml::array &array, unsigned depth, toml_value *v)
{
	for (const toml::node &child : array) {
		int ret = convert(to, child, depth + 1, &v->items[v->nr_items++]);
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

int convert(const conversion &to, const toml::node &node, unsigned depth, toml_value *v)
{
	const toml::source_position at = node.source().begin;
	v->line = at.line;
	v->column = at.column;
	if (depth > TOML_MAX_DEPTH)
		return refuse(to.fault, at, "nested more than 16 deep");
	int ret = 0;
	if (const toml::table *table = node.as_table()) {
		v->type = TOML_TABLE;
		ret = make_items(v, table->size());
		return ret < 0 ? ret : convert_table(to, *table, depth, v);
	}
	if (const toml::array *array = node.as_array()) {
		v->type = TOML_ARRAY;
		ret = make_items(v, array->size());
		return ret < 0 ? ret : convert_array(to, *array, depth, v);
	}
	if (const auto *string = node.as_string()) {
		v->type = TOML_STRING;
		const std::string value = to.characters.take(string->get());
		v->string_bytes = value.size();
		v->string = copy_text(value);
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
		stand_ins characters;
		if (!characters.choose({ text, n }))
			return refuse(ret_fault, { 1, 1 }, "characters of all planes of Unicode");
		const std::string stood_in = characters.any() ? characters.put({ text, n }) : "";
		toml::parse_result parsed =
			toml::parse(characters.any() ? std::string_view{ stood_in }
						     : std::string_view{ text, n });
		if (!parsed) {
			/* The library names its own macro where a limit is met; users know none. */
			std::string reason = characters.take(parsed.error().description());
			reason = reason.substr(0, reason.find(" (TOML_"));
			if (!reason.empty() && reason[0] == 'E')
				reason[0] = 'e';
			return refuse(ret_fault, parsed.error().source().begin, reason.c_str());
		}
		ret = convert({ characters, ret_fault }, parsed.table(), 0, ret_root);
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
