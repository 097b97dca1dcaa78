/* SPDX-License-Identifier: Apache-2.0 */
/* html.h - HTML to plain text, as it passes by: tags go, entities become characters, blocks begin
 * lines, scripts, styles and the head are left out, blanks are collapsed as HTML shows them.
 *
 * UTF-8 in and out; nothing is malformed; memory of a fixed size, time in proportion.  The struct
 * belongs to the caller, set up by html_begin; no locks. */
#ifndef PLUGINS_COMMON_TEXT_HTML_H
#define PLUGINS_COMMON_TEXT_HTML_H

#include "common/text/sink.h"

#include <stdint.h>

enum { HTML_NAME = 32, HTML_OUT = 1024 };

struct html_text {
  const struct text_sink *sink;
  unsigned char state, quote, breaks; /* breaks: line ends owed before the next text */
  bool enough, any, blank, closing, preformatted;
  size_t name_size, out_size;
  char name[HTML_NAME], skipping[HTML_NAME]; /* of a tag or entity; the element that is left out */
  char out[HTML_OUT];
};

/* The sink must live as long as the struct is used. */
void html_begin (struct html_text *, const struct text_sink *);
/* False: the sink wants no more. */
bool html_feed (struct html_text *, const char *data, size_t size);
bool html_end (struct html_text *);

#endif
