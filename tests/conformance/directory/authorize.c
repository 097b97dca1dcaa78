/* SPDX-License-Identifier: Apache-2.0 */
/* authorize.c - who may open which mailbox, and what the identity is made of afterwards. */
#include "kit.h"

#define AUTHORIZE "auth.h, authorize"

static bool
is_full (ptn_access access) {
  return access == PTN_ACCESS_FULL || access == PTN_ACCESS_UNTOLD;
}

RULE (own_mailbox, "authorize.own", "Everybody may open their own mailbox, with full access",
      AUTHORIZE, HAS_DIRECTORY, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++) {
    const char *own = own_name (f, i);
    struct ptn_identity identity = identity_of (own, own);
    struct ptn_call held = CALL (&f->actor);
    must_do (HELD (&f->actor, f->directory->authorize (f->instance, &held, &f->request, &identity)),
             "authorize of %s for the own mailbox", own);
    must_read (identity.account, own, "account after authorize");
    must_read (identity.authcid, own, "authcid after authorize");
    must_read (identity.authzid, own, "authzid after authorize");
    must (is_full (identity.access), "access to the own mailbox is %u, must be PTN_ACCESS_FULL",
          identity.access);
    END (&f->actor, held);
  }
}

RULE (attributes, "authorize.attributes", "Attributes are name=value, groups are names",
      "auth.h, struct ptn_identity", HAS_DIRECTORY, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++) {
    const char *own = own_name (f, i);
    struct ptn_identity identity = identity_of (own, own);
    struct ptn_call held = CALL (&f->actor);
    must_do (HELD (&f->actor, f->directory->authorize (f->instance, &held, &f->request, &identity)),
             "authorize of %s", own);
    for (size_t j = 0; j < identity.attributes.count; j++) {
      const char *text = identity.attributes.items[j];
      must (text && strchr (text, '=') > text, "attribute %zu of %s is \"%s\", no name=value", j,
            own, text ? text : "(NULL)");
    }
    for (size_t j = 0; j < identity.groups.count; j++)
      must (identity.groups.items[j] && *identity.groups.items[j]
                && *identity.groups.items[j] != '$',
            "group %zu of %s is empty, or begins with '$'", j, own);
    END (&f->actor, held);
  }
}

/* Is it one of the options' pairs? */
static bool
is_granted (const char *user, const char *mailbox) {
  g_autofree char *pair = g_strconcat (user, ":", mailbox, NULL);
  return (facts.delegates && g_strv_contains ((const char *const *)facts.delegates, pair))
         || (facts.readers && g_strv_contains ((const char *const *)facts.readers, pair));
}

/* Two accounts of which the first is no delegate of the second. */
static void
find_strangers (struct fixture *f, const char **user, const char **mailbox) {
  account (1);
  for (unsigned i = 0; facts.accounts[i]; i++)
    for (unsigned j = 0; facts.accounts[j]; j++)
      if (i != j && !is_granted (account (i), account (j))) {
        *user = own_name (f, i);
        *mailbox = own_name (f, j);
        return;
      }
  cannot_run ("it wants two accounts of which one is no delegate of the other");
}

RULE (foreign_mailbox, "authorize.foreign",
      "Nobody opens another's mailbox without delegation: PTN_E_DENIED",
      "auth.h: \"PTN_E_DENIED: no delegation\"", HAS_DIRECTORY, 0) {
  const char *user, *mailbox;
  find_strangers (f, &user, &mailbox);
  struct ptn_identity identity = identity_of (user, mailbox);
  must_give (authorize (f, &identity), PTN_E_DENIED, "authorize of %s for the mailbox of %s", user,
             mailbox);
  identity = identity_of (user, mailbox);
  identity.authzid = mailbox;
  must_give (authorize (f, &identity), PTN_E_DENIED,
             "authorize of %s for the mailbox of %s, as authorization identity", user, mailbox);
}

RULE (granted_access, "authorize.granted",
      "What the caller grants already counts: access is the greater of the two",
      "auth.h, ptn_identity.access: \"the greater of the two counts\"", HAS_DIRECTORY, 0) {
  static const ptn_access grants[] = { PTN_ACCESS_READ, PTN_ACCESS_FULL };
  const char *user, *mailbox;
  find_strangers (f, &user, &mailbox);
  for (size_t i = 0; i < G_N_ELEMENTS (grants); i++) {
    struct ptn_identity identity = identity_of (user, mailbox);
    identity.access = grants[i];
    must_do (authorize (f, &identity), "authorize of %s for the mailbox of %s, granted", user,
             mailbox);
    must_be (identity.access, grants[i], "access afterwards");
  }
  struct ptn_identity identity = identity_of (user, user);
  identity.access = PTN_ACCESS_READ;
  must_do (authorize (f, &identity), "authorize of %s for the own mailbox", user);
  must (is_full (identity.access), "access to the own mailbox became less than full");
}

/* Not the owner's, even if asked for: what others share with the owner is not a reader's to see. */
static void
check_own_name (struct fixture *f, const char *user, const char *mailbox) {
  struct ptn_identity identity = identity_of (user, mailbox);
  struct ptn_call held = CALL (&f->actor);
  identity.authzid = mailbox;
  must_do (HELD (&f->actor, f->directory->authorize (f->instance, &held, &f->request, &identity)),
           "authorize of %s for the mailbox of %s, as its owner", user, mailbox);
  must_read (identity.authzid, user, "authzid of one who only reads");
  END (&f->actor, held);
}

static void
check_pairs (struct fixture *f, char **pairs, const char *option, ptn_access wanted) {
  if (!pairs || !*pairs)
    cannot_run ("it wants %s USER:MAILBOX", option);
  for (; *pairs; pairs++) {
    const struct pair pair = pair_of (option, *pairs);
    const char *user = login (f, pair.first).authcid, *mailbox = login (f, pair.second).authcid;
    struct ptn_identity identity = identity_of (user, mailbox);
    must_do (authorize (f, &identity), "authorize of %s for the mailbox of %s", user, mailbox);
    if (wanted == PTN_ACCESS_FULL)
      must (is_full (identity.access), "access of a delegate is %u, must be PTN_ACCESS_FULL",
            identity.access);
    else {
      must_be (identity.access, wanted, "access of one who only reads");
      check_own_name (f, user, mailbox);
    }
  }
}

RULE (delegates, "authorize.delegate", "A delegate opens the mailbox with full access", AUTHORIZE,
      HAS_DIRECTORY, 0) {
  check_pairs (f, facts.delegates, "--delegate", PTN_ACCESS_FULL);
}

RULE (readers, "authorize.reader", "Who may only read gets PTN_ACCESS_READ, in their own name",
      "abi/README.md, \"Names of a login\": \"Who may only read\"", HAS_DIRECTORY, 0) {
  check_pairs (f, facts.readers, "--reader", PTN_ACCESS_READ);
}

RULE (acting_identity, "authorize.authzid",
      "authzid stays whom it named: the user, or the mailbox's owner", "auth.h, ptn_identity",
      HAS_DIRECTORY, 0) {
  const char *user, *mailbox;
  find_strangers (f, &user, &mailbox);
  for (int as_owner = 0; as_owner < 2; as_owner++) {
    struct ptn_identity identity = identity_of (user, mailbox);
    struct ptn_call held = CALL (&f->actor);
    identity.access = PTN_ACCESS_FULL; /* granted */
    identity.authzid = as_owner ? mailbox : user;
    must_do (HELD (&f->actor, f->directory->authorize (f->instance, &held, &f->request, &identity)),
             "authorize");
    must_read (identity.authzid, as_owner ? mailbox : user, "authzid afterwards");
    must_read (identity.authcid, user, "authcid afterwards");
    must_read (identity.account, mailbox, "account afterwards");
    END (&f->actor, held);
  }
}

RULE (gone_accounts, "authorize.gone",
      "Accounts that went away since the login was parsed are refused", AUTHORIZE, HAS_DIRECTORY,
      0) {
  const char *own = own_name (f, 0);
  struct ptn_identity identity = identity_of (MISSING, MISSING);
  must (authorize (f, &identity) < 0, "authorize of a user who is not there: gives PTN_OK");
  identity = identity_of (own, MISSING);
  must (authorize (f, &identity) < 0, "authorize for a mailbox that is not there: gives PTN_OK");
  identity = identity_of (MISSING, own);
  must (authorize (f, &identity) < 0, "authorize of nobody for a mailbox: gives PTN_OK");
}

RULE (disabled_accounts, "authorize.disabled",
      "An account that is switched off is not opened: PTN_E_DISABLED", AUTHORIZE, HAS_DIRECTORY,
      0) {
  const struct pair pair = pair_of ("--disabled NAME:PASSWORD", facts.disabled);
  const char *own = login (f, pair.first).authcid;
  struct ptn_identity identity = identity_of (own, own);
  must_give (authorize (f, &identity), PTN_E_DISABLED, "authorize of %s", own);
}

RULES (directory_authorize, &own_mailbox_rule, &attributes_rule, &foreign_mailbox_rule,
       &granted_access_rule, &delegates_rule, &readers_rule, &acting_identity_rule,
       &gone_accounts_rule, &disabled_accounts_rule);
