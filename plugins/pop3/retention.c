/* SPDX-License-Identifier: Apache-2.0 */
/* retention.c - see retention.h. */
#include "retention.h"

#include "maildrop.h"

#define DAY 86400
#define DAYS_MAX 36500

bool
retention_parse (const char *text, struct retention *retention) {
  *retention = (struct retention){ POLICY_DELETE, 0 };
  if (strcmp (text, "delete") == 0)
    return true;
  if (strcmp (text, "hide") == 0) {
    retention->policy = POLICY_HIDE;
    return true;
  }
  if (strncmp (text, "keep ", 5) != 0 || !g_ascii_isdigit (text[5]))
    return false;
  char *end = NULL;
  guint64 days = g_ascii_strtoull (text + 5, &end, 10);
  if (*end == ' ')
    end++;
  if (strcmp (end, "d") != 0 || days > DAYS_MAX)
    return false;
  *retention = (struct retention){ POLICY_KEEP, (uint32_t)days };
  return true;
}

bool
retention_of (const struct ptn_strings *attributes, struct retention *retention) {
  static const char name[] = "pop3.retention=";
  *retention = (struct retention){ POLICY_DELETE, 0 };
  for (size_t i = 0; i < attributes->count; i++) {
    if (strncmp (attributes->items[i], name, sizeof name - 1) != 0)
      continue;
    if (retention_parse (attributes->items[i] + sizeof name - 1, retention))
      return true;
    *retention = (struct retention){ POLICY_KEEP, DAYS_MAX };
    return false;
  }
  return true;
}

bool
retention_expired (const struct retention *retention, int64_t retrieved, int64_t now) {
  return retention->policy == POLICY_KEEP && now - retrieved >= (int64_t)retention->days * DAY;
}

void
uid_ranges_add (struct uid_ranges *ranges, uint32_t uid) {
  if (ranges->count && ranges->items[ranges->count - 1].last + 1 == uid) {
    ranges->items[ranges->count - 1].last = uid;
    return;
  }
  if (ranges->count == ranges->room) {
    ranges->room = MAX (8, ranges->room * 2);
    ranges->items = g_renew (struct ptn_uid_range, ranges->items, ranges->room);
  }
  ranges->items[ranges->count++] = (struct ptn_uid_range){ uid, uid };
}

struct ptn_uid_set
uid_ranges_set (const struct uid_ranges *ranges) {
  return (struct ptn_uid_set){ ranges->items, ranges->count };
}

void
uid_ranges_clear (struct uid_ranges *ranges) {
  g_free (ranges->items);
  *ranges = (struct uid_ranges){ 0 };
}
