/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - rules of what the table of a mechanism says. */
#include "kit.h"

#define FLAGS_KNOWN \
  (PTN_SASL_PLAINTEXT | PTN_SASL_SERVER_FIRST | PTN_SASL_CHANNEL_BINDING | PTN_SASL_LEGACY)

RULE (name, "table.name", "a mechanism has a name of RFC 4422: 1 to 20 of A-Z, 0-9, - and _",
      "auth.h: SASL mechanisms (RFC 4422)", 0, 0) {
  for (size_t i = 0; i < f->count; i++) {
    const char *text = f->mechanisms[i].table->name;
    must (*text && strlen (text) <= 20
              && strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen (text),
          "the name \"%s\" is no name of a mechanism", text);
  }
}

RULE (anonymous, "table.anonymous", "no plugin lets in everybody: ANONYMOUS is not provided",
      "plugins/auth/README.md", 0, 0) {
  for (size_t i = 0; i < f->count; i++)
    must (strcmp (f->mechanisms[i].table->name, "ANONYMOUS") != 0, "it provides ANONYMOUS");
}

RULE (flags, "table.flags", "the flags are those that auth.h names", "auth.h: ptn_sasl_flags", 0,
      0) {
  for (size_t i = 0; i < f->count; i++)
    must ((f->mechanisms[i].table->flags & ~(ptn_sasl_flags)FLAGS_KNOWN) == 0,
          "the flags of %s are 0x%x", f->mechanisms[i].table->name,
          (unsigned)f->mechanisms[i].table->flags);
}

RULE (schemes, "table.schemes",
      "schemes are words of ptn_credentials.schemes divided by one space, or NULL",
      "auth.h: What it verifies with", 0, 0) {
  for (size_t i = 0; i < f->count; i++) {
    const struct ptn_sasl_mechanism *table = f->mechanisms[i].table;
    if (!PTN_HAS (table, schemes) || !table->schemes)
      continue;
    g_auto (GStrv) words = g_strsplit (table->schemes, " ", 0);
    must (words[0], "the schemes of %s are \"\": NULL says that it needs nobody", table->name);
    for (char **word = words; *word; word++)
      must (**word && strspn (*word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen (*word),
            "\"%s\" in the schemes of %s is no scheme", *word, table->name);
  }
}

RULE (binding, "table.binding-needs-tls",
      "a mechanism named ...-PLUS is CHANNEL_BINDING, and says that it cannot be used without TLS",
      "auth.h: Can it be used on this connection; RFC 5801 section 6", 0, 0) {
  bool any = false;
  sasl_tls (f, false);
  for (size_t i = 0; i < f->count; i++) {
    const struct ptn_sasl_mechanism *table = f->mechanisms[i].table;
    if (!g_str_has_suffix (table->name, "-PLUS"))
      continue;
    any = true;
    must (table->flags & PTN_SASL_CHANNEL_BINDING, "%s is not CHANNEL_BINDING", table->name);
    must (PTN_CAN (table, available), "%s has no `available`", table->name);
    must (!table->available (f->mechanisms[i].instance, &f->request),
          "%s says that it can be used without TLS", table->name);
  }
  if (!any)
    cannot_run ("no mechanism is named ...-PLUS");
}

RULE (available, "table.available", "available says the same of the same connection",
      "auth.h: Can it be used on this connection", 0, 0) {
  bool any = false;
  for (size_t i = 0; i < f->count; i++) {
    const struct tested *m = &f->mechanisms[i];
    if (!PTN_CAN (m->table, available))
      continue;
    any = true;
    for (unsigned tls = 0; tls < 2; tls++) {
      sasl_tls (f, tls);
      const bool first = sasl_is_available (f, m);
      for (unsigned again = 0; again < 8; again++)
        must (sasl_is_available (f, m) == first, "%s is available now and not available then",
              m->table->name);
    }
  }
  if (!any)
    cannot_run ("no mechanism has `available`");
}

RULES (sasl_table, &name_rule, &anonymous_rule, &flags_rule, &schemes_rule, &binding_rule,
       &available_rule);
