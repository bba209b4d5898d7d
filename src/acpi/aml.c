/* SPDX-License-Identifier: MIT */
#include "acpi/aml.h"

#include <errno.h>
#include <string.h>

#define OP_NAME 0x08
#define OP_BYTE 0x0a
#define OP_WORD 0x0b
#define OP_DWORD 0x0c
#define OP_STRING 0x0d
#define OP_QWORD 0x0e
#define OP_SCOPE 0x10
#define OP_BUFFER 0x11
#define OP_DUAL_NAME 0x2e
#define OP_MULTI_NAME 0x2f
#define OP_EXT 0x5b
#define OP_EXT_DEVICE 0x82

#define SEGMENT_BYTES 4
#define MAX_SEGMENTS 255

void aml_init(struct aml *a, uint8_t *buf, size_t size_bytes)
{
	*a = (struct aml){ .buf = buf, .size_bytes = size_bytes };
}

static void fail(struct aml *a, int code, const char *what)
{
	if (a->error == 0) {
		a->error = code;
		a->what = what;
	}
}

int aml_finish(const struct aml *a, size_t *ret_used, struct err *e)
{
	int r = 0;
	if (a->error == -ENOSPC)
		r = err_set(e, -ENOSPC, "AML does not fit into %zu bytes", a->size_bytes);
	else if (a->error != 0)
		r = err_set(e, a->error, "AML cannot encode '%s'", a->what);
	else if (a->depth != 0)
		r = err_set(e, -EINVAL, "AML ends with %u packages open", a->depth);
	else
		*ret_used = a->used;
	if (r < 0 && e)
		e->kind = ERR_BUG;
	return r;
}

/* Makes room for n bytes at the end; NULL, the fault noted, where there is none. */
static uint8_t *grow(struct aml *a, size_t n)
{
	if (a->error != 0)
		return NULL;
	if (n > a->size_bytes - a->used) {
		fail(a, -ENOSPC, "");
		return NULL;
	}
	uint8_t *p = a->buf + a->used;
	a->used += n;
	return p;
}

static void put(struct aml *a, const uint8_t *bytes, size_t n)
{
	uint8_t *p = grow(a, n);
	if (p && n > 0)
		(void)memcpy(p, bytes, n);
}

static void put_byte(struct aml *a, unsigned byte)
{
	put(a, (const uint8_t[]){ (uint8_t)byte }, 1);
}

static void put_le(struct aml *a, uint64_t value, unsigned nr_bytes)
{
	for (unsigned i = 0; i < nr_bytes; i++)
		put_byte(a, (value >> (8 * i)) & 0xff);
}

static bool is_lead(char c)
{
	return (c >= 'A' && c <= 'Z') || c == '_';
}

/* The characters of the segment at s, or 0 where it is malformed. */
static size_t segment_length(const char *s)
{
	size_t n = 0;
	while (is_lead(s[n]) || (n > 0 && s[n] >= '0' && s[n] <= '9'))
		n++;
	return n <= SEGMENT_BYTES && (s[n] == '.' || s[n] == '\0') ? n : 0;
}

/* The number of segments of a name without its root prefix; -1 where it is malformed. */
static int count_segments(const char *s)
{
	int nr = 0;
	for (;;) {
		size_t n = segment_length(s);
		if (n == 0 || nr == MAX_SEGMENTS)
			return -1;
		nr++;
		if (s[n] == '\0')
			return nr;
		s += n + 1;
	}
}

/* NameString (20.2.2). */
static void put_name(struct aml *a, const char *name)
{
	const char *s = name;
	if (*s == '\\') {
		put_byte(a, '\\');
		s++;
		if (*s == '\0') {
			put_byte(a, 0); /* NullName: the root itself */
			return;
		}
	}
	int nr = count_segments(s);
	if (nr < 0) {
		fail(a, -EINVAL, name);
		return;
	}
	if (nr == 2) {
		put_byte(a, OP_DUAL_NAME);
	} else if (nr > 2) {
		put_byte(a, OP_MULTI_NAME);
		put_byte(a, (unsigned)nr);
	}
	for (int i = 0; i < nr; i++) {
		size_t n = segment_length(s);
		uint8_t segment[SEGMENT_BYTES] = { '_', '_', '_', '_' };
		(void)memcpy(segment, s, n);
		put(a, segment, sizeof(segment));
		s += n + 1;
	}
}

static void package_open(struct aml *a, const char *what)
{
	if (a->depth == AML_MAX_DEPTH)
		fail(a, -EINVAL, what);
	if (a->error == 0)
		a->opened[a->depth++] = a->used;
}

void aml_scope_open(struct aml *a, const char *name)
{
	put_byte(a, OP_SCOPE);
	package_open(a, name);
	put_name(a, name);
}

void aml_device_open(struct aml *a, const char *name)
{
	put_byte(a, OP_EXT);
	put_byte(a, OP_EXT_DEVICE);
	package_open(a, name);
	put_name(a, name);
}

/*
 * PkgLength (20.2.4) counts itself and stands before what it counts, in 1 to 4 bytes: so it goes in
 * last, in its shortest form, and the content moves up.
 */
void aml_close(struct aml *a)
{
	if (a->depth == 0)
		fail(a, -EINVAL, "a close without an open");
	if (a->error != 0)
		return;
	size_t start = a->opened[--a->depth];
	size_t content = a->used - start;
	unsigned more = 0; /* bytes after the lead byte */
	size_t limit = 0x3f;
	while (more < 3 && content + 1 + more > limit) {
		more++;
		limit = ((size_t)1 << (4 + 8 * more)) - 1;
	}
	size_t length = content + 1 + more;
	if (length > limit) {
		fail(a, -EINVAL, "a package of 256 MiB or more");
		return;
	}
	if (!grow(a, 1 + more))
		return;
	uint8_t *p = a->buf + start;
	(void)memmove(p + 1 + more, p, content);
	if (more == 0) {
		p[0] = (uint8_t)length;
		return;
	}
	p[0] = (uint8_t)(more << 6 | (length & 0x0f));
	for (unsigned i = 0; i < more; i++)
		p[1 + i] = (uint8_t)(length >> (4 + 8 * i));
}

void aml_name(struct aml *a, const char *name)
{
	put_byte(a, OP_NAME);
	put_name(a, name);
}

void aml_integer(struct aml *a, uint64_t value)
{
	if (value <= 1) {
		put_byte(a, (unsigned)value); /* ZeroOp, OneOp */
	} else if (value <= UINT8_MAX) {
		put_byte(a, OP_BYTE);
		put_le(a, value, 1);
	} else if (value <= UINT16_MAX) {
		put_byte(a, OP_WORD);
		put_le(a, value, 2);
	} else if (value <= UINT32_MAX) {
		put_byte(a, OP_DWORD);
		put_le(a, value, 4);
	} else {
		put_byte(a, OP_QWORD);
		put_le(a, value, 8);
	}
}

void aml_string(struct aml *a, const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] > 0x7f)
			fail(a, -EINVAL, text);
	put_byte(a, OP_STRING);
	uint8_t *p = grow(a, n + 1);
	if (p)
		(void)memcpy(p, text, n + 1);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Three letters of 5 bits each, then four hex digits, in big-endian byte order (ACPI 6.5, 19.3.4).
 */
void aml_eisa_id(struct aml *a, const char *id)
{
	uint32_t v = 0;
	bool good = strlen(id) == 7;
	for (unsigned i = 0; good && i < 3; i++) {
		good = id[i] >= 'A' && id[i] <= 'Z';
		v = v << 5 | ((uint32_t)(id[i] - 'A' + 1) & 0x1f);
	}
	for (unsigned i = 3; good && i < 7; i++) {
		int digit = hex_digit(id[i]);
		good = digit >= 0;
		v = v << 4 | ((uint32_t)digit & 0xf);
	}
	if (!good) {
		fail(a, -EINVAL, id);
		return;
	}
	aml_integer(a, __builtin_bswap32(v));
}

void aml_buffer(struct aml *a, const uint8_t *bytes, size_t n)
{
	put_byte(a, OP_BUFFER);
	package_open(a, "a buffer");
	aml_integer(a, n);
	put(a, bytes, n);
	aml_close(a);
}

static void resources_put(struct aml_resources *r, const uint8_t *bytes, size_t n)
{
	if (n > sizeof(r->bytes) - r->used) {
		r->failed = true;
		return;
	}
	(void)memcpy(r->bytes + r->used, bytes, n);
	r->used += n;
}

void aml_resources_io(struct aml_resources *r, uint16_t base, uint8_t count)
{
	if (count == 0 || base > UINT16_MAX - (count - 1)) {
		r->failed = true;
		return;
	}
	/* Small item 8 of 7 bytes, 16 bits decoded; lowest and highest base; alignment; count. */
	uint8_t lo = (uint8_t)base, hi = (uint8_t)(base >> 8);
	const uint8_t d[] = { 0x47, 0x01, lo, hi, lo, hi, 0x01, count };
	resources_put(r, d, sizeof(d));
}

void aml_resources_irq(struct aml_resources *r, unsigned irq)
{
	if (irq > 15) {
		r->failed = true;
		return;
	}
	uint32_t mask = UINT32_C(1) << irq;
	const uint8_t d[] = { 0x22, (uint8_t)mask, (uint8_t)(mask >> 8) };
	resources_put(r, d, sizeof(d));
}

void aml_resources(struct aml *a, const struct aml_resources *r)
{
	/* End tag; checksum 0 means "not checked" (6.4.2.9). */
	static const uint8_t end[] = { 0x79, 0x00 };
	if (r->failed) {
		fail(a, -EINVAL, "a resource template");
		return;
	}
	uint8_t bytes[AML_RESOURCES_BYTES + sizeof(end)];
	(void)memcpy(bytes, r->bytes, r->used);
	(void)memcpy(bytes + r->used, end, sizeof(end));
	aml_buffer(a, bytes, r->used + sizeof(end));
}
