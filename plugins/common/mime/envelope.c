/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.c - see envelope.h. */
#include "common/mime/envelope.h"

#include "common/mime/structure.h"

#include <string.h>

struct cursor {
  const char *at, *end;
};

static bool
looking_at (const struct cursor *cursor, const char *word) {
  size_t size = strlen (word);
  return (size_t)(cursor->end - cursor->at) >= size && memcmp (cursor->at, word, size) == 0;
}

/* Behind a string, a number, NIL.  The octets of a string are *text (with its backslashes if it is
 * quoted). */
static bool
pass_atom (struct cursor *cursor, struct ptn_bytes *text, bool *quoted) {
  const char *start = cursor->at;
  *quoted = false;
  *text = (struct ptn_bytes){ NULL, 0 };
  if (cursor->at == cursor->end)
    return false;
  if (*start == '"') {
    for (cursor->at++; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++)
      cursor->at += *cursor->at == '\\' && cursor->at + 1 < cursor->end;
    if (cursor->at == cursor->end)
      return false;
    *text = (struct ptn_bytes){ start + 1, (size_t)(cursor->at - start) - 1 };
    *quoted = true;
    cursor->at++;
    return true;
  }
  if (*start == '{') {
    size_t size = 0;
    for (cursor->at++; cursor->at < cursor->end && g_ascii_isdigit (*cursor->at); cursor->at++)
      if ((size = size * 10 + (size_t)(*cursor->at - '0')) > UINT32_MAX)
        return false;
    if (!looking_at (cursor, "}\r\n") || size > (size_t)(cursor->end - cursor->at) - 3)
      return false;
    *text = (struct ptn_bytes){ cursor->at + 3, size };
    cursor->at += 3 + size;
    return true;
  }
  while (cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '(' && *cursor->at != ')')
    cursor->at++;
  return cursor->at > start;
}

/* Behind a string, a number, NIL, or a list with all that is in it. */
static bool
pass (struct cursor *cursor) {
  struct ptn_bytes text;
  unsigned depth = 0;
  bool quoted;
  do {
    if (cursor->at == cursor->end)
      return false;
    if (*cursor->at == '(') {
      depth++;
      cursor->at++;
    } else if (depth && *cursor->at == ')') {
      depth--;
      cursor->at++;
    } else if (depth && *cursor->at == ' ')
      cursor->at++;
    else if (!pass_atom (cursor, &text, &quoted))
      return false;
  } while (depth);
  return true;
}

static void
pass_blank (struct cursor *cursor) {
  cursor->at += cursor->at < cursor->end && *cursor->at == ' ';
}

ptn_status
mime_envelope_open (struct ptn_bytes text, struct mime_envelope *envelope) {
  struct cursor cursor = { text.data, (const char *)text.data + text.size };
  if (!looking_at (&cursor, "("))
    return PTN_E_CORRUPT;
  cursor.at++;
  for (unsigned i = 0; i < MIME_ENVELOPE_MEMBERS; i++) {
    const char *start = cursor.at;
    if (!pass (&cursor))
      return PTN_E_CORRUPT;
    envelope->members[i] = (struct ptn_bytes){ start, (size_t)(cursor.at - start) };
    pass_blank (&cursor);
  }
  return PTN_OK;
}

bool
mime_string_read (struct ptn_bytes *text, GString *out, bool *is_nil) {
  struct cursor cursor = { text->data, (const char *)text->data + text->size };
  struct ptn_bytes value;
  bool quoted;
  g_string_truncate (out, 0);
  if (!text->size || *cursor.at == '(' || !pass_atom (&cursor, &value, &quoted))
    return false;
  *is_nil = value.data == NULL;
  if (!quoted && value.data)
    g_string_append_len (out, value.data, (gssize)value.size);
  for (size_t i = 0; quoted && i < value.size; i++) {
    const char *data = value.data;
    i += data[i] == '\\' && i + 1 < value.size;
    g_string_append_c (out, data[i]);
  }
  pass_blank (&cursor);
  *text = (struct ptn_bytes){ cursor.at, (size_t)(cursor.end - cursor.at) };
  return true;
}

bool
mime_envelope_address_next (struct ptn_bytes *list, struct mime_envelope_address *address) {
  struct cursor cursor = { list->data, (const char *)list->data + list->size };
  bool nil[4];
  if (looking_at (&cursor, "(("))
    cursor.at++;
  if (!looking_at (&cursor, "("))
    return false;
  cursor.at++;
  struct ptn_bytes rest = { cursor.at, (size_t)(cursor.end - cursor.at) };
  if (!mime_string_read (&rest, address->name, &nil[0])
      || !mime_string_read (&rest, address->route, &nil[1])
      || !mime_string_read (&rest, address->mailbox, &nil[2])
      || !mime_string_read (&rest, address->host, &nil[3]))
    return false;
  address->has_name = !nil[0];
  address->has_route = !nil[1];
  address->has_mailbox = !nil[2];
  address->has_host = !nil[3];
  cursor.at = rest.data;
  if (!looking_at (&cursor, ")"))
    return false;
  cursor.at++;
  *list = (struct ptn_bytes){ cursor.at, (size_t)(cursor.end - cursor.at) };
  return true;
}

/* --- BODY ------------------------------------------------------------------------------------------ */

static bool
append_passed (struct cursor *cursor, unsigned count, GString *out) {
  const char *start = cursor->at;
  for (unsigned i = 0; i < count; i++) {
    if (i)
      pass_blank (cursor);
    if (!pass (cursor))
      return false;
  }
  g_string_append_len (out, start, (gssize)(cursor->at - start));
  return true;
}

/* From the start of a part to behind it.  As deep as parts are. */
static bool
append_body (struct cursor *cursor, unsigned depth, GString *out) {
  bool message, text;
  if (!looking_at (cursor, "(") || depth > MIME_DEPTH_MAX)
    return false;
  g_string_append_c (out, '(');
  cursor->at++;
  if (looking_at (cursor, "(")) {
    while (looking_at (cursor, "("))
      if (!append_body (cursor, depth + 1, out))
        return false;
    pass_blank (cursor);
    g_string_append_c (out, ' ');
    if (!append_passed (cursor, 1, out))
      return false;
  } else {
    text = cursor->end - cursor->at > 7 && !g_ascii_strncasecmp (cursor->at, "\"text\" ", 7);
    message = cursor->end - cursor->at > 18
              && (!g_ascii_strncasecmp (cursor->at, "\"message\" \"rfc822\"", 18)
                  || !g_ascii_strncasecmp (cursor->at, "\"message\" \"global\"", 18));
    if (!append_passed (cursor, text ? 8 : 7, out))
      return false;
    if (message) { /* envelope, body, lines */
      pass_blank (cursor);
      g_string_append_c (out, ' ');
      if (!append_passed (cursor, 1, out))
        return false;
      pass_blank (cursor);
      g_string_append_c (out, ' ');
      if (!append_body (cursor, depth + 1, out))
        return false;
      pass_blank (cursor);
      g_string_append_c (out, ' ');
      if (!append_passed (cursor, 1, out))
        return false;
    }
  }
  g_string_append_c (out, ')');
  while (looking_at (cursor, " ")) {
    cursor->at++;
    if (!pass (cursor))
      return false;
  }
  if (!looking_at (cursor, ")"))
    return false;
  cursor->at++;
  return true;
}

ptn_status
mime_body_append (struct ptn_bytes structure, GString *out) {
  struct cursor cursor = { structure.data, (const char *)structure.data + structure.size };
  size_t start = out->len;
  if (append_body (&cursor, 0, out))
    return PTN_OK;
  g_string_truncate (out, start);
  return PTN_E_CORRUPT;
}
