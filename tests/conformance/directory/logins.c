/* SPDX-License-Identifier: Apache-2.0 */
/* logins.c - parse_login: every form of a name. */
#include "kit.h"

#include <stdio.h>

#define README "abi/README.md, \"Names of a login\""

RULE (by_account, "login.account", "The name of an account names it, as user and as mailbox",
      README, HAS_DIRECTORY, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++) {
    const struct login found = login (f, account (i));
    must_read (found.authcid, account (i), "authcid: --account is the one name, or");
    must_read (found.account, found.authcid, "account of the login \"%s\"", account (i));
    must_read (found.authzid, found.authcid, "authzid of the login \"%s\"", account (i));
  }
}

RULE (by_case, "login.case", "Case does not matter, in no part of a name", README, HAS_DIRECTORY,
      0) {
  const char *own = own_name (f, 0);
  g_autofree char *upper = g_utf8_strup (account (0), -1);
  must_login (f, upper, own, own);
  if (facts.domains && !strchr (own, '@')) {
    g_autofree char *address = g_strconcat (account (0), "@", domain_of_mail (), NULL);
    g_autofree char *loud = g_utf8_strup (address, -1);
    must_login (f, loud, own, own);
  }
}

/* An address of an account, at one of the domains; the account's name may be one already. */
static char *
address_at (unsigned number, const char *domain) {
  return strchr (account (number), '@') ? g_strdup (account (number))
                                        : g_strconcat (account (number), "@", domain, NULL);
}

RULE (by_address, "login.address", "user@domain names the account with that address", README,
      HAS_DIRECTORY, 0) {
  const char *own = own_name (f, 0);
  domain_of_mail ();
  for (char **domain = facts.domains; *domain; domain++) {
    g_autofree char *address = address_at (0, *domain);
    must_login (f, address, own, own);
  }
}

RULE (by_windows_domain, "login.windows",
      "DOMAIN\\user and DOMAIN/user name that user; domain says in which Windows domain", README,
      HAS_DIRECTORY, 0) {
  const char *own = own_name (f, 0), *domain = domain_of_windows ();
  g_autofree char *lower = g_ascii_strdown (domain, -1);
  const char *const formats[] = { "%s\\%s", "%s/%s" };
  if (strchr (own, '@'))
    cannot_run ("the name of the account is an address");
  for (size_t i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_auto (GStrv) cut = g_strsplit (formats[i], "%s", -1);
    g_autofree char *name = g_strconcat (domain, cut[1], own, NULL);
    g_autofree char *quiet = g_strconcat (lower, cut[1], own, NULL);
    must_login (f, name, own, own);
    must_login (f, quiet, own, own);
    const struct login found = login (f, name);
    must (g_ascii_strcasecmp (found.domain, domain) == 0,
          "domain of the login \"%s\" is \"%s\", must be \"%s\"", name, found.domain, domain);
  }
}

RULE (with_mailbox, "login.mailbox",
      "The forms with a mailbox: who proves the password is the one, whose mailbox opens the other",
      README, HAS_DIRECTORY, 0) {
  const unsigned second = facts.accounts[1] ? 1 : 0; /* a directory of one has their own only */
  const char *user = own_name (f, 0), *other = own_name (f, second);
  g_autofree char *address = address_at (0, domain_of_mail ());
  g_autofree char *mailbox = address_at (second, domain_of_mail ());
  const char *const ends[][2] = { { "/", other }, { "\\", other }, { "/", mailbox } };
  for (size_t i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *name = g_strconcat (address, ends[i][0], ends[i][1], NULL);
    must_login (f, name, user, other);
  }
  if (!facts.nt_domains || strchr (user, '@') || strchr (other, '@'))
    return;
  const char *const cuts[][2] = { { "\\", "\\" }, { "/", "/" }, { "\\", "/" } };
  for (size_t i = 0; i < G_N_ELEMENTS (cuts); i++) {
    g_autofree char *name =
        g_strconcat (domain_of_windows (), cuts[i][0], user, cuts[i][1], other, NULL);
    must_login (f, name, user, other);
  }
}

RULE (unknown_names, "login.unknown",
      "A user, mailbox or domain that is not there names nobody: PTN_E_NOT_FOUND",
      "auth.h, parse_login", HAS_DIRECTORY, 0) {
  const char *known = account (0);
  must_not_login (f, MISSING);
  g_autofree char *elsewhere = g_strconcat (MISSING, "@", FOREIGN, NULL);
  must_not_login (f, elsewhere);
  g_autofree char *windows = g_strconcat ("NOT-OURS\\", known, NULL);
  must_not_login (f, windows);
  if (!facts.domains)
    return;
  g_autofree char *ours = g_strconcat (MISSING, "@", domain_of_mail (), NULL);
  must_not_login (f, ours);
  g_autofree char *address = address_at (0, domain_of_mail ());
  g_autofree char *mailbox = g_strconcat (address, "/", MISSING, NULL);
  must_not_login (f, mailbox);
  if (!strchr (known, '@')) {
    g_autofree char *foreign = g_strconcat (known, "@", FOREIGN, NULL);
    must_not_login (f, foreign);
  }
}

RULE (guests, "login.guest", "Anonymous and Guest name nobody, in every form",
      README ": \"Anonymous and Guest are PTN_E_NOT_FOUND in every form\"", HAS_DIRECTORY, 0) {
  static const char *const names[] = { "anonymous", "Anonymous", "guest", "GUEST" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    must_not_login (f, names[i]);
    g_autofree char *in_ours =
        g_strconcat (names[i], "@", facts.domains ? *facts.domains : FOREIGN, NULL);
    must_not_login (f, in_ours);
    g_autofree char *mailbox =
        facts.domains && !strchr (account (0), '@')
            ? g_strconcat (account (0), "@", domain_of_mail (), "/", names[i], NULL)
            : g_strconcat (account (0), "/", names[i], NULL);
    must_not_login (f, mailbox);
    if (!facts.nt_domains)
      continue;
    g_autofree char *windows = g_strconcat (domain_of_windows (), "\\", names[i], NULL);
    must_not_login (f, windows);
  }
}

RULE (malformed_names, "login.malformed",
      "What is no name at all names nobody: empty, empty parts, controls, not UTF-8, 10,000 octets",
      "auth.h, parse_login; all input is hostile", HAS_DIRECTORY, 0) {
  static const char *const names[] = {
    "",     "/",         "\\",   "@",       "a//b",       "//", "/a",
    "a/",   "a@b@c",     "@a",   "a/b/c/d", "a\\b\\c\\d", "\n", "a\r\nb",
    "\xff", "a\xc0\x80", "\x7f", "a\tb",    " ",          "a@", "\xed\xa0\x80",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    must_not_login (f, names[i]);
  g_autofree char *behind = g_strconcat (account (0), "\n", NULL);
  must_not_login (f, behind);
  g_autofree char *longest = g_strnfill (10000, 'a');
  must_not_login (f, longest);
}

RULES (directory_login, &by_account_rule, &by_case_rule, &by_address_rule, &by_windows_domain_rule,
       &with_mailbox_rule, &unknown_names_rule, &guests_rule, &malformed_names_rule);
