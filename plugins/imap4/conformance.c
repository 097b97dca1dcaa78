/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.c - which standards of IMAP a listener keeps, for posternctl conformance.
 *
 * What is offered stands in the table of capability.h alone; here are the names of all there are, so
 * that what is not there is told too.  Called from any thread; nothing is shared. */
#include "capability.h"

#include <stdio.h>

enum always { BY_TABLE, ALWAYS, STARTTLS, INCLUDED };

static const struct known {
  const char *document, *feature, *title;
  enum always always;
  const char *missing; /* why it is not there, if there is more to say */
} known[] = {
  { "RFC 3501", "IMAP4rev1", "IMAP4rev1", BY_TABLE, NULL },
  { "RFC 9051", "IMAP4rev2", "IMAP4rev2", BY_TABLE, NULL },
  { "RFC 8314", "", "TLS from the first octet, or STARTTLS", ALWAYS, NULL },
  { "RFC 9051", "STARTTLS", "TLS on a connection in clear", STARTTLS, NULL },
  { "RFC 7888", "LITERAL+", "literals without waiting", BY_TABLE, NULL },
  { "RFC 7888", "LITERAL-", "small literals without waiting", INCLUDED,
    "LITERAL+ is offered, which includes it" },
  { "RFC 2177", "IDLE", "changes are told while nothing is asked", BY_TABLE, NULL },
  { "RFC 2193", "MAILBOX-REFERRALS", "mailboxes on other servers", BY_TABLE,
    "all mailboxes that are shown are here" },
  { "RFC 2221", "LOGIN-REFERRALS", "another server has the mailbox", BY_TABLE, NULL },
  { "RFC 2342", "NAMESPACE", "where others' and public mailboxes are", BY_TABLE, NULL },
  { "RFC 2971", "ID", "names of programs", BY_TABLE, NULL },
  { "RFC 3348", "CHILDREN", "LIST tells of children", BY_TABLE, NULL },
  { "RFC 3502", "MULTIAPPEND", "several messages in one APPEND", BY_TABLE, NULL },
  { "RFC 3516", "BINARY", "decoded parts, and binary APPEND", BY_TABLE, NULL },
  { "RFC 3691", "UNSELECT", "leave a mailbox without EXPUNGE", BY_TABLE, NULL },
  { "RFC 4314", "ACL", "rights in mailboxes", BY_TABLE, NULL },
  { "RFC 4314", "RIGHTS", "which rights may be given", BY_TABLE, NULL },
  { "RFC 4315", "UIDPLUS", "UIDs of appended and copied messages, UID EXPUNGE", BY_TABLE, NULL },
  { "RFC 4467", "URLAUTH", "URLs that let others read a part", BY_TABLE, NULL },
  { "RFC 5524", "URLAUTH=BINARY", "URLFETCH of decoded parts", BY_TABLE, NULL },
  { "RFC 5550", "URL-PARTIAL", "URLs of a part of a part", BY_TABLE, NULL },
  { "RFC 4469", "CATENATE", "APPEND of texts and of parts that are here", BY_TABLE, NULL },
  { "RFC 4731", "ESEARCH", "SEARCH RETURN: MIN, MAX, ALL, COUNT", BY_TABLE, NULL },
  { "RFC 4959", "SASL-IR", "the first response with AUTHENTICATE", BY_TABLE, NULL },
  { "RFC 4978", "COMPRESS=DEFLATE", "a compressed connection", BY_TABLE, NULL },
  { "RFC 5032", "WITHIN", "SEARCH OLDER, YOUNGER", BY_TABLE, NULL },
  { "RFC 5161", "ENABLE", "extensions that have to be asked for", BY_TABLE, NULL },
  { "RFC 5182", "SEARCHRES", "the result of the last SEARCH as $", BY_TABLE, NULL },
  { "RFC 5255", "LANGUAGE", "texts in another language", BY_TABLE, NULL },
  { "RFC 5255", "I18NLEVEL=1", "comparison without regard to case, in all of Unicode", INCLUDED,
    "I18NLEVEL=2 is offered, which includes it" },
  { "RFC 5255", "I18NLEVEL=2", "comparators may be chosen", BY_TABLE, NULL },
  { "RFC 5256", "SORT", "SORT", BY_TABLE, NULL },
  { "RFC 5256", "THREAD=ORDEREDSUBJECT", "threads by subject", BY_TABLE, NULL },
  { "RFC 5256", "THREAD=REFERENCES", "threads by references and subject", BY_TABLE, NULL },
  { "draft-ietf-morg-inthread", "THREAD=REFS", "threads by references alone", BY_TABLE, NULL },
  { "RFC 5257", "ANNOTATE-EXPERIMENT-1", "annotations of messages", BY_TABLE, NULL },
  { "RFC 5258", "LIST-EXTENDED", "LIST with options", BY_TABLE, NULL },
  { "RFC 5259", "CONVERT", "texts in other charsets, HTML as text", BY_TABLE, NULL },
  { "RFC 5267", "CONTEXT=SEARCH", "searches that keep themselves up to date", BY_TABLE, NULL },
  { "RFC 5267", "CONTEXT=SORT", "the same sorted", BY_TABLE, NULL },
  { "RFC 5267", "ESORT", "SORT RETURN", BY_TABLE, NULL },
  { "RFC 5464", "METADATA", "annotations of mailboxes and of the server", BY_TABLE, NULL },
  { "RFC 5464", "METADATA-SERVER", "annotations of the server alone", INCLUDED,
    "METADATA is offered, which includes it" },
  { "RFC 5465", "NOTIFY", "changes of all mailboxes are told", BY_TABLE, NULL },
  { "RFC 5466", "FILTERS", "named searches", BY_TABLE, NULL },
  { "RFC 5530", "", "response codes that say what failed", ALWAYS, NULL },
  { "RFC 5819", "LIST-STATUS", "LIST with STATUS", BY_TABLE, NULL },
  { "RFC 5957", "SORT=DISPLAY", "SORT by the names that people read", BY_TABLE, NULL },
  { "RFC 6154", "SPECIAL-USE", "which mailbox is for drafts, sent mail ...", BY_TABLE, NULL },
  { "RFC 6154", "CREATE-SPECIAL-USE", "CREATE with a use", BY_TABLE, NULL },
  { "Gmail", "XLIST", "special uses for old clients", BY_TABLE, NULL },
  { "RFC 6203", "SEARCH=FUZZY", "SEARCH FUZZY", BY_TABLE, NULL },
  { "RFC 6851", "MOVE", "MOVE", BY_TABLE, NULL },
  { "RFC 6855", "UTF8=ACCEPT", "names and headers in UTF-8", BY_TABLE, NULL },
  { "RFC 6855", "UTF8=ONLY", "nothing but UTF-8", BY_TABLE, "old clients are served too" },
  { "RFC 7162", "CONDSTORE", "what changed since, and no lost changes", BY_TABLE, NULL },
  { "RFC 7162", "QRESYNC", "a mailbox brought up to date in one command", BY_TABLE, NULL },
  { "RFC 7377", "MULTISEARCH", "searches over several mailboxes", BY_TABLE, NULL },
  { "RFC 7889", "APPENDLIMIT", "how large a message may be", BY_TABLE, NULL },
  { "RFC 8437", "UNAUTHENTICATE", "log out and stay connected", BY_TABLE, NULL },
  { "RFC 8438", "STATUS=SIZE", "the size of a mailbox", BY_TABLE, NULL },
  { "RFC 8440", "LIST-MYRIGHTS", "LIST with MYRIGHTS", BY_TABLE, NULL },
  { "RFC 8457", "", "the use \\Important and the keyword $Important", ALWAYS, NULL },
  { "RFC 8474", "OBJECTID", "ids of mailboxes, messages and threads", BY_TABLE, NULL },
  { "RFC 8508", "REPLACE", "APPEND that replaces a message", BY_TABLE, NULL },
  { "RFC 8514", "SAVEDATE", "when a message came into its mailbox", BY_TABLE, NULL },
  { "RFC 8970", "PREVIEW", "the beginning of the text", BY_TABLE, NULL },
  { "RFC 9208", "QUOTA", "quotas", BY_TABLE, NULL },
  { "RFC 9208", "QUOTA=RES-STORAGE", "of octets", BY_TABLE, NULL },
  { "RFC 9208", "QUOTA=RES-MESSAGE", "of messages", BY_TABLE, NULL },
  { "RFC 9208", "QUOTASET", "administrators set them", BY_TABLE, NULL },
  { "RFC 9394", "PARTIAL", "SEARCH and FETCH page by page", BY_TABLE, NULL },
  { "RFC 9585", "INPROGRESS", "long commands tell how far they are", BY_TABLE, NULL },
  { "RFC 9586", "UIDONLY", "UIDs and no message numbers", BY_TABLE, NULL },
  { "RFC 9590", "LIST-METADATA", "LIST with METADATA", BY_TABLE, NULL },
  { "RFC 9698", "JMAPACCESS", "the same mail over JMAP", BY_TABLE, "there is no JMAP" },
  { "RFC 9738", "MESSAGELIMIT", "how many messages one command may name", BY_TABLE, NULL },
  { "RFC 9738", "SAVELIMIT", "how many messages COPY and APPEND may add", BY_TABLE, NULL },
  { "draft-ietf-mailmaint-imap-uidbatches", "UIDBATCHES", "UIDs in batches of one size", BY_TABLE,
    NULL },
  { "RFC 4468", "", "BURL: submission takes texts from IMAP", BY_TABLE, "submission has no BURL" },
};

static const char *const store_words[] = { "durable",
                                           "cheap copies",
                                           "remote",
                                           "rights of others",
                                           "public mailboxes",
                                           "annotations",
                                           "modseqs and vanished UIDs that survive a restart",
                                           "tokens",
                                           "quotas",
                                           "special uses",
                                           "recent messages",
                                           "save dates",
                                           "ids of objects",
                                           "threads",
                                           "digests",
                                           "events" };

static void
say_store (struct ptn_standard *row, uint32_t lacking) {
  size_t used = (size_t)snprintf (row->why, sizeof row->why, "the store has no ");
  const char *divider = "";
  for (size_t i = 0; i < G_N_ELEMENTS (store_words); i++)
    if (lacking >> i & 1 && used < sizeof row->why) {
      used += (size_t)snprintf (row->why + used, sizeof row->why - used, "%s%s", divider,
                                store_words[i]);
      divider = ", ";
    }
}

static void
by_table (const struct capability_mask *mask, enum capability capability,
          struct ptn_standard *row) {
  uint32_t lacking = capability_lacking (mask->imap4, capability);
  const char *why = NULL;
  row->state = PTN_STANDARD_ON;
  if (lacking) {
    row->state = PTN_STANDARD_OFF;
    say_store (row, lacking);
  } else if (capability_hidden (mask, capability, &why)) {
    row->state = PTN_STANDARD_OFF;
    snprintf (row->why, sizeof row->why, "hidden by the configuration%s%s",
              why && *why ? ": " : ", which does not say why", why ? why : "");
  }
}

static void
start_tls (const struct ptn_session_info *info, struct ptn_standard *row) {
  row->state = info->start_tls ? PTN_STANDARD_ON : PTN_STANDARD_OFF;
  if (!info->start_tls)
    g_strlcpy (row->why,
               info->implicit_tls ? "TLS is there from the first octet"
                                  : "the listener has tls = none",
               sizeof row->why);
}

/* Of the table of capabilities what is not known here; `number` counts those only. */
static ptn_status
not_known (const struct capability_mask *mask, uint32_t number, struct ptn_standard *row) {
  for (int i = 0; i < CAPABILITY_COUNT; i++) {
    const struct capability_row capability = capability_row (i);
    bool found = false;
    for (size_t k = 0; k < G_N_ELEMENTS (known) && !found; k++)
      found = *known[k].feature && (int)capability_find (known[k].feature) == i;
    if (found || number--)
      continue;
    row->document = capability.document;
    row->feature = capability.name;
    row->title = "";
    by_table (mask, i, row);
    return PTN_OK;
  }
  return PTN_END;
}

static ptn_status
standard (void *instance, const struct ptn_session_info *info, const struct ptn_strings *attributes,
          uint32_t number, struct ptn_standard *row) {
  const struct capability_mask mask = { instance, info->config, attributes };
  if (number >= G_N_ELEMENTS (known))
    return not_known (&mask, number - (uint32_t)G_N_ELEMENTS (known), row);
  const struct known *one = &known[number];
  enum capability capability = *one->feature ? capability_find (one->feature) : CAP_NONE;
  row->document = one->document;
  row->feature = one->feature;
  row->title = one->title;
  if (one->always == ALWAYS)
    row->state = PTN_STANDARD_ON;
  else if (one->always == STARTTLS)
    start_tls (info, row);
  else if (capability != CAP_NONE)
    by_table (&mask, capability, row);
  else {
    row->state = one->always == INCLUDED ? PTN_STANDARD_OFF : PTN_STANDARD_MISSING;
    g_strlcpy (row->why, one->missing ? one->missing : "this version does not have it",
               sizeof row->why);
  }
  return PTN_OK;
}

const struct ptn_conformance imap4_conformance = {
  .size = sizeof imap4_conformance,
  .standard = standard,
};
