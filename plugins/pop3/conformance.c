/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.c - which standards of POP3 a listener keeps, for posternctl conformance.  Called from
 * any thread. */
#include "pop3.h"

#include <postern/conformance.h>

enum rule { ALWAYS, START_TLS, TLS, SWITCH, NEVER };

static const struct known {
  const char *document, *feature, *title;
  enum rule rule;
  const char *what; /* SWITCH: the setting; NEVER: why not */
} known[] = {
  { "RFC 1939", "", "POP3", ALWAYS, NULL },
  { "RFC 1939", "TOP", "the header and some lines", ALWAYS, NULL },
  { "RFC 1939", "UIDL", "names of messages that stay", ALWAYS, NULL },
  { "RFC 1939", "APOP", "login with a digest of MD5", SWITCH, "apop" },
  { "RFC 1460", "LAST", "the last message that was read", NEVER, "RFC 1939 took it away" },
  { "RFC 2449", "CAPA", "what the server can do", ALWAYS, NULL },
  { "RFC 2449", "RESP-CODES", "codes in answers", ALWAYS, NULL },
  { "RFC 2449", "PIPELINING", "commands without waiting for answers", ALWAYS, NULL },
  { "RFC 2449", "EXPIRE", "how long fetched mail stays", ALWAYS, NULL },
  { "RFC 2449", "LOGIN-DELAY", "time between two logins", SWITCH, "login_delay" },
  { "RFC 2449", "IMPLEMENTATION", "the name of the program", SWITCH, "implementation" },
  { "RFC 2595", "STLS", "TLS on a connection in clear", START_TLS, NULL },
  { "RFC 3206", "AUTH-RESP-CODE", "which logins fail for what the user did", ALWAYS, NULL },
  { "RFC 5034", "SASL", "AUTH, with an initial response", ALWAYS, NULL },
  { "RFC 6856", "UTF8", "headers and names in UTF-8", SWITCH, "utf8" },
  { "RFC 6856", "LANG", "languages of texts: English", ALWAYS, NULL },
  { "RFC 8314", "", "TLS from the first octet", TLS, NULL },
};

static void
be_off (struct ptn_standard *row, const char *why) {
  row->state = PTN_STANDARD_OFF;
  g_strlcpy (row->why, why, sizeof row->why);
}

static bool
switched_on (const struct ptn_host *host, const struct ptn_config *config, const char *name) {
  const char *text = host->text (config, name);
  return strcmp (name, "implementation") == 0 ? text && *text : host->number (config, name) > 0;
}

static ptn_status
standard (void *instance, const struct ptn_session_info *info, const struct ptn_strings *attributes,
          uint32_t number, struct ptn_standard *row) {
  const struct pop3 *pop3 = instance;
  if (number >= G_N_ELEMENTS (known))
    return PTN_END;
  const struct known *one = &known[number];
  row->document = one->document;
  row->feature = one->feature;
  row->title = one->title;
  row->state = PTN_STANDARD_ON;
  switch (one->rule) {
  case ALWAYS:
    break;
  case START_TLS:
    if (!info->start_tls)
      be_off (row, info->implicit_tls ? "TLS is there from the first octet"
                                      : "the listener has tls = none");
    break;
  case TLS:
    if (!info->implicit_tls)
      be_off (row, "the listener does not have tls = implicit");
    break;
  case SWITCH:
    if (!switched_on (pop3->host, info->config, one->what)) {
      row->state = PTN_STANDARD_OFF;
      g_snprintf (row->why, sizeof row->why, "the listener's setting %s switches it off",
                  one->what);
    }
    break;
  case NEVER:
    be_off (row, one->what);
    row->state = PTN_STANDARD_MISSING;
    break;
  }
  return PTN_OK;
}

const struct ptn_conformance pop3_conformance = {
  .size = sizeof pop3_conformance,
  .standard = standard,
};
