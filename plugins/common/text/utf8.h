/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - single characters of UTF-8, and runs of ASCII.  Pure functions. */
#ifndef PLUGINS_COMMON_TEXT_UTF8_H
#define PLUGINS_COMMON_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How many of the first octets are ASCII? */
static inline size_t
ascii_run (const char *at, size_t size) {
  size_t done = 0;
  uint64_t words[4];

  for (; size - done >= sizeof words; done += sizeof words) {
    memcpy (words, at + done, sizeof words);
    if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u)
      break;
  }
  while (done < size && (unsigned char)at[done] < 0x80)
    done++;
  return done;
}

/* The character at `at` (RFC 3629: no overlong forms, no surrogates).  Returns its length; 0: it
 * goes on behind `size`; -1 to -3: that many octets are malformed (a maximal part of a character). */
static inline int
utf8_read (const char *text, size_t size, uint32_t *character) {
  const unsigned char *at = (const unsigned char *)text;
  unsigned char low = 0x80, high = 0xbf;
  int length;

  if (at[0] < 0x80) {
    *character = at[0];
    return 1;
  }
  if (at[0] < 0xc2 || at[0] > 0xf4)
    return -1;
  length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  if (at[0] == 0xe0)
    low = 0xa0;
  else if (at[0] == 0xed)
    high = 0x9f;
  else if (at[0] == 0xf0)
    low = 0x90;
  else if (at[0] == 0xf4)
    high = 0x8f;
  *character = at[0] & (0x7fu >> length);
  for (int i = 1; i < length; i++) {
    if ((size_t)i == size)
      return 0;
    if (at[i] < low || at[i] > high)
      return -i;
    low = 0x80;
    high = 0xbf;
    *character = *character << 6 | (at[i] & 0x3fu);
  }
  return length;
}

/* Writes a character, 1 to 4 octets; returns how many. */
static inline int
utf8_write (uint32_t c, char *out) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3f));
  out[2] = (char)(0x80 | (c >> 6 & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

#endif
