/* SPDX-License-Identifier: Apache-2.0 */
/* sasl.c - see sasl.h. */
#include "sasl.h"

#include "base64.h"

#include <glib.h>
#include <string.h>

void
sasl_response_clear (struct sasl_response *response) {
  if (response->data)
    explicit_bzero (response->data, response->room);
  g_free (response->data);
  *response = (struct sasl_response){ 0 };
}

void
sasl_response_make (struct sasl_response *response, size_t room) {
  sasl_response_clear (response);
  response->room = room + 1; /* never NULL */
  response->data = g_malloc (response->room);
  response->size = room;
}

bool
sasl_response_decode (struct sasl_response *response, const char *text, size_t length) {
  sasl_response_make (response, BASE64_DECODED_MAX (length));
  if (base64_decode (text, length, response->data, &response->size))
    return true;
  sasl_response_clear (response);
  return false;
}

bool
sasl_response_initial (struct sasl_response *response, const char *text, size_t length) {
  return sasl_response_decode (response, text, length == 1 && *text == '=' ? 0 : length);
}

static sasl_line
take (struct sasl_response *response, const char *text, size_t size, bool bare_lf) {
  size_t length = size - 1;
  if (length && text[length - 1] == '\r')
    length--;
  else if (!bare_lf)
    return SASL_MALFORMED;
  if (length == 1 && *text == '*')
    return SASL_GIVEN_UP;
  return sasl_response_decode (response, text, length) ? SASL_RESPONSE : SASL_MALFORMED;
}

ptn_status
sasl_read (struct line_reader *reader, const struct ptn_stream_service *service,
           struct ptn_stream *stream, struct ptn_task *task, bool bare_lf,
           struct sasl_response *response, sasl_line *kind) {
  struct ptn_bytes line;
  const ptn_status status = line_read (reader, service, stream, task, SASL_LINE_MAX, &line);
  if (status == PTN_E_LIMIT) {
    *kind = SASL_TOO_LONG;
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  *kind = take (response, line.data, line.size, bare_lf);
  service->consume (stream, line.size);
  return PTN_OK;
}

char *
sasl_challenge (const char *prefix, struct ptn_bytes challenge, size_t *size) {
  const size_t before = strlen (prefix);
  char *text = g_malloc (before + BASE64_ENCODED_MAX (challenge.size) + 2);
  memcpy (text, prefix, before);
  *size = before + base64_encode (challenge.data, challenge.size, text + before);
  memcpy (text + *size, "\r\n", 3);
  *size += 2;
  return text;
}
