/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - struct ptn_config: an open-addressing hash over an array of items.  It is asked
 * several times a session, so a lookup touches one slot and one name. */
#include "config/settings.h"
#include "config/values.h"

#include <stdatomic.h>
#include <string.h>

struct slot {
  uint32_t hash;
  uint32_t item; /* index + 1; 0: empty */
};

struct ptn_config {
  _Atomic unsigned references;
  size_t count;
  struct setting_item *items;
  uint32_t mask;
  struct slot *slots;
};

static uint32_t
hash_name (const char *name) { /* FNV-1a */
  uint32_t hash = 2166136261u;
  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

struct ptn_config *
settings_build (struct setting_item *items, size_t count) {
  struct ptn_config *config = g_new0 (struct ptn_config, 1);
  uint32_t size = 8;
  while (size < count * 2)
    size *= 2;
  config->references = 1;
  config->items = items;
  config->count = count;
  config->mask = size - 1;
  config->slots = g_new0 (struct slot, size);
  for (size_t i = 0; i < count; i++) {
    uint32_t hash = hash_name (items[i].name), at = hash & config->mask;
    while (config->slots[at].item)
      at = (at + 1) & config->mask;
    config->slots[at] = (struct slot){ hash, (uint32_t)i + 1 };
  }
  return config;
}

struct ptn_config *
settings_ref (struct ptn_config *config) {
  atomic_fetch_add (&config->references, 1);
  return config;
}

void
settings_unref (struct ptn_config **handle) {
  struct ptn_config *config = *handle;
  *handle = NULL;
  if (!config || atomic_fetch_sub (&config->references, 1) != 1)
    return;
  for (size_t i = 0; i < config->count; i++)
    setting_item_clear (&config->items[i]);
  g_free (config->items);
  g_free (config->slots);
  g_free (config);
}

static const struct setting_item *
find (const struct ptn_config *config, const char *name) {
  if (!config || !name)
    return NULL;
  uint32_t hash = hash_name (name);
  for (uint32_t at = hash & config->mask;; at = (at + 1) & config->mask) {
    const struct slot *slot = &config->slots[at];
    if (!slot->item)
      return NULL;
    const struct setting_item *item = &config->items[slot->item - 1];
    if (slot->hash == hash && strcmp (item->name, name) == 0)
      return item;
  }
}

const char *
settings_text (const struct ptn_config *config, const char *name) {
  const struct setting_item *item = find (config, name);
  return item ? item->text : NULL;
}

int64_t
settings_number (const struct ptn_config *config, const char *name) {
  const struct setting_item *item = find (config, name);
  return item ? item->number : 0;
}

struct ptn_strings
settings_words (const struct ptn_config *config, const char *name) {
  const struct setting_item *item = find (config, name);
  if (!item || !item->words)
    return (struct ptn_strings){ NULL, 0 };
  return (struct ptn_strings){ (const char *const *)item->words, item->word_count };
}

bool
settings_declared (const struct ptn_config *config, const char *name) {
  return find (config, name) != NULL;
}

bool
settings_given (const struct ptn_config *config, const char *name) {
  const struct setting_item *item = find (config, name);
  return item && item->given;
}

static bool
item_equal (const struct setting_item *a, const struct setting_item *b) {
  if (!b || a->type != b->type || a->number != b->number || a->word_count != b->word_count)
    return false;
  for (size_t i = 0; i < a->word_count; i++)
    if (strcmp (a->words[i], b->words[i]) != 0)
      return false;
  if (a->type == PTN_SETTING_LIST || !a->text || !b->text)
    return (a->text == NULL) == (b->text == NULL);
  bool number = a->type == PTN_SETTING_INTEGER || a->type == PTN_SETTING_BOOLEAN
                || a->type == PTN_SETTING_SIZE || a->type == PTN_SETTING_DURATION;
  return number || strcmp (a->text, b->text) == 0; /* "60s" is "1m" */
}

bool
settings_equal (const struct ptn_config *a, const struct ptn_config *b) {
  if (a == b)
    return true;
  if (!a || !b || a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++)
    if (!item_equal (&a->items[i], find (b, a->items[i].name)))
      return false;
  return true;
}
