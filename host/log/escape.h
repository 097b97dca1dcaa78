/* SPDX-License-Identifier: Apache-2.0 */
/* escape.h - text from outside made fit to be printed.
 *
 * Escaped are: controls (C0, DEL, C1), line and paragraph separators, bidirectional and
 * invisible format characters, noncharacters, and octets that are not UTF-8. [any] */
#ifndef HOST_LOG_ESCAPE_H
#define HOST_LOG_ESCAPE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* A piece of output of fixed room; what does not fit is cut, and `full` is set. */
struct escape_buffer {
  char *data;
  size_t size, room;
  bool full;
};
void escape_raw (struct escape_buffer *, const char *text, size_t size);
void escape_char (struct escape_buffer *, char);

/* For people: \n \t \r \\ \" \xNN \u{NNNN}.  `limit` octets of input at most, then "...". */
void escape_text (struct escape_buffer *, const char *text, size_t limit);
/* The same between quotes, or bare if it is a plain word. */
void escape_word (struct escape_buffer *, const char *text, size_t limit);
/* The inside of a JSON string; octets that are not UTF-8 become U+FFFD. */
void escape_json (struct escape_buffer *, const char *text, size_t limit);

/* A copy for messages, escaped as by escape_text, cut to 200 octets of input. */
char *escape_dup (const char *text);

#endif
