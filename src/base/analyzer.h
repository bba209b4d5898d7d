/* SPDX-License-Identifier: MIT */
/*
 * Where the static analyzer (preset "analyzer") is mistaken, the place says so, with the reason:
 *
 *	ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); // the list owns it
 *	...
 *	ANALYZER_END;
 *
 * For every other build this is nothing.
 */
#ifndef NESTOR_BASE_ANALYZER_H
#define NESTOR_BASE_ANALYZER_H

#define ANALYZER_NOTHING _Static_assert(1, "takes the semicolon")

#ifdef NESTOR_ANALYZER
#define ANALYZER_PRAGMA(text) _Pragma(#text)
/* clang-format off */
#define ANALYZER_MISTAKEN(warning)                                                                 \
	ANALYZER_PRAGMA(GCC diagnostic push)                                                       \
	ANALYZER_PRAGMA(GCC diagnostic ignored "-Wpragmas") /* an older gcc lacks some */          \
	ANALYZER_PRAGMA(GCC diagnostic ignored warning) ANALYZER_NOTHING
/* clang-format on */
#define ANALYZER_END ANALYZER_PRAGMA(GCC diagnostic pop) ANALYZER_NOTHING
#else
#define ANALYZER_MISTAKEN(warning) ANALYZER_NOTHING
#define ANALYZER_END ANALYZER_NOTHING
#endif

#endif
