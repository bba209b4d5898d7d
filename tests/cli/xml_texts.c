/* SPDX-License-Identifier: MIT */
/*
 * Reads XML from standard input and prints the text of each element that has any, as NAME: TEXT,
 * with its references resolved. What is not well-formed ends it with 1.
 */
#include "formats/xml_place.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reader {
	char text[65536];
	size_t length;
};

static void start(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = data;
	reader->length = 0;
	printf("%s", name);
	for (; *attributes; attributes += 2)
		printf(" %s=%s", attributes[0], attributes[1]);
	printf("\n");
}

static void end(void *data, const XML_Char *name)
{
	struct reader *reader = data;
	if (reader->length > 0)
		printf("%s: %.*s\n", name, (int)reader->length, reader->text);
	reader->length = 0;
}

static void text(void *data, const XML_Char *piece, int length)
{
	struct reader *reader = data;
	size_t room = sizeof reader->text - reader->length;
	size_t taken = (size_t)length < room ? (size_t)length : room;
	memcpy(reader->text + reader->length, piece, taken);
	reader->length += taken;
}

int main(void)
{
	static struct reader reader;
	XML_Parser parser = XML_ParserCreate(NULL);
	if (!parser)
		return 2;
	XML_SetUserData(parser, &reader);
	XML_SetElementHandler(parser, start, end);
	XML_SetCharacterDataHandler(parser, text);
	char buffer[4096];
	bool last;
	do {
		size_t length = fread(buffer, 1, sizeof buffer, stdin);
		last = length < sizeof buffer;
		if (XML_Parse(parser, buffer, (int)length, last) != XML_STATUS_OK) {
			fprintf(stderr, "line %lu: %s\n", xml_line(parser),
				XML_ErrorString(XML_GetErrorCode(parser)));
			XML_ParserFree(parser);
			return 1;
		}
	} while (!last);
	XML_ParserFree(parser);
	return 0;
}
