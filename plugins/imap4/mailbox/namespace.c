/* SPDX-License-Identifier: Apache-2.0 */
/* namespace.c - NAMESPACE (RFC 2342, RFC 9051 section 6.3.10), with translations (RFC 5255 section
 * 3.4). */
#include "commands.h"
#include "mailbox/names.h"

static const struct translation {
  const char *language, *name, *translated; /* of the names that the settings have from the start */
} translations[] = {
  { "de", "Other Users", "Andere Benutzer" },
  { "de", "Public Folders", "Öffentliche Ordner" },
};

static void
put_translation (struct session *s, const char *name) {
  for (size_t i = 0; s->language && i < G_N_ELEMENTS (translations); i++) {
    const struct translation *translation = &translations[i];
    if (strcmp (translation->language, s->language) != 0 || strcmp (translation->name, name) != 0)
      continue;
    g_autofree char *prefix = g_strconcat (translation->translated, "/", NULL);
    PUT (&s->out, " \"TRANSLATION\" (");
    put_mailbox_string (&s->out, prefix, session_utf8 (s));
    put_char (&s->out, ')');
  }
}

static void
put_namespace (struct session *s, const char *name, bool there) {
  if (!there || !*name) {
    PUT (&s->out, " NIL");
    return;
  }
  g_autofree char *prefix = g_strconcat (name, "/", NULL);
  PUT (&s->out, " ((");
  put_mailbox_string (&s->out, prefix, session_utf8 (s));
  PUT (&s->out, " \"/\"");
  put_translation (s, name);
  PUT (&s->out, "))");
}

void
command_namespace (struct session *s, struct reader *r) {
  uint32_t capabilities = s->imap4->store->capabilities;
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  PUT (&s->out, "* NAMESPACE ((\"\" \"/\"))");
  put_namespace (s, namespace_others (s), capabilities & PTN_STORE_ACL);
  put_namespace (s, namespace_public (s), capabilities & PTN_STORE_PUBLIC);
  PUT (&s->out, "\r\n");
  answer_ok (s, NULL, "NAMESPACE completed");
}
