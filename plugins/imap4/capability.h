/* SPDX-License-Identifier: Apache-2.0 */
/* capability.h - what the server offers: one table for CAPABILITY, ENABLE and the commands that
 * belong to an extension.  A row stands there only when all of it works. */
#ifndef IMAP4_CAPABILITY_H
#define IMAP4_CAPABILITY_H

#include "session.h"

/* NAME, as it is written, its document, when it is told (PRE: before login too), what the store must
 * declare. */
/* One line a row, whatever the others are: */
/* clang-format off */
#define CAPABILITIES(_) \
  _ (IMAP4REV1, "IMAP4rev1", "RFC 3501", PRE, 0) \
  _ (IMAP4REV2, "IMAP4rev2", "RFC 9051", PRE, 0) \
  _ (LITERAL_PLUS, "LITERAL+", "RFC 7888", PRE, 0) \
  _ (ACL, "ACL", "RFC 4314", POST, PTN_STORE_ACL) \
  _ (ANNOTATE, "ANNOTATE-EXPERIMENT-1", "RFC 5257", POST, PTN_STORE_ANNOTATIONS) \
  _ (APPENDLIMIT, "APPENDLIMIT", "RFC 7889", PRE, 0) \
  _ (BINARY, "BINARY", "RFC 3516", POST, 0) \
  _ (CATENATE, "CATENATE", "RFC 4469", POST, 0) \
  _ (CHILDREN, "CHILDREN", "RFC 3348", POST, 0) \
  _ (COMPRESS, "COMPRESS=DEFLATE", "RFC 4978", POST, 0) \
  _ (CONDSTORE, "CONDSTORE", "RFC 7162", POST, PTN_STORE_QRESYNC) \
  _ (CONTEXT_SEARCH, "CONTEXT=SEARCH", "RFC 5267", POST, 0) \
  _ (CONTEXT_SORT, "CONTEXT=SORT", "RFC 5267", POST, 0) \
  _ (CONVERT, "CONVERT", "RFC 5259", POST, 0) \
  _ (CREATE_SPECIAL_USE, "CREATE-SPECIAL-USE", "RFC 6154", POST, PTN_STORE_SPECIAL_USE) \
  _ (ENABLE, "ENABLE", "RFC 5161", PRE, 0) \
  _ (ESEARCH, "ESEARCH", "RFC 4731", POST, 0) \
  _ (ESORT, "ESORT", "RFC 5267", POST, 0) \
  _ (FILTERS, "FILTERS", "RFC 5466", POST, PTN_STORE_ANNOTATIONS) \
  _ (I18NLEVEL_1, "I18NLEVEL=1", "RFC 5255", POST, 0) \
  _ (I18NLEVEL_2, "I18NLEVEL=2", "RFC 5255", POST, 0) \
  _ (ID, "ID", "RFC 2971", PRE, 0) \
  _ (IDLE, "IDLE", "RFC 2177", POST, PTN_STORE_EVENTS) \
  _ (INPROGRESS, "INPROGRESS", "RFC 9585", POST, 0) \
  _ (LANGUAGE, "LANGUAGE", "RFC 5255", PRE, 0) \
  _ (LIST_EXTENDED, "LIST-EXTENDED", "RFC 5258", POST, 0) \
  _ (LIST_METADATA, "LIST-METADATA", "RFC 9590", POST, PTN_STORE_ANNOTATIONS) \
  _ (LIST_MYRIGHTS, "LIST-MYRIGHTS", "RFC 8440", POST, PTN_STORE_ACL) \
  _ (LIST_STATUS, "LIST-STATUS", "RFC 5819", POST, 0) \
  _ (LOGIN_REFERRALS, "LOGIN-REFERRALS", "RFC 2221", PRE, 0) \
  _ (MESSAGELIMIT, "MESSAGELIMIT", "RFC 9738", POST, 0) \
  _ (SAVELIMIT, "SAVELIMIT", "RFC 9738", POST, 0) \
  _ (METADATA, "METADATA", "RFC 5464", POST, PTN_STORE_ANNOTATIONS) \
  _ (MOVE, "MOVE", "RFC 6851", POST, 0) \
  _ (MULTIAPPEND, "MULTIAPPEND", "RFC 3502", POST, 0) \
  _ (MULTISEARCH, "MULTISEARCH", "RFC 7377", POST, 0) \
  _ (NAMESPACE, "NAMESPACE", "RFC 2342", POST, 0) \
  _ (NOTIFY, "NOTIFY", "RFC 5465", POST, PTN_STORE_EVENTS) \
  _ (OBJECTID, "OBJECTID", "RFC 8474", POST, PTN_STORE_OBJECT_IDS) \
  _ (PARTIAL, "PARTIAL", "RFC 9394", POST, 0) \
  _ (PREVIEW, "PREVIEW", "RFC 8970", POST, 0) \
  _ (QRESYNC, "QRESYNC", "RFC 7162", POST, PTN_STORE_QRESYNC) \
  _ (QUOTA, "QUOTA", "RFC 9208", POST, PTN_STORE_QUOTA) \
  _ (QUOTA_MESSAGE, "QUOTA=RES-MESSAGE", "RFC 9208", POST, PTN_STORE_QUOTA) \
  _ (QUOTA_STORAGE, "QUOTA=RES-STORAGE", "RFC 9208", POST, PTN_STORE_QUOTA) \
  _ (QUOTASET, "QUOTASET", "RFC 9208", POST, PTN_STORE_QUOTA) \
  _ (REPLACE, "REPLACE", "RFC 8508", POST, 0) \
  _ (RIGHTS, "RIGHTS=kxten", "RFC 4314", POST, PTN_STORE_ACL) \
  _ (SASL_IR, "SASL-IR", "RFC 4959", PRE, 0) \
  _ (SAVEDATE, "SAVEDATE", "RFC 8514", POST, PTN_STORE_SAVE_DATE) \
  _ (SEARCH_FUZZY, "SEARCH=FUZZY", "RFC 6203", POST, 0) \
  _ (SEARCHRES, "SEARCHRES", "RFC 5182", POST, 0) \
  _ (SORT, "SORT", "RFC 5256", POST, 0) \
  _ (SORT_DISPLAY, "SORT=DISPLAY", "RFC 5957", POST, 0) \
  _ (SPECIAL_USE, "SPECIAL-USE", "RFC 6154", POST, PTN_STORE_SPECIAL_USE) \
  _ (STATUS_SIZE, "STATUS=SIZE", "RFC 8438", POST, 0) \
  _ (THREAD_ORDEREDSUBJECT, "THREAD=ORDEREDSUBJECT", "RFC 5256", POST, 0) \
  _ (THREAD_REFERENCES, "THREAD=REFERENCES", "RFC 5256", POST, 0) \
  _ (THREAD_REFS, "THREAD=REFS", "draft-ietf-morg-inthread", POST, 0) \
  _ (UIDBATCHES, "UIDBATCHES", "RFC 10022", POST, 0) \
  _ (UIDONLY, "UIDONLY", "RFC 9586", POST, 0) \
  _ (UIDPLUS, "UIDPLUS", "RFC 4315", POST, 0) \
  _ (UNAUTHENTICATE, "UNAUTHENTICATE", "RFC 8437", POST, 0) \
  _ (UNSELECT, "UNSELECT", "RFC 3691", POST, 0) \
  _ (URL_PARTIAL, "URL-PARTIAL", "RFC 5550", POST, 0) \
  _ (URLAUTH, "URLAUTH", "RFC 4467", POST, PTN_STORE_ANNOTATIONS) \
  _ (URLAUTH_BINARY, "URLAUTH=BINARY", "RFC 5524", POST, PTN_STORE_ANNOTATIONS) \
  _ (UTF8_ACCEPT, "UTF8=ACCEPT", "RFC 6855", POST, 0) \
  _ (WITHIN, "WITHIN", "RFC 5032", POST, 0) \
  _ (XLIST, "XLIST", "Gmail", POST, PTN_STORE_SPECIAL_USE)
/* clang-format on */

enum capability {
#define CAPABILITY_ENUM(name, ...) CAP_##name,
  CAPABILITIES (CAPABILITY_ENUM)
#undef CAPABILITY_ENUM
      CAPABILITY_COUNT,
  CAP_NONE = -1
};

/* Is it offered to this session: built in, possible with this store, not hidden? */
bool offers (const struct session *, enum capability);
/* The name in the table in any case, or that with "=" and more behind it; CAP_NONE: it is not
 * there. */
enum capability capability_find (const char *name);
struct capability_row {
  const char *name, *document;
};
struct capability_row capability_row (enum capability);
/* The PTN_STORE_* that it needs and the store does not have. */
uint32_t capability_lacking (const struct imap4 *, enum capability);

/* Who hides capabilities: clients have bugs.  IMAP4rev1 stays in any case. */
struct capability_mask {
  const struct imap4 *imap4;
  const struct ptn_config *config;      /* of the listener: `hide`, `hide_why` */
  const struct ptn_strings *attributes; /* of the account: imap.hide, imap.hide_why; NULL: nobody */
};
bool capability_hidden (const struct capability_mask *, enum capability, const char **why);
/* The value of an attribute of an account; NULL: it has none. */
const char *attribute_of (const struct ptn_strings *attributes, const char *name);
/* Hides from the session what its listener and, from login on, its user hide. */
void session_hide (struct session *);
/* All of them, divided by spaces, as CAPABILITY tells them now; with those of SASL, STARTTLS and
 * LOGINDISABLED before login. */
void put_capabilities (struct session *, struct writer *, const struct ptn_strings *mechanisms,
                       bool plaintext);

#endif
