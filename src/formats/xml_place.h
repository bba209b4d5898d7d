/* SPDX-License-Identifier: MIT */
/* Where in an XML document expat is, in every version of it: 2.9 has new names for this, and calls
 * the old ones deprecated. */
#ifndef NESTOR_FORMATS_XML_PLACE_H
#define NESTOR_FORMATS_XML_PLACE_H

#include <expat.h>

#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
#define XML_PLACE(what, parser) XML_GetCurrent##what##Number64(parser)
#else
#define XML_PLACE(what, parser) XML_GetCurrent##what##Number(parser)
#endif

/* The line; the first is 1. */
static inline unsigned long xml_line(XML_Parser parser)
{
	return (unsigned long)XML_PLACE(Line, parser);
}

/* The column, in bytes; the first is 1. */
static inline unsigned long xml_column(XML_Parser parser)
{
	return (unsigned long)XML_PLACE(Column, parser) + 1;
}

#endif
