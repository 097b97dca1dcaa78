/* SPDX-License-Identifier: Apache-2.0 */
/* filename.c - see filename.h. */
#include "filename.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

static const struct {
  char letter;
  ptn_flag_bits bit;
} letters[] = {
  { 'D', PTN_DRAFT }, { 'F', PTN_FLAGGED }, { 'R', PTN_ANSWERED },
  { 'S', PTN_SEEN },  { 'T', PTN_DELETED },
};

/* The number behind ",S=" or ",W=" in the base. */
static uint64_t
number_field (const char *name, size_t base, char field) {
  for (const char *at = name; (at = memchr (at, ',', base - (size_t)(at - name))); at++) {
    size_t left = base - (size_t)(at - name);
    if (left < 4 || at[1] != field || at[2] != '=')
      continue;
    uint64_t value = 0;
    const char *digit = at + 3, *end = name + base;
    for (; digit < end && g_ascii_isdigit (*digit) && value < (uint64_t)1 << 52; digit++)
      value = value * 10 + (uint64_t)(*digit - '0');
    if (digit > at + 3 && (digit == end || *digit == ','))
      return value;
  }
  return UINT64_MAX;
}

static bool
has_mark (const char *name, size_t base, const char *mark) {
  size_t length = strlen (mark);
  for (size_t i = 0; i + length <= base; i++)
    if (memcmp (name + i, mark, length) == 0 && (i + length == base || name[i + length] == ','))
      return true;
  return false;
}

bool
file_name_parse (const char *name, struct file_name *parsed) {
  size_t length = strlen (name);
  if (length == 0 || length > FILE_NAME_MAX || name[0] == '.')
    return false;
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/')
      return false;
  const char *colon = strchr (name, ':');
  size_t base = colon ? (size_t)(colon - name) : length;
  if (base == 0)
    return false;
  *parsed = (struct file_name){
    .base = base,
    .size = number_field (name, base, 'S'),
    .crlf_size = number_field (name, base, 'W'),
    .exact = has_mark (name, base, ",X=r"),
  };
  return true;
}

static const char *
letters_of (const char *name, size_t base) {
  return strncmp (name + base, ":2,", 3) == 0 ? name + base + 3 : "";
}

ptn_flag_bits
file_name_flags (const char *name, size_t base, unsigned words) {
  ptn_flag_bits flags = 0;
  for (const char *at = letters_of (name, base); *at && *at != ','; at++) {
    for (size_t i = 0; i < G_N_ELEMENTS (letters); i++)
      if (letters[i].letter == *at)
        flags |= letters[i].bit;
    if (*at >= 'a' && *at <= 'z' && (unsigned)(*at - 'a') < words)
      flags |= UINT64_C (1) << (16 + *at - 'a');
  }
  return flags;
}

char *
file_name_with (const char *name, size_t base, unsigned words, ptn_flag_bits flags) {
  bool set[128] = { false };
  for (const char *at = letters_of (name, base); *at && *at != ','; at++)
    if (g_ascii_isalpha (*at) && !strchr ("DFRST", *at)
        && !(*at >= 'a' && (unsigned)(*at - 'a') < words))
      set[(unsigned char)*at] = true; /* not ours to take away */
  for (size_t i = 0; i < G_N_ELEMENTS (letters); i++)
    set[(unsigned char)letters[i].letter] = flags & letters[i].bit;
  for (unsigned i = 0; i < MIN (words, LETTER_KEYWORDS); i++)
    set['a' + i] = flags >> (16 + i) & 1;
  GString *result = g_string_new_len (name, (gssize)base);
  g_string_append (result, ":2,");
  for (int c = 'A'; c <= 'z'; c++)
    if (set[c])
      g_string_append_c (result, (char)c);
  return g_string_free (result, FALSE);
}

char *
file_name_new (const char *host, uint64_t size, uint64_t crlf_size, bool exact) {
  static gint counter; /* makes names of one process differ, whoever asks */
  int64_t now = g_get_real_time ();
  return g_strdup_printf ("%" G_GINT64_FORMAT ".M%06dP%dQ%d.%s,S=%" G_GUINT64_FORMAT
                          ",W=%" G_GUINT64_FORMAT "%s",
                          now / G_USEC_PER_SEC, (int)(now % G_USEC_PER_SEC), (int)getpid (),
                          g_atomic_int_add (&counter, 1) & G_MAXINT, host, size, crlf_size,
                          exact ? ",X=r" : "");
}

char *
file_name_host (const char *host) {
  GString *safe = g_string_new (NULL);
  for (const char *at = host; *at && safe->len < 60; at++)
    g_string_append_c (safe, g_ascii_isalnum (*at) || *at == '-' || *at == '.' ? *at : '_');
  if (safe->len == 0)
    g_string_append (safe, "localhost");
  return g_string_free (safe, FALSE);
}
