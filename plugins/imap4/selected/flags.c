/* SPDX-License-Identifier: Apache-2.0 */
/* flags.c - flags and keywords, as answers show them and commands name them (RFC 9051 section
 * 2.3.2).  In the session's task. */
#include "common/rights.h"
#include "selected/selected.h"

static const char *const names[] = { "\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft" };

bool
keyword_shown (const char *keyword) {
  if (!*keyword)
    return false;
  for (const unsigned char *p = (const unsigned char *)keyword; *p; p++)
    if (*p <= ' ' || *p >= 0x7f || strchr ("(){%*\"\\]", *p))
      return false;
  return true;
}

static void
put_word (struct writer *w, const char *word) {
  put_text (w, word);
  put_char (w, ' ');
}

static void
put_names (struct writer *w, const struct ptn_view *view, ptn_flag_bits flags) {
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (flags >> i & 1)
      put_word (w, names[i]);
  for (size_t i = 0; i < view->keywords.count && flags >> 16 >> i; i++)
    if (flags >> (16 + i) & 1 && keyword_shown (view->keywords.items[i]))
      put_word (w, view->keywords.items[i]);
}

static void
close_list (struct writer *w) {
  if (w->data[w->size - 1] == ' ')
    w->data[w->size - 1] = ')';
  else
    put_char (w, ')');
}

void
put_flags (const struct session *s, struct writer *w, const struct ptn_view *view, uint32_t uid,
           ptn_flag_bits flags) {
  put_char (w, '(');
  if (flags)
    put_names (w, view, flags);
  if (uid >= s->selected->recent_from && !(s->enabled & ENABLED_REV2))
    PUT (w, "\\Recent ");
  close_list (w);
}

void
tell_flag_names (struct session *s, const struct ptn_view *view) {
  struct selected *selected = s->selected;
  struct writer *w = &s->out;
  ptn_flag_bits may = selected->read_only ? 0 : rights_flags (selected->rights);
  ptn_flag_bits all = ~(ptn_flag_bits)0;
  PUT (w, "* FLAGS (");
  put_names (w, view, all);
  close_list (w);
  PUT (w, "\r\n* OK [PERMANENTFLAGS (");
  put_names (w, view, may);
  if (may >> 16 && view->keywords.count < 48)
    PUT (w, "\\* ");
  close_list (w);
  put_text (w, may ? "] flags that are kept\r\n" : "] no flag can be changed\r\n");
  selected->told_keywords = (uint32_t)view->keywords.count;
}

static bool
read_system (struct reader *r, ptn_flag_bits *flags) {
  const char *word = reader_atom (r);
  if (!word)
    return false;
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (names[i] + 1, word) == 0) {
      *flags |= (ptn_flag_bits)1 << i;
      return true;
    }
  if (g_ascii_strcasecmp (word, "Recent") == 0)
    return reader_fail (r, "\\Recent cannot be changed");
  return reader_fail (r, "unknown system flag");
}

static bool
read_one (struct reader *r, struct flag_names *flags) {
  if (reader_accept (r, '\\'))
    return read_system (r, &flags->system);
  const char *word = reader_atom (r);
  if (!word)
    return false;
  if (!flags->keywords)
    flags->keywords = g_ptr_array_new ();
  if (flags->keywords->len >= 64)
    return reader_fail (r, "too many keywords");
  g_ptr_array_add (flags->keywords, (char *)word);
  return true;
}

bool
read_flag_names (struct reader *r, struct flag_names *flags) {
  *flags = (struct flag_names){ 0 };
  bool list = reader_accept (r, '(');
  if (list && reader_accept (r, ')'))
    return true;
  do {
    if (!read_one (r, flags))
      return false;
  } while (reader_accept (r, ' '));
  return !list || reader_expect (r, ')');
}

void
flag_names_clear (struct flag_names *flags) {
  if (flags->keywords)
    g_ptr_array_unref (flags->keywords);
  *flags = (struct flag_names){ 0 };
}
