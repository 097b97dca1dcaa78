/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rights.c - see rights.h. */
#include "rights.h"

#include "store.h"

void
asker_init (struct asker *asker, const char *authzid, struct ptn_strings groups, bool administrator,
            bool reads) {
  asker->authzid = g_strdup (authzid);
  asker->administrator = administrator;
  asker->most = reads ? RIGHTS_READER : RIGHTS_ALL;
  asker->groups = groups.count > 0 ? g_new0 (char *, groups.count + 1) : NULL;
  for (size_t i = 0; i < groups.count; i++)
    asker->groups[i] = g_strdup (groups.items[i]);
}

void
asker_clear (struct asker *asker) {
  g_free (asker->authzid);
  g_strfreev (asker->groups);
}

const char *
rights_text (uint32_t rights, char text[RIGHTS_TEXT]) {
  if (rights == RIGHTS_ALL)
    return RIGHTS_LETTERS;
  rights_format (rights, text);
  return text;
}

bool
rights_who_valid (const char *who) {
  size_t size = who ? strlen (who) : 0;

  if (size == 0 || size > WHO_MAX_OCTETS || strcmp (who, "-") == 0
      || !g_utf8_validate (who, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)who[i] < 0x20 || who[i] == 0x7f)
      return false;
  return true;
}

static bool
names_asker (const struct asker *asker, const char *who) {
  if (who[0] == '$')
    return asker->groups && g_strv_contains ((const char *const *)asker->groups, who + 1);
  return strcmp (who, "anyone") == 0 || strcmp (who, asker->authzid) == 0;
}

struct granting {
  const struct asker *asker;
  uint32_t given, taken;
};

static bool
entry (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct granting *granting = argument;
  g_autofree char *who = key_text (key, key_size, AT_WHO);
  struct reader reader = READER (value, size);
  uint32_t rights = reader_varint32 (&reader);

  if (who[0] == '-') {
    if (names_asker (granting->asker, who + 1))
      granting->taken |= rights;
  } else if (names_asker (granting->asker, who))
    granting->given |= rights;
  return true;
}

ptn_status
rights_granted (const struct asker *asker, struct shard *shard, uint32_t user, uint32_t mailbox,
                uint32_t *rights) {
  struct granting granting = { .asker = asker };
  struct key from, end;
  ptn_status status;

  *rights = RIGHTS_ALL;
  if (asker->administrator)
    return PTN_OK;
  key_rights (&from, user, mailbox, "");
  key_after (&end, &from);
  status = index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, entry, &granting);
  *rights = granting.given & ~granting.taken;
  return status == PTN_END ? PTN_OK : status;
}
