/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.c - which standards of SMTP and LMTP a listener keeps, for posternctl conformance.
 * Called from any thread. */
#include "session.h"

#include <postern/conformance.h>

enum { SUBMISSION = 1, RECEIVE = 2, LMTP = 4, SMTP = SUBMISSION | RECEIVE, ALL = SMTP | LMTP };

static const struct known {
  const char *document, *feature, *title;
  unsigned kinds;      /* where it is there; 0: nowhere */
  const char *missing; /* why */
} known[] = {
  { "RFC 5321", "", "SMTP", SMTP, NULL },
  { "RFC 6409", "", "submission of mail by clients", SUBMISSION, NULL },
  { "RFC 2033", "", "LMTP", LMTP, NULL },
  { "RFC 8314", "", "TLS from the first octet", ALL, NULL },
  { "RFC 3207", "STARTTLS", "TLS on a connection in clear", ALL, NULL },
  { "RFC 4954", "AUTH", "login with SASL", SUBMISSION, NULL },
  { "RFC 1870", "SIZE", "the size of a mail before it is sent", ALL, NULL },
  { "RFC 2920", "PIPELINING", "commands without waiting for answers", ALL, NULL },
  { "RFC 6152", "8BITMIME", "octets above 127", ALL, NULL },
  { "RFC 6531", "SMTPUTF8", "addresses and headers in UTF-8", ALL, NULL },
  { "RFC 3030", "CHUNKING", "BDAT: mail in chunks", ALL, NULL },
  { "RFC 3030", "BINARYMIME", "mail that is not made of lines", 0, "mails are made of lines here" },
  { "RFC 2034", "ENHANCEDSTATUSCODES", "codes of RFC 3463 in answers", ALL, NULL },
  { "RFC 3848", "", "how a mail came, in Received", ALL, NULL },
  { "RFC 3461", "DSN", "notes about delivery as the sender wishes", 0,
    "this version does not have it" },
  { "RFC 2852", "DELIVERBY", "delivery by a certain time", 0, "there is no queue" },
  { "RFC 4468", "BURL", "texts from an IMAP server", 0, "this version does not have it" },
  { "RFC 4865", "FUTURERELEASE", "delivery at a later time", 0, "there is no queue" },
  { "RFC 6710", "MT-PRIORITY", "priorities", 0, "there is no queue" },
  { "RFC 7293", "RRVS", "only if the owner did not change", 0, "this version does not have it" },
  { "RFC 8689", "REQUIRETLS", "only over TLS", 0, "mail is not sent to other servers" },
};

static void
be (struct ptn_standard *row, ptn_standard_state state, const char *why) {
  row->state = state;
  g_strlcpy (row->why, why, sizeof row->why);
}

static void
judge (const struct known *one, const struct ptn_session_info *info, const char *kind,
       struct ptn_standard *row) {
  unsigned bit = strcmp (kind, "lmtp") == 0      ? LMTP
                 : strcmp (kind, "receive") == 0 ? RECEIVE
                                                 : SUBMISSION;
  row->state = PTN_STANDARD_ON;
  if (!one->kinds)
    be (row, PTN_STANDARD_MISSING, one->missing);
  else if (!(one->kinds & bit)) {
    row->state = PTN_STANDARD_OFF;
    g_snprintf (row->why, sizeof row->why, "the listener has kind = %s", kind);
  } else if (strcmp (one->feature, "STARTTLS") == 0 && !info->start_tls)
    be (row, PTN_STANDARD_OFF,
        info->implicit_tls ? "TLS is there from the first octet" : "the listener has tls = none");
  else if (strcmp (one->document, "RFC 8314") == 0 && !info->implicit_tls)
    be (row, PTN_STANDARD_OFF, "the listener does not have tls = implicit");
}

static ptn_status
standard (void *instance, const struct ptn_session_info *info, const struct ptn_strings *attributes,
          uint32_t number, struct ptn_standard *row) {
  const struct submission *plugin = instance;
  if (number >= G_N_ELEMENTS (known))
    return PTN_END;
  const struct known *one = &known[number];
  row->document = one->document;
  row->feature = one->feature;
  row->title = one->title;
  judge (one, info, plugin->host->text (info->config, "kind"), row);
  return PTN_OK;
}

const struct ptn_conformance submission_conformance = {
  .size = sizeof submission_conformance,
  .standard = standard,
};
