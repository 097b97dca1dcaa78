/* SPDX-License-Identifier: Apache-2.0 */
/* edit.c - finds sections and key lines by the rules of parse.c, and cuts and inserts whole lines;
 * see edit.h.  Owns nothing. */
#include "edit.h"

#include "common/login/names.h"

#include <string.h>

/* ---- Lines ------------------------------------------------------------------------------- */

/* One line: its octets, where the next begins, and its text without white space around it. */
struct line {
  gsize begin, next;
  gsize text, text_end;
};

static bool
is_space (char character) {
  return character == ' ' || character == '\t' || character == '\r';
}

static bool
line_at (const GString *text, gsize begin, struct line *line) {
  if (begin >= text->len)
    return false;
  const char *newline = memchr (text->str + begin, '\n', text->len - begin);
  const gsize end = newline ? (gsize)(newline - text->str) : text->len;
  *line = (struct line){ begin, newline ? end + 1 : end, begin, end };
  if (begin == 0 && g_str_has_prefix (text->str, "\xef\xbb\xbf"))
    line->text += 3;
  while (line->text_end > line->text && is_space (text->str[line->text_end - 1]))
    line->text_end--;
  while (line->text < line->text_end && is_space (text->str[line->text]))
    line->text++;
  return true;
}

static bool
is_head (const GString *text, const struct line *line) {
  return line->text < line->text_end && text->str[line->text] == '[';
}

/* Neither blank nor comment. */
static bool
says_something (const GString *text, const struct line *line) {
  return line->text < line->text_end && !strchr ("#;", text->str[line->text]);
}

/* Where the value of `key = value` begins, or 0. */
static gsize
value_of (const GString *text, const struct line *line, const char *key) {
  const gsize length = strlen (key);
  gsize at = line->text + length;
  if (line->text_end - line->text <= length || memcmp (text->str + line->text, key, length) != 0)
    return 0;
  while (at < line->text_end && is_space (text->str[at]))
    at++;
  if (at == line->text_end || text->str[at] != '=')
    return 0;
  at++;
  while (at < line->text_end && is_space (text->str[at]))
    at++;
  return at;
}

/* ---- Sections ---------------------------------------------------------------------------- */

struct section {
  gsize begin;    /* of its head */
  gsize body;     /* of the line behind it */
  gsize last_end; /* behind the last line that says something */
  gsize end;      /* of everything up to the next head */
};

static bool
is_account (const GString *text, const struct line *head, const char *account) {
  char folded[NAME_LIMIT + 1];
  gsize begin = head->text + 1, end = head->text_end - 1;
  if (end <= begin || text->str[end] != ']')
    return false;
  while (begin < end && is_space (text->str[begin]))
    begin++;
  while (begin < end && is_space (text->str[end - 1]))
    end--;
  return name_canonical (text->str + begin, end - begin, folded) && strcmp (folded, account) == 0
         && !strchr (folded, ' '); /* [group x] */
}

static bool
find_section (const GString *text, const char *account, struct section *section) {
  bool inside = false;
  struct line line;
  for (gsize at = 0; line_at (text, at, &line); at = line.next) {
    const bool head = is_head (text, &line);
    if (inside && head)
      break;
    if (!inside && head && is_account (text, &line, account)) {
      inside = true;
      section->begin = line.begin;
      section->body = line.next;
    }
    if (inside) {
      section->end = line.next;
      if (says_something (text, &line))
        section->last_end = line.next;
    }
  }
  return inside;
}

static void
end_last_line (GString *text) {
  if (text->len && text->str[text->len - 1] != '\n')
    g_string_append_c (text, '\n');
}

bool
edit_has (const GString *text, const char *account) {
  struct section section;
  return find_section (text, account, &section);
}

void
edit_add (GString *text, const char *account) {
  end_last_line (text);
  if (text->len && !g_str_has_suffix (text->str, "\n\n"))
    g_string_append_c (text, '\n');
  g_string_append_printf (text, "[%s]\n", account);
}

bool
edit_remove (GString *text, const char *account) {
  struct section section;
  if (!find_section (text, account, &section))
    return false;
  struct line line;
  gsize end = section.last_end;
  if (line_at (text, end, &line) && line.text == line.text_end)
    end = line.next; /* the blank line that divided it from the next */
  g_string_erase (text, (gssize)section.begin, (gssize)(end - section.begin));
  return true;
}

/* ---- Keys -------------------------------------------------------------------------------- */

bool
edit_set (GString *text, const char *account, const char *key, const char *const *values) {
  struct section section;
  end_last_line (text);
  if (!find_section (text, account, &section))
    return false;
  gsize place = 0; /* of the first line that went */
  struct line line;
  for (gsize at = section.body; at < section.end && line_at (text, at, &line);) {
    if (!value_of (text, &line, key)) {
      at = line.next;
      continue;
    }
    place = place ? place : line.begin;
    section.end -= line.next - line.begin;
    g_string_erase (text, (gssize)line.begin, (gssize)(line.next - line.begin));
  }
  if (!place)
    place = section.last_end;
  for (; *values; values++) {
    g_autofree char *made = g_strdup_printf ("%s = %s\n", key, *values);
    g_string_insert (text, (gssize)place, made);
    place += strlen (made);
  }
  return true;
}

bool
edit_add_line (GString *text, const char *account, const char *key, const char *value) {
  struct section section;
  struct line line;
  end_last_line (text);
  if (!find_section (text, account, &section))
    return false;
  gsize place = section.last_end;
  for (gsize at = section.body; at < section.end && line_at (text, at, &line); at = line.next)
    if (value_of (text, &line, key))
      place = line.next;
  g_autofree char *made = g_strdup_printf ("%s = %s\n", key, value);
  g_string_insert (text, (gssize)place, made);
  return true;
}

bool
edit_drop_line (GString *text, const char *account, const char *key, const char *word) {
  struct section section;
  struct line line;
  const gsize length = strlen (word);
  if (!find_section (text, account, &section))
    return false;
  for (gsize at = section.body; at < section.end && line_at (text, at, &line); at = line.next) {
    const gsize value = value_of (text, &line, key);
    if (!value || line.text_end - value < length
        || g_ascii_strncasecmp (text->str + value, word, length) != 0
        || (value + length < line.text_end && !is_space (text->str[value + length])))
      continue;
    g_string_erase (text, (gssize)line.begin, (gssize)(line.next - line.begin));
    return true;
  }
  return false;
}

static bool
same_name (const char *word, gsize length, const char *name) {
  char folded[NAME_LIMIT + 1];
  return name_canonical (word, length, folded) && strcmp (folded, name) == 0;
}

/* The value without the word, in words divided by ", "; NULL: it was not in it. */
static char *
without (const char *value, gsize length, const char *name) {
  g_autoptr (GString) rest = g_string_new (NULL);
  bool found = false;
  for (gsize at = 0; at < length;) {
    const gsize gap = MIN (strspn (value + at, " \t,\r"), length - at);
    const gsize word = MIN (strcspn (value + at + gap, " \t,\r\n"), length - at - gap);
    at += gap;
    if (word == 0)
      break;
    if (same_name (value + at, word, name)) {
      found = true;
    } else {
      if (rest->len)
        g_string_append (rest, ", ");
      g_string_append_len (rest, value + at, (gssize)word);
    }
    at += word;
  }
  return found ? g_strdup (rest->str) : NULL;
}

/* Takes the word out of every line of the key between two places; *end moves along. */
static bool
take_out (GString *text, gsize begin, gsize *end, const char *key, const char *word) {
  bool found = false;
  struct line line;
  for (gsize at = begin; at < *end && line_at (text, at, &line); at = line.next) {
    const gsize value = value_of (text, &line, key);
    if (!value)
      continue;
    g_autofree char *rest = without (text->str + value, line.text_end - value, word);
    if (!rest)
      continue;
    found = true;
    const gsize before = text->len;
    if (*rest) {
      g_string_erase (text, (gssize)value, (gssize)(line.text_end - value));
      g_string_insert (text, (gssize)value, rest);
    } else {
      g_string_erase (text, (gssize)line.begin, (gssize)(line.next - line.begin));
    }
    line.next = line.next + text->len - before;
    *end = *end + text->len - before;
  }
  return found;
}

bool
edit_list (GString *text, const char *account, const char *key, const char *word, bool add,
           bool *changed) {
  struct section section = { 0 };
  end_last_line (text);
  if (!find_section (text, account, &section))
    return false;
  if (!add) {
    *changed = take_out (text, section.body, &section.end, key, word);
    return true;
  }
  struct line line = { 0 }, last = { 0 };
  for (gsize at = section.body; at < section.end && line_at (text, at, &line); at = line.next) {
    const gsize value = value_of (text, &line, key);
    if (!value)
      continue;
    last = line;
    g_autofree char *rest = without (text->str + value, line.text_end - value, word);
    if (rest) {
      *changed = false;
      return true;
    }
  }
  *changed = true;
  if (last.next) {
    g_autofree char *more = g_strconcat (", ", word, NULL);
    g_string_insert (text, (gssize)last.text_end, more);
  } else {
    g_autofree char *made = g_strdup_printf ("%s = %s\n", key, word);
    g_string_insert (text, (gssize)section.last_end, made);
  }
  return true;
}

void
edit_forget (GString *text, const char *account) {
  gsize end = text->len;
  static const char *const lists[] = { "delegates", "readers", "may_open", "members" };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    take_out (text, 0, &end, lists[i], account);
}
