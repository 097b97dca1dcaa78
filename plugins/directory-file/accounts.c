/* SPDX-License-Identifier: Apache-2.0 */
/* accounts.c - memory, names and lookups of one reading of the file; see accounts.h.  The struct
 * owns its blocks and holds a reference to its rules. */
#include "accounts.h"

#include <string.h>

#define BLOCK_SIZE (64u * 1024u)

struct name_entry {
  const char *name;
  guint64 hash;
  struct target target;
};

struct block {
  size_t used, size;
  max_align_t memory[];
};

/* ---- Memory ------------------------------------------------------------------------------ */

static size_t
table_size (size_t names) {
  size_t size = 16;
  while (size < names * 2)
    size *= 2;
  return size;
}

struct accounts *
accounts_new (struct rules *rules, size_t names) {
  struct accounts *accounts = g_new0 (struct accounts, 1);
  accounts->references = 1;
  accounts->rules = rules_ref (rules);
  accounts->blocks = g_ptr_array_new_with_free_func (g_free);
  accounts->entry_mask = table_size (names) - 1;
  accounts->entries = g_new0 (struct name_entry, accounts->entry_mask + 1);
  return accounts;
}

struct accounts *
accounts_ref (struct accounts *accounts) {
  g_atomic_int_inc (&accounts->references);
  return accounts;
}

void
accounts_unref (struct accounts *accounts) {
  if (!g_atomic_int_dec_and_test (&accounts->references))
    return;
  rules_unref (accounts->rules);
  if (accounts->text)
    explicit_bzero (accounts->text, accounts->text_size);
  g_free (accounts->text);
  g_ptr_array_unref (accounts->blocks);
  g_free (accounts->entries);
  g_free (accounts);
}

void
accounts_own (struct accounts *accounts, char *text, size_t size) {
  accounts->text = text;
  accounts->text_size = size;
}

/* From the block that is being filled, or a new one. */
void *
accounts_memory (struct accounts *accounts, size_t size) {
  const size_t rounded = (size + sizeof (max_align_t) - 1) & ~(sizeof (max_align_t) - 1);
  struct block *block = accounts->block;
  if (!block || block->size - block->used < rounded) {
    const size_t room = MAX (rounded, BLOCK_SIZE);
    block = g_malloc0 (sizeof *block + room);
    block->size = room;
    g_ptr_array_add (accounts->blocks, block);
    accounts->block = block;
  }
  void *memory = (char *)block->memory + block->used;
  block->used += rounded;
  return memory;
}

/* ---- Names ------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits.  Names come from the file, so nobody can make them collide. */
static guint64
hash_name (const char *name) {
  guint64 hash = 0xcbf29ce484222325u;
  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
  return hash ^ hash >> 32;
}

static struct name_entry *
probe (const struct accounts *accounts, const char *name, guint64 hash) {
  for (size_t i = hash & accounts->entry_mask;; i = (i + 1) & accounts->entry_mask) {
    struct name_entry *entry = &accounts->entries[i];
    if (!entry->name || (entry->hash == hash && strcmp (entry->name, name) == 0))
      return entry;
  }
}

static void
grow (struct accounts *accounts) {
  struct name_entry *old = accounts->entries;
  const size_t old_size = accounts->entry_mask + 1;
  accounts->entry_mask = old_size * 2 - 1;
  accounts->entries = g_new0 (struct name_entry, old_size * 2);
  for (size_t i = 0; i < old_size; i++)
    if (old[i].name)
      *probe (accounts, old[i].name, old[i].hash) = old[i];
  g_free (old);
}

bool
accounts_add_name (struct accounts *accounts, const char *folded, struct target target,
                   struct target *taken) {
  if (accounts->entry_count * 4 >= (accounts->entry_mask + 1) * 3)
    grow (accounts);
  const guint64 hash = hash_name (folded);
  struct name_entry *entry = probe (accounts, folded, hash);
  if (entry->name) {
    *taken = entry->target;
    return false;
  }
  *entry = (struct name_entry){ folded, hash, target };
  accounts->entry_count++;
  return true;
}

struct target
accounts_find_name (const struct accounts *accounts, const char *folded) {
  return probe (accounts, folded, hash_name (folded))->target;
}

const struct account *
accounts_find (const struct accounts *accounts, const char *name) {
  const struct account *account = accounts_find_name (accounts, name).account;
  return account && strcmp (account->name, name) == 0 ? account : NULL;
}

/* ---- Logins and addresses ---------------------------------------------------------------- */

/* local@domain, then the bare local part. */
static struct target
find_in_domain (const struct accounts *accounts, const char *local, const char *domain) {
  char whole[NAME_LIMIT * 2 + 2];
  const size_t local_length = strlen (local), domain_length = strlen (domain);
  if (local_length + domain_length + 2 <= sizeof whole) {
    memcpy (whole, local, local_length);
    whole[local_length] = '@';
    memcpy (whole + local_length + 1, domain, domain_length + 1);
    struct target target = accounts_find_name (accounts, whole);
    if (target.account || target.group)
      return target;
  }
  /* An '@' in a quoted local part must not turn into the address of another domain. */
  return strchr (local, '@') ? (struct target){ NULL, NULL } : accounts_find_name (accounts, local);
}

const struct account *
accounts_find_login (const struct accounts *accounts, const char *folded, const char *domain) {
  if (strchr (folded, '@')) {
    char buffer[NAME_LIMIT + 1];
    struct address_parts parts;
    if (!address_split (folded, strlen (folded), buffer, &parts)
        || !domains_find (accounts->rules->domains, parts.domain))
      return NULL;
    return find_in_domain (accounts, parts.local, parts.domain).account;
  }
  return domain ? find_in_domain (accounts, folded, domain).account
                : accounts_find_name (accounts, folded).account;
}

struct target
accounts_find_address (const struct accounts *accounts, struct address_parts *parts,
                       const char **detail, bool *ours) {
  const bool postmaster = strcmp (parts->local, "postmaster") == 0;
  const char *domain = parts->domain;
  *detail = "";
  *ours = true;
  if (!*domain && postmaster)
    domain = domains_primary (accounts->rules->domains); /* RFC 5321 section 4.5.1 */
  if (!domains_find (accounts->rules->domains, domain)) {
    *ours = false;
    return (struct target){ NULL, NULL };
  }
  struct target target = find_in_domain (accounts, parts->local, domain);
  if (target.account || target.group)
    return target;
  if (postmaster)
    return accounts->postmaster;

  char *plus = strchr (parts->local, '+');
  if (!plus || plus == parts->local)
    return target;
  *plus = '\0';
  target = find_in_domain (accounts, parts->local, domain);
  *plus = '+';
  *detail = plus + 1;
  return target;
}

/* The bit of a service; 0: one that accounts say nothing about. */
static guint32
protocol_of (const char *service) {
  static const char *const services[] = { "pop", "imap", "smtp", "http" };
  for (unsigned i = 0; i < G_N_ELEMENTS (services); i++)
    if (strcmp (services[i], service) == 0)
      return 1u << i;
  return 0;
}

bool
protocols_have (guint32 protocols, const char *service) {
  return !(protocol_of (service) & ~protocols);
}

bool
account_allows (const struct account *account, const char *service) {
  return protocols_have (account->protocols, service);
}

bool
account_is_closed (const struct accounts *accounts, const struct account *account,
                   const char *service) {
  return protocol_of (service) & (PROTOCOL_POP | PROTOCOL_IMAP)
         && rules_is_administrator (accounts->rules, account->name);
}

bool
account_is_disabled (const struct account *account, int64_t now_ms) {
  return account->disabled_ms != G_MAXINT64 && account->disabled_ms <= now_ms;
}

bool
account_has_expired (const struct account *account, int64_t now_ms) {
  return account->expires_ms != G_MAXINT64 && account->expires_ms <= now_ms;
}

/* ---- Delegation -------------------------------------------------------------------------- */

static bool
is_meant (const struct grant *grant, const struct account *account) {
  if (!grant->group)
    return !grant->account || grant->account == account;
  for (size_t i = 0; i < account->groups.count; i++)
    if (account->groups.items[i] == grant->group->name)
      return true;
  return false;
}

static ptn_access
greatest (const struct grant *grants, size_t count, const struct account *account) {
  ptn_access access = PTN_ACCESS_UNTOLD;
  for (size_t i = 0; i < count; i++)
    if (is_meant (&grants[i], account))
      access = MAX (access, grants[i].access);
  return access;
}

ptn_access
account_delegation (const struct account *mailbox, const struct account *user) {
  return mailbox == user ? PTN_ACCESS_FULL : greatest (mailbox->grants, mailbox->grant_count, user);
}

ptn_access
account_access (const struct account *mailbox, const struct account *user) {
  const ptn_access given = account_delegation (mailbox, user);
  return MAX (given, greatest (user->opens, user->open_count, mailbox));
}
