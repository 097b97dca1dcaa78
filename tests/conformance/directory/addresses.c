/* SPDX-License-Identifier: Apache-2.0 */
/* addresses.c - resolve, may_send_as and list_accounts. */
#include "kit.h"

#define RESOLVE "auth.h, resolve"

struct found {
  size_t count;
  const char *account, *address, *detail; /* of the first; interned */
};

static ptn_status
resolve (struct fixture *f, const char *address, struct found *found) {
  const struct ptn_account_info *const *accounts = NULL;
  size_t count = 0;
  struct ptn_call held = CALL (&f->actor);
  const ptn_status status =
      HELD (&f->actor, f->directory->resolve (f->instance, &held, address, &accounts, &count));
  *found = (struct found){ 0 };
  for (size_t i = 0; status == PTN_OK && i < count; i++) {
    const struct ptn_account_info *info = accounts[i];
    must (info && info->account && *info->account,
          "resolve of \"%s\" gives an account without name", address);
    must (info->size >= offsetof (struct ptn_account_info, attributes) + sizeof info->attributes,
          "resolve of \"%s\": size of the row is %u, set it to sizeof (struct ptn_account_info)",
          address, info->size);
    must (info->address && info->detail, "resolve of \"%s\": address or detail is NULL", address);
  }
  if (status == PTN_OK && count)
    *found = (struct found){ count, g_intern_string (accounts[0]->account),
                             g_intern_string (accounts[0]->address),
                             g_intern_string (accounts[0]->detail) };
  END (&f->actor, held);
  return status;
}

/* Local part and domain of an account. */
static char *
address_of (unsigned number, const char *detail, bool loud) {
  const char *name = account (number), *at = strchr (name, '@');
  g_autofree char *local = g_strndup (name, at ? (gsize)(at - name) : strlen (name));
  char *address = g_strconcat (local, detail, "@", at ? at + 1 : domain_of_mail (), NULL);
  if (loud) {
    char *upper = g_utf8_strup (address, -1);
    g_free (address);
    address = upper;
  }
  return address;
}

static void
must_resolve (struct fixture *f, const char *address, unsigned number, const char *detail) {
  struct found found;
  must_do (resolve (f, address, &found), "resolve of \"%s\"", address);
  must_be (found.count, 1, "accounts of \"%s\"", address);
  must_read (found.account, own_name (f, number), "account of \"%s\"", address);
  must_read (found.detail, detail, "detail of \"%s\"", address);
}

RULE (by_address, "resolve.address",
      "An address of an account resolves to its one name, as parse_login gives it", RESOLVE,
      HAS_DIRECTORY, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++) {
    g_autofree char *address = address_of (i, "", false);
    must_resolve (f, address, i, "");
  }
}

RULE (by_case, "resolve.case", "Case does not matter in addresses", RESOLVE, HAS_DIRECTORY, 0) {
  g_autofree char *address = address_of (0, "", true);
  must_resolve (f, address, 0, "");
}

RULE (primary, "resolve.primary", "The primary address of an account resolves to it",
      "auth.h, ptn_account_info.address", HAS_DIRECTORY, 0) {
  g_autofree char *address = address_of (0, "", false);
  struct found found;
  must_do (resolve (f, address, &found), "resolve of \"%s\"", address);
  must (found.address && strchr (found.address, '@'), "the primary address is \"%s\"",
        found.address ? found.address : "(NULL)");
  must_resolve (f, found.address, 0, "");
}

RULE (details, "resolve.detail", "What stands behind the '+' of an address is told as detail",
      "auth.h, ptn_account_info.detail", HAS_DIRECTORY, 0) {
  g_autofree char *address = address_of (0, "+lists", false);
  struct found found;
  if (resolve (f, address, &found) == PTN_E_NOT_FOUND)
    cannot_run ("the directory takes no details");
  must_resolve (f, address, 0, "lists");
}

RULE (unknown_address, "resolve.unknown",
      "PTN_E_NOT_FOUND: the domain is ours and has no such address", RESOLVE, HAS_DIRECTORY, 0) {
  g_autofree char *address = g_strconcat (MISSING, "@", domain_of_mail (), NULL);
  g_autofree char *detailed = g_strconcat (MISSING, "+x@", domain_of_mail (), NULL);
  struct found found;
  must_give (resolve (f, address, &found), PTN_E_NOT_FOUND, "resolve of \"%s\"", address);
  must_give (resolve (f, detailed, &found), PTN_E_NOT_FOUND, "resolve of \"%s\"", detailed);
}

RULE (foreign_address, "resolve.foreign", "PTN_E_UNSUPPORTED: the domain is not ours", RESOLVE,
      HAS_DIRECTORY, 0) {
  g_autofree char *address = g_strconcat (account (0), "@" FOREIGN, NULL);
  struct found found;
  if (strchr (account (0), '@'))
    cannot_run ("the name of the account is an address");
  must_give (resolve (f, address, &found), PTN_E_UNSUPPORTED, "resolve of \"%s\"", address);
}

RULE (malformed_address, "resolve.malformed", "What is no address resolves to nobody",
      RESOLVE "; all input is hostile", HAS_DIRECTORY, 0) {
  g_autofree char *longest = g_strnfill (10000, 'a');
  g_autofree char *local = g_strconcat (longest, "@", domain_of_mail (), NULL);
  g_autofree char *invalid = g_strconcat ("\xff@", domain_of_mail (), NULL);
  g_autofree char *control = g_strconcat ("a\r\n@", domain_of_mail (), NULL);
  g_autofree char *nobody = g_strconcat ("@", domain_of_mail (), NULL);
  const char *const addresses[] = { "", "@", "@@", longest, local, invalid, control, nobody };
  struct found found;
  for (size_t i = 0; i < G_N_ELEMENTS (addresses); i++) {
    const ptn_status status = resolve (f, addresses[i], &found);
    must (status == PTN_E_NOT_FOUND || status == PTN_E_UNSUPPORTED || status == PTN_E_INVALID,
          "resolve of the %zu. malformed address: gives %s", i + 1, status_name (status));
  }
}

RULES (directory_resolve, &by_address_rule, &by_case_rule, &primary_rule, &details_rule,
       &unknown_address_rule, &foreign_address_rule, &malformed_address_rule);

/* ---- may_send_as ------------------------------------------------------------------------- */

#define SEND "auth.h, may_send_as"

static ptn_status
send_as (struct fixture *f, const char *user, const char *address) {
  const struct ptn_identity identity = identity_of (user, user);
  return DO (&f->actor, f->directory->may_send_as (f->instance, &call, &identity, address));
}

RULE (own_sender, "sender.own", "Everybody may write as their own address", SEND, HAS_DIRECTORY,
      0) {
  for (unsigned i = 0; facts.accounts[i]; i++) {
    g_autofree char *address = address_of (i, "", false), *loud = address_of (i, "", true);
    must_do (send_as (f, own_name (f, i), address), "may_send_as of %s for %s", account (i),
             address);
    must_do (send_as (f, own_name (f, i), loud), "may_send_as of %s for %s", account (i), loud);
  }
}

RULE (other_sender, "sender.other", "Nobody may write as somebody else: PTN_E_DENIED", SEND,
      HAS_DIRECTORY, 0) {
  account (1);
  for (unsigned i = 0; i < 2; i++) {
    g_autofree char *pair = g_strconcat (account (i), ":", account (!i), NULL);
    if (facts.delegates && g_strv_contains ((const char *const *)facts.delegates, pair))
      continue; /* a delegate may, or may not */
    g_autofree char *address = address_of (!i, "", false);
    must_give (send_as (f, own_name (f, i), address), PTN_E_DENIED, "may_send_as of %s for %s",
               account (i), address);
  }
}

RULE (foreign_sender, "sender.foreign",
      "Addresses that nobody has, here or elsewhere, are nobody's to write as: PTN_E_DENIED", SEND,
      HAS_DIRECTORY, 0) {
  const char *own = own_name (f, 0);
  g_autofree char *missing = g_strconcat (MISSING, "@", domain_of_mail (), NULL);
  const char *const addresses[] = { missing, "president@" FOREIGN, "nonsense", "@", "\xff@x" };
  for (size_t i = 0; i < G_N_ELEMENTS (addresses); i++)
    must_give (send_as (f, own, addresses[i]), PTN_E_DENIED, "may_send_as for address %zu", i + 1);
}

RULE (reading_sender, "sender.reader",
      "Who may only read a mailbox does not write in its owner's name: PTN_E_DENIED",
      "abi/README.md, \"Names of a login\": \"Who may only read\"", HAS_DIRECTORY, 0) {
  const struct pair pair = pair_of ("--reader USER:MAILBOX", facts.readers ? *facts.readers : NULL);
  const char *user = login (f, pair.first).authcid, *owner = login (f, pair.second).authcid;
  g_autofree char *address =
      strchr (owner, '@') ? g_strdup (owner) : g_strconcat (owner, "@", domain_of_mail (), NULL);
  struct ptn_identity identity = identity_of (user, owner);
  identity.access = PTN_ACCESS_READ;
  must_give (DO (&f->actor, f->directory->may_send_as (f->instance, &call, &identity, address)),
             PTN_E_DENIED, "may_send_as of %s for %s", user, address);
}

RULES (directory_sender, &own_sender_rule, &other_sender_rule, &foreign_sender_rule,
       &reading_sender_rule);

/* ---- list_accounts ----------------------------------------------------------------------- */

#define LIST "auth.h, list_accounts"

/* Adds a page to `names`.  false: PTN_END. */
static bool
add_page (struct fixture *f, const char *after, GPtrArray *names) {
  struct ptn_strings page = { NULL, 0 };
  struct ptn_call held = CALL (&f->actor);
  const ptn_status status =
      HELD (&f->actor, f->directory->list_accounts (f->instance, &held, after, &page));
  if (status == PTN_E_UNSUPPORTED)
    cannot_run ("the directory does not list its accounts");
  if (status != PTN_END) {
    must_do (status, "list_accounts after \"%s\"", after);
    must (page.count, "list_accounts after \"%s\" gives PTN_OK and nothing: must give PTN_END",
          after);
    must (page.count <= 1000, "list_accounts gives %zu names at once: 1000 at most", page.count);
  }
  for (size_t i = 0; status == PTN_OK && i < page.count; i++) {
    must (page.items[i] && *page.items[i], "name %zu of the list is empty", i);
    const char *before = names->len ? names->pdata[names->len - 1] : "";
    must (strcmp (before, page.items[i]) < 0, "\"%s\" comes after \"%s\" in the list",
          page.items[i], before);
    g_ptr_array_add (names, g_strdup (page.items[i]));
  }
  END (&f->actor, held);
  return status == PTN_OK;
}

RULE (in_order, "list.order",
      "The accounts come in the order of their octets, in pages, each after the last; then PTN_END",
      LIST, HAS_DIRECTORY, 0) {
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (unsigned pages = 0; add_page (f, names->len ? names->pdata[names->len - 1] : "", names);
       pages++)
    must (pages < 100000, "the list has no end");
  for (unsigned i = 0; facts.accounts[i]; i++) {
    const char *own = own_name (f, i);
    bool listed = false;
    for (guint j = 0; j < names->len && !listed; j++)
      listed = strcmp (names->pdata[j], own) == 0;
    must (listed, "the account %s is not in the list", own);
  }
}

RULE (after_name, "list.after", "A page begins behind the name that is given, which need not exist",
      LIST, HAS_DIRECTORY, 0) {
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) rest = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) none = g_ptr_array_new_with_free_func (g_free);
  must (add_page (f, "", all), "list_accounts gives no account at all");
  g_autofree char *behind = g_strconcat (all->pdata[0], "\x01", NULL);
  const bool more = add_page (f, all->pdata[0], rest);
  must (!more == (all->len == 1), "list_accounts after the first of %u gives %s", all->len,
        more ? "more" : "PTN_END");
  if (more)
    must_read (rest->pdata[0], all->pdata[1], "the first name after \"%s\"", (char *)all->pdata[0]);
  g_ptr_array_set_size (rest, 0);
  must (add_page (f, behind, rest) == more, "list_accounts after a name that is not there");
  if (more)
    must_read (rest->pdata[0], all->pdata[1], "the first name after one that is not there");
  must (!add_page (f, "\xf4\x8f\xbf\xbf", none), "list_accounts after the last possible name");
}

RULE (one_names, "list.names", "What is listed are one names, as parse_login gives them", LIST,
      HAS_DIRECTORY, 0) {
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  add_page (f, "", names);
  for (guint i = 0; i < names->len && i < 20; i++) {
    struct login found;
    if (login_try (f, names->pdata[i], &found) == PTN_OK)
      must_read (found.authcid, names->pdata[i], "authcid of the listed account");
  }
}

RULES (directory_list, &in_order_rule, &after_name_rule, &one_names_rule);
