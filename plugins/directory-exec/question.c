/* SPDX-License-Identifier: Apache-2.0 */
/* question.c - see question.h.  The struct owns its text, and nobody else has a copy. */
#include "question.h"

#include <string.h>

#define FIRST_ROOM 512

struct question {
  char *text;
  size_t size, room;
  size_t members; /* octets of the members: op and id stand behind them */
  bool broken;
};

struct question *
question_new (void) {
  struct question *question = g_new0 (struct question, 1);
  question->room = FIRST_ROOM;
  question->text = g_malloc (question->room);
  return question;
}

void
question_free (struct question **held) {
  struct question *question = *held;
  if (!question)
    return;
  explicit_bzero (question->text, question->room);
  g_free (question->text);
  g_free (question);
  *held = NULL;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void
put (struct question *question, const char *octets, size_t size) {
  if (size > question->room - question->size) {
    const size_t room = MAX (2 * question->room, question->size + size);
    char *wider = g_malloc (room);
    memcpy (wider, question->text, question->size);
    explicit_bzero (question->text, question->room);
    g_free (question->text);
    question->text = wider;
    question->room = room;
  }
  memcpy (question->text + question->size, octets, size);
  question->size += size;
}

static void
put_text (struct question *question, const char *text) {
  put (question, text, strlen (text));
}

/* RFC 8259 section 7. */
static void
put_string (struct question *question, const char *text, size_t size) {
  static const char digits[] = "0123456789abcdef";
  put_text (question, "\"");
  for (size_t i = 0; i < size; i++) {
    const unsigned char octet = (unsigned char)text[i];
    if (octet == '"' || octet == '\\') {
      put_text (question, "\\");
      put (question, &text[i], 1);
    } else if (octet < 0x20) {
      const char escaped[] = { '\\', 'u', '0', '0', digits[octet >> 4], digits[octet & 15] };
      put (question, escaped, sizeof escaped);
    } else
      put (question, &text[i], 1);
  }
  put_text (question, "\"");
}

static void
put_name (struct question *question, const char *name) {
  question->size = question->members;
  put_text (question, question->size ? "," : "{");
  put_string (question, name, strlen (name));
  put_text (question, ":");
}

/* ---- Members ----------------------------------------------------------------------------- */

bool
question_add_octets (struct question *question, const char *name, struct ptn_bytes text) {
  if (!g_utf8_validate_len (text.data, text.size, NULL)) {
    question->broken = true;
    return false;
  }
  put_name (question, name);
  put_string (question, text.data, text.size);
  question->members = question->size;
  return true;
}

bool
question_add (struct question *question, const char *name, const char *text) {
  return question_add_octets (question, name, (struct ptn_bytes){ text, strlen (text) });
}

void
question_add_json (struct question *question, const char *name, const char *json) {
  put_name (question, name);
  put_text (question, json);
  question->members = question->size;
}

bool
question_is_whole (const struct question *question) {
  return !question->broken;
}

struct ptn_bytes
question_line (struct question *question, const char *op, gint64 id) {
  if (question->broken)
    return (struct ptn_bytes){ NULL, 0 };
  const size_t members = question->members;
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  question_add (question, "op", op);
  question_add_json (question, "id", number);
  put_text (question, "}\n");
  question->members = members;
  return (struct ptn_bytes){ question->text, question->size };
}
