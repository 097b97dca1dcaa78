/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - see frame.h. */
#include "ctl/frame.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

int
frame_parse (const void *data, size_t size, struct frame *frame, size_t *used) {
  const unsigned char *octets = data;

  if (size < 4)
    return 0;
  size_t length = (size_t)octets[0] << 24 | (size_t)octets[1] << 16 | (size_t)octets[2] << 8
                  | (size_t)octets[3];
  if (length < 1 || length > FRAME_MAX)
    return -1;
  if (size - 4 < length)
    return 0;
  frame->kind = (char)octets[4];
  frame->count = 0;
  const char *text = (const char *)octets + 5;
  size_t left = length - 1;
  while (left) {
    size_t word = strnlen (text, left);
    if (word == left || frame->count == FRAME_FIELDS)
      return -1;
    frame->field[frame->count++] = text;
    text += word + 1;
    left -= word + 1;
  }
  for (size_t i = frame->count; i < FRAME_FIELDS; i++)
    frame->field[i] = "";
  *used = length + 4;
  return 1;
}

void
frame_put (GByteArray *out, char kind, const char *const *fields, size_t count) {
  size_t length = 1;
  for (size_t i = 0; i < count; i++)
    length += strlen (fields[i] ? fields[i] : "") + 1;
  const unsigned char head[5] = { (unsigned char)(length >> 24), (unsigned char)(length >> 16),
                                  (unsigned char)(length >> 8), (unsigned char)length,
                                  (unsigned char)kind };
  g_byte_array_append (out, head, sizeof head);
  for (size_t i = 0; i < count; i++) {
    const char *text = fields[i] ? fields[i] : "";
    g_byte_array_append (out, (const guint8 *)text, (guint)strlen (text) + 1);
  }
}

void
frame_say (GByteArray *out, char kind, ...) {
  const char *fields[16];
  size_t count = 0;
  va_list list;

  va_start (list, kind);
  while (count < G_N_ELEMENTS (fields) && (fields[count] = va_arg (list, const char *)))
    count++;
  va_end (list);
  frame_put (out, kind, fields, count);
}
