/* SPDX-License-Identifier: Apache-2.0 */
/* id.c - who talks to whom: ID (RFC 2971); what the client understands: ENABLE (RFC 5161). */
#include "capability.h"
#include "commands.h"
#include "login/login.h"

#include <sys/utsname.h>

/* RFC 2971 section 3.3 */
#define ID_FIELDS_MAX 30
#define ID_NAME_MAX 30
#define ID_VALUE_MAX 1024

/* What was said before a login helps to find out who could not log in, so every ID is logged. */
static bool
read_id (struct reader *r, struct ptn_field *fields, size_t *count) {
  *count = 0;
  if (!reader_space (r))
    return false;
  if (reader_accept_word (r, "NIL"))
    return reader_end (r);
  if (!reader_expect (r, '('))
    return false;
  if (reader_accept (r, ')'))
    return reader_end (r);
  do {
    size_t name_size, value_size;
    bool nil;
    const char *name = reader_string (r, &name_size);
    const char *value = name && reader_space (r) ? reader_nstring (r, &value_size, &nil) : NULL;
    if (!value)
      return false;
    if (*count == ID_FIELDS_MAX || name_size > ID_NAME_MAX || value_size > ID_VALUE_MAX)
      return reader_fail (r,
                          "more than 30 fields, a name of more than 30 octets or a value of more "
                          "than 1024");
    fields[(*count)++] = (struct ptn_field){ name, nil ? "NIL" : value };
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')') && reader_end (r);
}

static void
log_id (struct session *s, const struct ptn_field *fields, size_t count) {
  const struct ptn_host *host = s->imap4->host;
  unsigned char whose = s->user ? 2 : 1; /* once before the login, once behind it: no flood */
  if (!count || s->id_logged & whose || !host->logs (host, PTN_LOG_INFO))
    return;
  s->id_logged |= whose;
  g_autoptr (GString) text = g_string_new (NULL);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (text, "%s%s=%s", i ? " " : "", fields[i].name, fields[i].value);
  struct ptn_field field = { "id", text->str };
  host->log (host, PTN_LOG_INFO, s->task, "imap4.client", &field, 1);
}

static const char *
own_value (const struct session *s, const char *name, const struct utsname *system) {
  if (strcmp (name, "name") == 0)
    return "Postern";
  if (strcmp (name, "version") == 0)
    return s->imap4->host->version;
  if (strcmp (name, "os") == 0)
    return system->sysname;
  if (strcmp (name, "os-version") == 0)
    return system->release;
  return NULL;
}

void
command_id (struct session *s, struct reader *r) {
  struct ptn_field fields[ID_FIELDS_MAX];
  size_t count;
  if (!read_id (r, fields, &count)) {
    answer_syntax (s, r);
    return;
  }
  log_id (s, fields, count);
  struct ptn_strings names = s->imap4->host->words (s->info->config, "id");
  struct utsname system = { 0 };
  uname (&system);
  bool first = true;
  PUT (&s->out, "* ID ");
  for (size_t i = 0; i < names.count; i++) {
    const char *value = own_value (s, names.items[i], &system);
    if (!value)
      continue;
    put_char (&s->out, first ? '(' : ' ');
    put_string (&s->out, names.items[i], strlen (names.items[i]), false);
    put_char (&s->out, ' ');
    put_string (&s->out, value, strlen (value), false);
    first = false;
  }
  if (first)
    PUT (&s->out, "NIL\r\n");
  else
    PUT (&s->out, ")\r\n");
  answer_ok (s, NULL, "ID completed");
}

/* --- ENABLE ----------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  unsigned bits, implies;
} extensions[] = {
  { "CONDSTORE", ENABLED_CONDSTORE, 0 },
  { "IMAP4REV2", ENABLED_REV2, 0 },
  { "QRESYNC", ENABLED_QRESYNC, ENABLED_CONDSTORE }, /* RFC 7162 section 3.2.3 */
  { "UIDONLY", ENABLED_UIDONLY, 0 },
  { "UTF8=ACCEPT", ENABLED_UTF8, 0 },
};

/* RFC 5161 section 3.1: what is unknown, or cannot be enabled, is passed over. */
static unsigned
enabled_by (const struct session *s, const char *name) {
  enum capability capability = capability_find (name);
  if (capability == CAP_NONE || !offers (s, capability))
    return 0;
  for (size_t i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (strcmp (name, extensions[i].name) == 0)
      return extensions[i].bits | extensions[i].implies;
  return 0;
}

void
command_enable (struct session *s, struct reader *r) {
  unsigned wanted = 0;
  do {
    const char *name = reader_space (r) ? reader_keyword (r) : NULL;
    if (!name) {
      answer_syntax (s, r);
      return;
    }
    wanted |= enabled_by (s, name);
  } while (reader_peek (r) == ' ');
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  PUT (&s->out, "* ENABLED");
  for (size_t i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (wanted & ~s->enabled & extensions[i].bits) {
      put_char (&s->out, ' ');
      put_text (&s->out, extensions[i].bits == ENABLED_REV2 ? "IMAP4rev2" : extensions[i].name);
    }
  PUT (&s->out, "\r\n");
  s->enabled |= wanted;
  answer_ok (s, NULL, "ENABLE completed");
}
