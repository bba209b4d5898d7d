/* SPDX-License-Identifier: MIT */
#include "boot/decompress.h"

#include "boot/bytes.h"
#include "memory/anonymous.h"

#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/mman.h>

/* lzma's dictionary: Linux uses 32 MiB (scripts/xz_wrap.sh), xz -9 has 64 MiB. */
#define XZ_MEMORY_LIMIT (128 * MIB)
/* The legacy LZ4 format's block: at most this much comes out of one (lz4's frame format document).
 */
#define LZ4_LEGACY_MAGIC UINT32_C(0x184c2102)
#define LZ4_LEGACY_BLOCK_BYTES (8 * MIB)

struct input {
	const uint8_t *data;
	size_t size;
};

/* Room for limit bytes is mapped from the start: untouched pages cost nothing. */
struct output {
	uint8_t *data;
	size_t size, limit;
};

static const struct {
	uint8_t magic[8];
	uint8_t size;
	enum boot_compression compression;
} magics[] = {
	{ { 0x1f, 0x8b }, 2, BOOT_COMPRESSION_GZIP },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, 6, BOOT_COMPRESSION_XZ },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, BOOT_COMPRESSION_ZSTD },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, BOOT_COMPRESSION_LZ4 },
	{ { 0x04, 0x22, 0x4d, 0x18 }, 4, BOOT_COMPRESSION_LZ4_FRAME },
	{ { 'B', 'Z', 'h' }, 3, BOOT_COMPRESSION_BZIP2 },
	{ { 0x5d, 0x00, 0x00 }, 3, BOOT_COMPRESSION_LZMA },
	{ { 0x89, 'L', 'Z', 'O', 0x00, 0x0d, 0x0a, 0x1a }, 8, BOOT_COMPRESSION_LZO },
};

enum boot_compression decompress_detect(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (size >= magics[i].size && memcmp(data, magics[i].magic, magics[i].size) == 0)
			return magics[i].compression;
	}
	return BOOT_COMPRESSION_UNKNOWN;
}

const char *boot_compression_name(enum boot_compression c)
{
	switch (c) {
	case BOOT_COMPRESSION_NONE:
		return "none";
	case BOOT_COMPRESSION_GZIP:
		return "gzip";
	case BOOT_COMPRESSION_XZ:
		return "xz";
	case BOOT_COMPRESSION_ZSTD:
		return "zstd";
	case BOOT_COMPRESSION_LZ4:
		return "lz4";
	case BOOT_COMPRESSION_LZ4_FRAME:
		return "lz4-frame";
	case BOOT_COMPRESSION_BZIP2:
		return "bzip2";
	case BOOT_COMPRESSION_LZMA:
		return "lzma";
	case BOOT_COMPRESSION_LZO:
		return "lzo";
	case BOOT_COMPRESSION_UNKNOWN:
		break;
	}
	return "unknown";
}

static int too_large(const struct output *out, struct err *e)
{
	return err_set_config(
		e, -EFBIG, "unpacks to more than the %zu bytes that it may have", out->limit);
}

static int damaged(const char *format, const char *why, struct err *e)
{
	return err_set_config(e, -EINVAL, "the %s data are damaged: %s", format, why);
}

/* What may follow a gzip stream besides another: padding. */
static bool is_zeros(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static int gzip_step(z_stream *z, const struct input *in, size_t *used, struct output *out,
	bool *ret_end, struct err *e)
{
	uint8_t spare; /* zlib wants a place even where there is no room; never written */
	size_t left = in->size - *used;
	size_t room = out->limit - out->size;
	uInt in_now = left > UINT_MAX ? UINT_MAX : (uInt)left;
	uInt out_now = room > UINT_MAX ? UINT_MAX : (uInt)room;

	z->next_in = (z_const Bytef *)(uintptr_t)(in->data + *used);
	z->avail_in = in_now;
	z->next_out = room ? out->data + out->size : &spare;
	z->avail_out = out_now;
	int rc = inflate(z, Z_NO_FLUSH);
	size_t ate = in_now - z->avail_in;
	size_t made = out_now - z->avail_out;
	*used += ate;
	out->size += made;
	*ret_end = rc == Z_STREAM_END;
	if (rc == Z_STREAM_END)
		return 0;
	if (rc != Z_OK && rc != Z_BUF_ERROR)
		return damaged("gzip", z->msg ? z->msg : zError(rc), e);
	if (ate || made)
		return 0;
	if (*used == in->size)
		return damaged("gzip", "they end too early", e);
	return too_large(out, e);
}

static int unpack_gzip(const struct input *in, struct output *out, struct err *e)
{
	z_stream z = { 0 };
	if (inflateInit2(&z, 15 + 16) != Z_OK) /* 15: any window, 16: gzip header */
		return err_set(e, -ENOMEM, "no memory for zlib");
	int rc = 0;
	size_t used = 0;
	for (;;) {
		bool end = false;
		rc = gzip_step(&z, in, &used, out, &end, e);
		if (rc < 0)
			break;
		if (!end)
			continue;
		if (decompress_detect(in->data + used, in->size - used) != BOOT_COMPRESSION_GZIP) {
			if (!is_zeros(in->data + used, in->size - used))
				rc = damaged("gzip", "something else follows them", e);
			break;
		}
		(void)inflateReset(&z);
	}
	(void)inflateEnd(&z);
	return rc;
}

static const char *xz_why(lzma_ret rc)
{
	switch ((int)rc) {
	case LZMA_FORMAT_ERROR:
		return "no xz header";
	case LZMA_OPTIONS_ERROR:
		return "options that liblzma does not know";
	case LZMA_BUF_ERROR:
		return "they end too early";
	default:
		return "checksum or structure is wrong";
	}
}

static int unpack_xz(const struct input *in, struct output *out, struct err *e)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret rc = lzma_stream_decoder(&s, XZ_MEMORY_LIMIT, LZMA_CONCATENATED);
	if (rc != LZMA_OK)
		return err_set(e, -ENOMEM, "no memory for liblzma");
	s.next_in = in->data;
	s.avail_in = in->size;
	s.next_out = out->data;
	s.avail_out = out->limit;
	do {
		rc = lzma_code(&s, LZMA_FINISH);
	} while (rc == LZMA_OK);
	out->size = out->limit - s.avail_out;
	bool full = s.avail_out == 0;
	uint64_t wanted = lzma_memusage(&s);
	lzma_end(&s);
	if (rc == LZMA_STREAM_END)
		return 0;
	if (rc == LZMA_BUF_ERROR && full)
		return too_large(out, e);
	if (rc == LZMA_MEM_ERROR)
		return err_set(e, -ENOMEM, "no memory for liblzma");
	if (rc == LZMA_MEMLIMIT_ERROR)
		return err_set_config(e, -EINVAL,
			"the xz data need %" PRIu64 " MiB to unpack, more than the "
			"%" PRIu64 " that are allowed",
			wanted / MIB + 1, XZ_MEMORY_LIMIT / MIB);
	return damaged("xz", xz_why(rc), e);
}

static int unpack_zstd(const struct input *in, struct output *out, struct err *e)
{
	/* In one call, so that zstd needs no window of its own and copies nothing twice. */
	size_t n = ZSTD_decompress(out->data, out->limit, in->data, in->size);
	if (!ZSTD_isError(n)) {
		out->size = n;
		return 0;
	}
	if (ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall)
		return too_large(out, e);
	if (ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return err_set(e, -ENOMEM, "no memory for libzstd");
	return damaged("zstd", ZSTD_getErrorName(n), e);
}

/* One block of the legacy format: 4 bytes of compressed size, then the data. */
static int lz4_block(const uint8_t *src, size_t size, struct output *out, struct err *e)
{
	size_t room = out->limit - out->size;
	size_t most = room < LZ4_LEGACY_BLOCK_BYTES ? room : (size_t)LZ4_LEGACY_BLOCK_BYTES;
	if (size > INT_MAX)
		return damaged("lz4", "a block is larger than 2 GiB", e);
	int n = LZ4_decompress_safe(
		(const char *)src, (char *)out->data + out->size, (int)size, (int)most);
	if (n < 0) {
		/* lz4 does not tell a damaged block from one that lacks room. */
		return most < LZ4_LEGACY_BLOCK_BYTES
			       ? err_set_config(e, -EFBIG,
					 "the lz4 data are damaged, or unpack to more than the "
					 "%zu bytes that they may have",
					 out->limit)
			       : damaged("lz4", "a block does not unpack", e);
	}
	out->size += (size_t)n;
	return 0;
}

static int unpack_lz4(const struct input *in, struct output *out, struct err *e)
{
	size_t at = 0;
	while (at < in->size) {
		if (in->size - at < 4)
			return damaged("lz4", "they end within a block's size", e);
		uint32_t size = get_u32(in->data + at);
		at += 4;
		if (size == LZ4_LEGACY_MAGIC) /* the start, or another stream behind the first */
			continue;
		if (size == 0 || size > in->size - at)
			return damaged(
				"lz4", size ? "they end within a block" : "an empty block", e);
		int rc = lz4_block(in->data + at, size, out, e);
		if (rc < 0)
			return rc;
		at += size;
	}
	return 0;
}

static int unpack_lz4_frame(const struct input *in, struct output *out, struct err *e)
{
	LZ4F_dctx *ctx = NULL;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
		return err_set(e, -ENOMEM, "no memory for liblz4");
	/* The output never moves, so lz4 may refer back to it instead of keeping a copy. */
	LZ4F_decompressOptions_t options = { .stableDst = 1 };
	size_t used = 0, hint = 1;
	int rc = 0;
	while (rc == 0 && used < in->size) {
		size_t in_now = in->size - used;
		size_t out_now = out->limit - out->size;
		hint = LZ4F_decompress(
			ctx, out->data + out->size, &out_now, in->data + used, &in_now, &options);
		if (LZ4F_isError(hint)) {
			rc = damaged("lz4", LZ4F_getErrorName(hint), e);
		} else if (in_now == 0 && out_now == 0) {
			rc = too_large(out, e);
		} else {
			used += in_now;
			out->size += out_now;
		}
	}
	if (rc == 0 && hint != 0)
		rc = out->size == out->limit ? too_large(out, e)
					     : damaged("lz4", "they end too early", e);
	(void)LZ4F_freeDecompressionContext(ctx);
	return rc;
}

typedef int unpack_fn(const struct input *in, struct output *out, struct err *e);

static unpack_fn *unpacker(enum boot_compression c)
{
	switch (c) {
	case BOOT_COMPRESSION_GZIP:
		return unpack_gzip;
	case BOOT_COMPRESSION_XZ:
		return unpack_xz;
	case BOOT_COMPRESSION_ZSTD:
		return unpack_zstd;
	case BOOT_COMPRESSION_LZ4:
		return unpack_lz4;
	case BOOT_COMPRESSION_LZ4_FRAME:
		return unpack_lz4_frame;
	case BOOT_COMPRESSION_NONE:
	case BOOT_COMPRESSION_BZIP2:
	case BOOT_COMPRESSION_LZMA:
	case BOOT_COMPRESSION_LZO:
	case BOOT_COMPRESSION_UNKNOWN:
		break;
	}
	return NULL;
}

bool decompress_supported(enum boot_compression c)
{
	return unpacker(c) != NULL;
}

/* Gives back the pages that the output does not reach. */
static void trim(struct unpacked *u)
{
	size_t keep = (size_t)align_up(u->size, 4 * KIB);
	if (keep < u->map_bytes) {
		(void)munmap(u->data + keep, u->map_bytes - keep);
		u->map_bytes = keep;
	}
}

/* Fresh memory for limit bytes; none is used before it is written to. */
static int map_output(size_t limit, struct unpacked *ret, struct err *e)
{
	if (limit == 0 || limit > BOOT_MAX_UNPACKED_BYTES)
		return err_set(e, -EINVAL, "no kernel may unpack to %zu bytes", limit);
	struct unpacked u = { .map_bytes = (size_t)align_up(limit, 4 * KIB) };
	void *p = anonymous_map(u.map_bytes);
	if (p == MAP_FAILED)
		return err_set_errno(e, -errno, "cannot map %zu bytes to unpack to", u.map_bytes);
	/* What is unpacked becomes guest RAM, page by page (elf.c). */
	(void)madvise(p, u.map_bytes, MADV_HUGEPAGE);
	u.data = p;
	*ret = u;
	return 0;
}

int decompress(enum boot_compression c, const uint8_t *src, size_t size, size_t limit,
	struct unpacked *ret, struct err *e)
{
	unpack_fn *unpack = unpacker(c);
	if (!unpack)
		return err_set_config(e, -ENOTSUP, "compressed as %s, which nestor cannot unpack",
			boot_compression_name(c));
	UNPACKED_LOCAL u = { 0 };
	int rc = map_output(limit, &u, e);
	if (rc < 0)
		return rc;
	struct input in = { src, size };
	struct output out = { u.data, 0, limit };
	rc = unpack(&in, &out, e);
	if (rc < 0)
		return rc;
	if (out.size == 0)
		return err_set_config(e, -EINVAL, "unpacks to nothing");
	u.size = out.size;
	trim(&u);
	*ret = u;
	u = (struct unpacked){ 0 };
	return 0;
}

/* zstd and lz4's legacy format are unpacked in one piece elsewhere, which is all or nothing. */
static size_t zstd_head(const struct input *in, uint8_t *dst, size_t n)
{
	ZSTD_DStream *s = ZSTD_createDStream();
	ZSTD_inBuffer from = { in->data, in->size, 0 };
	ZSTD_outBuffer to = { dst, n, 0 };
	size_t rc = s ? ZSTD_initDStream(s) : 0;
	while (rc != 0 && !ZSTD_isError(rc) && to.pos < n) {
		size_t before = from.pos + to.pos;
		rc = ZSTD_decompressStream(s, &to, &from);
		if (from.pos + to.pos == before)
			break;
	}
	(void)ZSTD_freeDStream(s);
	return to.pos;
}

static size_t lz4_head(const struct input *in, uint8_t *dst, size_t n)
{
	size_t size = in->size < 8 ? 0 : get_u32(in->data + 4);
	if (size == 0 || size > in->size - 8 || size > INT_MAX || n > INT_MAX)
		return 0;
	int got = LZ4_decompress_safe_partial(
		(const char *)in->data + 8, (char *)dst, (int)size, (int)n, (int)n);
	return got < 0 ? 0 : (size_t)got;
}

size_t decompress_head(
	enum boot_compression c, const uint8_t *src, size_t size, uint8_t *dst, size_t n)
{
	unpack_fn *unpack = unpacker(c);
	struct input in = { src, size };
	struct output out = { dst, 0, n };
	if (!unpack)
		return 0;
	if (c == BOOT_COMPRESSION_ZSTD)
		return zstd_head(&in, dst, n);
	if (c == BOOT_COMPRESSION_LZ4)
		return lz4_head(&in, dst, n);
	/* That there is more, or that what follows is damaged, is no matter here. */
	int rc = unpack(&in, &out, NULL);
	(void)rc;
	return out.size;
}

static bool get_cached(
	const struct packed_data *packed, const struct boot_cache *cache, struct unpacked *ret)
{
	UNPACKED_LOCAL u = { 0 };
	if (map_output(packed->limit, &u, NULL) < 0 ||
		!cache->get(cache->ctx, packed->data, packed->size, u.data, packed->limit, &u.size))
		return false;
	trim(&u);
	*ret = u;
	u = (struct unpacked){ 0 };
	return true;
}

int decompress_cached(const struct packed_data *packed, const struct boot_cache *cache,
	struct unpacked *ret, struct err *e)
{
	bool is_cachable = cache && decompress_supported(packed->format);
	if (is_cachable && get_cached(packed, cache, ret))
		return 0;
	int rc = decompress(packed->format, packed->data, packed->size, packed->limit, ret, e);
	if (rc == 0 && is_cachable)
		cache->put(cache->ctx, packed->data, packed->size, ret->data, ret->size);
	return rc;
}

void unpacked_done(struct unpacked *u)
{
	if (u->data)
		(void)munmap(u->data, u->map_bytes);
	*u = (struct unpacked){ 0 };
}

void unpacked_give_back(const uint8_t *data, size_t size)
{
	uintptr_t begin = (uintptr_t)align_up((uintptr_t)data, 4 * KIB);
	uintptr_t end = ((uintptr_t)data + size) & ~(uintptr_t)(4 * KIB - 1);
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
