/* SPDX-License-Identifier: Apache-2.0 */
/* replies.c - words for recipients: what happened to one of them, by RFC 5321 and RFC 3463. */
#include "delivery.h"

#include <string.h>

struct ptn_reply
reply_of_resolve (ptn_status status, bool submitted) {
  switch (status) {
  case PTN_OK:
    return (struct ptn_reply){ 250, 2001005, "recipient ok" };
  case PTN_E_NOT_FOUND:
    return (struct ptn_reply){ 550, 5001001, "no such user here" };
  case PTN_E_UNSUPPORTED:
    return (struct ptn_reply){ 550, 5007001,
                               submitted ? "this server does not send mail to other servers"
                                         : "not a local address, and nothing is relayed here" };
  case PTN_E_INVALID:
    return (struct ptn_reply){ 553, 5001003, "malformed address" };
  case PTN_E_DISABLED:
  case PTN_E_DENIED:
    return (struct ptn_reply){ 550, 5002001, "this mailbox takes no mail" };
  case PTN_E_ELSEWHERE:
    return (struct ptn_reply){ 451, 4004000, "another server serves this mailbox" };
  default:
    return (struct ptn_reply){ 451, 4003000, "addresses cannot be looked up now, try again later" };
  }
}

struct ptn_reply
reply_of_store (ptn_status status) {
  switch (status) {
  case PTN_OK:
    return (struct ptn_reply){ 250, 2001005, "delivered" };
  case PTN_E_OVERQUOTA:
    return (struct ptn_reply){ 552, 5002002, "the mailbox is full" };
  case PTN_E_TEMPORARY:
  case PTN_E_NO_MEMORY:
    return (struct ptn_reply){ 452, 4003001, "no room in the store, try again later" };
  case PTN_E_ELSEWHERE:
    return (struct ptn_reply){ 451, 4004000, "another server serves this mailbox" };
  case PTN_E_DISABLED:
  case PTN_E_DENIED:
    return (struct ptn_reply){ 550, 5002001, "this mailbox takes no mail" };
  case PTN_E_LIMIT:
    return (struct ptn_reply){ 552, 5003004, "the mail is larger than the store takes" };
  default:
    return (struct ptn_reply){ 451, 4003000, "the mail cannot be stored now, try again later" };
  }
}

static uint64_t
read_limit (const char *text) {
  char *end;
  if (!g_ascii_isdigit (*text))
    return UINT64_MAX;
  uint64_t value = g_ascii_strtoull (text, &end, 10);
  return *end ? UINT64_MAX : value;
}

struct limits
limits_read (const struct ptn_strings *attributes) {
  struct limits limits = { UINT64_MAX, UINT64_MAX };
  for (size_t i = 0; i < attributes->count; i++) {
    const char *item = attributes->items[i];
    if (strncmp (item, "quota.octets=", 13) == 0)
      limits.octets = read_limit (item + 13);
    else if (strncmp (item, "quota.messages=", 15) == 0)
      limits.messages = read_limit (item + 15);
  }
  return limits;
}

bool
detail_is_mailbox (const char *detail) {
  size_t size = strlen (detail);
  if (size == 0 || size > 200 || !g_utf8_validate (detail, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)detail[i];
    if (c < 32 || c == 127 || c == '*' || c == '%' || c == '\\' || c == '"')
      return false;
    if (c == '/' && (i == 0 || i == size - 1 || detail[i - 1] == '/'))
      return false;
  }
  return true;
}
