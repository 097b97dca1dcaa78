/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - see writer.h. */
#include "syntax/writer.h"

#include "syntax/utf7.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define FIRST_ROOM 1024

void
writer_grow (struct writer *w, size_t more) {
  size_t room = MAX (w->room * 2, FIRST_ROOM);
  while (room - w->size < more)
    room *= 2;
  w->data = g_realloc (w->data, room);
  w->room = room;
}

void
writer_clear (struct writer *w) {
  g_free (w->data);
  *w = (struct writer){ 0 };
}

void
put_text (struct writer *w, const char *text) {
  put (w, text, strlen (text));
}

void
put_format (struct writer *w, const char *format, ...) {
  va_list arguments, again;
  va_start (arguments, format);
  va_copy (again, arguments);
  char *room = writer_room (w, 128);
  int size = vsnprintf (room, 128, format, arguments);
  if (size >= 128)
    vsnprintf (writer_room (w, (size_t)size + 1), (size_t)size + 1, format, again);
  w->size += (size_t)MAX (size, 0);
  va_end (again);
  va_end (arguments);
}

void
put_number (struct writer *w, uint64_t number) {
  static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  char digits[20], *at = digits + sizeof digits;
  for (; number >= 100; number /= 100)
    memcpy (at -= 2, pairs + number % 100 * 2, 2);
  if (number >= 10)
    memcpy (at -= 2, pairs + number * 2, 2);
  else
    *--at = (char)('0' + number);
  put (w, at, (size_t)(digits + sizeof digits - at));
}

enum shape { SHAPE_ATOM, SHAPE_QUOTED, SHAPE_LITERAL };

static enum shape
shape_of (const char *text, size_t size, bool utf8) {
  enum shape shape = size ? SHAPE_ATOM : SHAPE_QUOTED;
  bool eight = false;
  if (size > 1000)
    return SHAPE_LITERAL; /* some clients read quoted strings into small buffers */
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == 0 || c == '\r' || c == '\n')
      return SHAPE_LITERAL;
    if (c >= 0x80)
      eight = true;
    if (c <= ' ' || c >= 0x7f || strchr ("(){%*\"\\]", c))
      shape = SHAPE_QUOTED;
  }
  if (eight && !(utf8 && g_utf8_validate_len (text, size, NULL)))
    return SHAPE_LITERAL;
  return size == 3 && g_ascii_strncasecmp (text, "NIL", 3) == 0 ? SHAPE_QUOTED : shape;
}

static void
put_quoted (struct writer *w, const char *text, size_t size) {
  char *start = writer_room (w, 2 * size + 2), *out = start;
  *out++ = '"';
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"' || text[i] == '\\')
      *out++ = '\\';
    *out++ = text[i];
  }
  *out++ = '"';
  w->size += (size_t)(out - start);
}

static void
put_literal (struct writer *w, const char *text, size_t size) {
  size_t zeros = 0;
  for (const char *p = text; (p = memchr (p, 0, size - (size_t)(p - text))); p++)
    zeros++;
  put_format (w, "{%zu}\r\n", size - zeros);
  if (!zeros) {
    put (w, text, size);
    return;
  }
  for (size_t i = 0; i < size; i++)
    if (text[i])
      put_char (w, text[i]);
}

void
put_string (struct writer *w, const char *text, size_t size, bool utf8) {
  if (shape_of (text, size, utf8) == SHAPE_LITERAL)
    put_literal (w, text, size);
  else
    put_quoted (w, text, size);
}

void
put_astring (struct writer *w, const char *text, size_t size, bool utf8) {
  if (shape_of (text, size, utf8) == SHAPE_ATOM)
    put (w, text, size);
  else
    put_string (w, text, size, utf8);
}

void
put_mailbox (struct writer *w, const char *name, bool utf8) {
  if (utf8) {
    put_astring (w, name, strlen (name), true);
    return;
  }
  g_autofree char *encoded = utf7_encode (name);
  put_astring (w, encoded, strlen (encoded), false);
}

void
put_mailbox_string (struct writer *w, const char *name, bool utf8) {
  if (utf8) {
    put_string (w, name, strlen (name), true);
    return;
  }
  g_autofree char *encoded = utf7_encode (name);
  put_string (w, encoded, strlen (encoded), false);
}

void
put_uid_set (struct writer *w, struct ptn_uid_set set) {
  for (size_t i = 0; i < set.count; i++) {
    if (i)
      put_char (w, ',');
    put_number (w, set.ranges[i].first);
    if (set.ranges[i].last != set.ranges[i].first) {
      put_char (w, ':');
      put_number (w, set.ranges[i].last);
    }
  }
}

void
put_id (struct writer *w, char prefix, const struct ptn_id *id) {
  static const char hex[] = "0123456789abcdef";
  char *out = writer_room (w, 33);
  *out++ = prefix;
  for (unsigned i = 0; i < sizeof id->octets; i++) {
    *out++ = hex[id->octets[i] >> 4];
    *out++ = hex[id->octets[i] & 15];
  }
  w->size += 33;
}

void
put_date_time (struct writer *w, int64_t seconds) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t time = (time_t)seconds;
  struct tm tm = { 0 };
  /* What date-time cannot write is moved to its ends: the year has four digits. */
  time = CLAMP (time, -62167219200, 253402300799);
  gmtime_r (&time, &tm);
  char *out = writer_room (w, 32);
  *out = '"';
  out[1] = (char)(tm.tm_mday < 10 ? ' ' : '0' + tm.tm_mday / 10);
  out[2] = (char)('0' + tm.tm_mday % 10);
  out[3] = '-';
  memcpy (out + 4, months + (size_t)tm.tm_mon * 3, 3);
  out[7] = '-';
  int year = tm.tm_year + 1900;
  for (int i = 11; i > 7; i--, year /= 10)
    out[i] = (char)('0' + year % 10);
  const int parts[] = { tm.tm_hour, tm.tm_min, tm.tm_sec };
  for (int i = 0; i < 3; i++) {
    out[12 + 3 * i] = i ? ':' : ' ';
    out[13 + 3 * i] = (char)('0' + parts[i] / 10);
    out[14 + 3 * i] = (char)('0' + parts[i] % 10);
  }
  memcpy (out + 21, " +0000\"", 7);
  w->size += 28;
}
