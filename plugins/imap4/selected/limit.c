/* SPDX-License-Identifier: Apache-2.0 */
/* limit.c - see limit.h. */
#include "selected/limit.h"

#include "capability.h"

static uint32_t
setting (const struct session *s, enum capability capability, const char *name) {
  int64_t number = s->imap4->host->number (s->info->config, name);
  return offers (s, capability) ? (uint32_t)CLAMP (number, 0, UINT32_MAX) : 0;
}

uint32_t
message_limit (const struct session *s) {
  return setting (s, CAP_MESSAGELIMIT, "message_limit");
}

uint32_t
save_limit (const struct session *s) {
  uint32_t all = message_limit (s), saved = setting (s, CAP_SAVELIMIT, "save_limit");
  return all && (!saved || all < saved) ? all : saved;
}

uint64_t
limit_count (const GArray *uids) {
  uint64_t count = 0;
  for (guint i = 0; i < uids->len; i++) {
    const struct ptn_uid_range *range = &g_array_index (uids, struct ptn_uid_range, i);
    count += (uint64_t)range->last - range->first + 1;
  }
  return count;
}

GArray *
limit_uids (struct session *s, GArray *uids) {
  uint32_t most = message_limit (s);
  /* What NOTIFY fetches has no answer that could tell where to go on. */
  if (!uids || !most || s->inner || limit_count (uids) <= most)
    return uids;
  guint first = uids->len;
  uint64_t left = most;
  struct ptn_uid_range range = { 0 };
  while (left) {
    range = g_array_index (uids, struct ptn_uid_range, --first);
    uint64_t size = (uint64_t)range.last - range.first + 1;
    if (size > left)
      range.first = range.last - (uint32_t)left + 1;
    left -= MIN (size, left);
  }
  GArray *cut = g_array_sized_new (FALSE, FALSE, sizeof range, uids->len - first);
  g_array_append_vals (cut, &g_array_index (uids, struct ptn_uid_range, first), uids->len - first);
  g_array_index (cut, struct ptn_uid_range, 0) = range;
  g_array_unref (uids);
  s->limited_to = range.first;
  return cut;
}

char *
limit_code (const struct session *s) {
  return s->limited_to ? g_strdup_printf ("MESSAGELIMIT %u %u", message_limit (s), s->limited_to)
                       : NULL;
}

char *
limit_refusal (const struct session *s, uint64_t count) {
  uint32_t most = save_limit (s);
  return most && count > most ? g_strdup_printf ("MESSAGELIMIT %u", most) : NULL;
}
