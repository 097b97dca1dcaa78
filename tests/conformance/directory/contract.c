/* SPDX-License-Identifier: Apache-2.0 */
/* contract.c - the contract of directories and credentials: what a plugin can have, the options that
 * say what there is, the groups of rules, and how one is run. */
#include "kit.h"

static const struct capability capabilities[] = {
  { HAS_DIRECTORY, "DIRECTORY", "who is who: " PTN_DIRECTORY_ID },
  { HAS_CREDENTIALS, "CREDENTIALS", "who may log in: " PTN_CREDENTIALS_ID },
  { HAS_PASSWORD, "PASSWORD", "verify_password" },
  { HAS_NO_PASSWORD, "NO_PASSWORD", "PTN_CREDENTIALS_NO_PASSWORD: only secrets" },
  { HAS_SECRETS, "SECRETS", "with_secret, for one of the next four" },
  { HAS_PLAIN, "PLAIN", "passwords as they are" },
  { HAS_NT, "NT", "NT hashes" },
  { HAS_SCRAM_SHA_1, "SCRAM-SHA-1", "keys for it" },
  { HAS_SCRAM_SHA_256, "SCRAM-SHA-256", "keys for it" },
  { HAS_NTLM, "NTLM", "verify_ntlm" },
  { HAS_FLUSH, "FLUSH", "forgets what it remembers" },
  { 0, NULL, NULL },
};

#define GROUPS(X)                               \
  X (login, "names of a login are taken apart") \
  X (authorize, "who may open which mailbox")   \
  X (resolve, "addresses")                      \
  X (sender, "may_send_as")                     \
  X (list, "list_accounts")                     \
  X (password, "verify_password")               \
  X (secret, "with_secret")                     \
  X (pending, "PENDING, wakes, calls that are given up, results, threads")

#define DECLARE(group, about) extern const struct rule *const directory_##group##_rules[];
GROUPS (DECLARE)
#define GROUP_ROW(group, about) { #group, about, directory_##group##_rules },
static const struct rule_group groups[] = { GROUPS (GROUP_ROW){ NULL, NULL, NULL } };

static const GOptionEntry entries[] = {
  { "account", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &facts.accounts,
    "an account that there is, by its one name; two are better", "NAME" },
  { "password", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &facts.passwords,
    "its password; once for each --account", "PASSWORD" },
  { "domain", 'd', 0, G_OPTION_ARG_STRING_ARRAY, &facts.domains,
    "a mail domain at which these accounts have addresses", "DOMAIN" },
  { "nt-domain", 0, 0, G_OPTION_ARG_STRING_ARRAY, &facts.nt_domains,
    "the Windows domain of these accounts", "DOMAIN" },
  { "delegate", 0, 0, G_OPTION_ARG_STRING_ARRAY, &facts.delegates,
    "an account that may open another's mailbox", "USER:MAILBOX" },
  { "reader", 0, 0, G_OPTION_ARG_STRING_ARRAY, &facts.readers,
    "one that may open it and change nothing", "USER:MAILBOX" },
  { "disabled", 0, 0, G_OPTION_ARG_STRING, &facts.disabled, "an account that is switched off",
    "NAME:PASSWORD" },
  { "expired", 0, 0, G_OPTION_ARG_STRING, &facts.expired, "one whose password has expired",
    "NAME:PASSWORD" },
  { NULL }
};

static bool
are_pairs (char **list) {
  for (; list && *list; list++)
    if (!strchr (*list, ':'))
      return false;
  return true;
}

static const char *
fault (void) {
  const unsigned accounts = facts.accounts ? g_strv_length (facts.accounts) : 0;
  const unsigned passwords = facts.passwords ? g_strv_length (facts.passwords) : 0;
  if (!accounts)
    return "say what accounts there are: --account NAME --password PASSWORD --domain DOMAIN";
  if (accounts != passwords)
    return "every --account wants one --password";
  if (!are_pairs (facts.delegates) || !are_pairs (facts.readers))
    return "--delegate and --reader want USER:MAILBOX";
  if ((facts.disabled && !strchr (facts.disabled, ':'))
      || (facts.expired && !strchr (facts.expired, ':')))
    return "--disabled and --expired want NAME:PASSWORD";
  return NULL;
}

/* A function that must be there and is not is told as that, and not as a crash. */
static void
check_tables (const struct fixture *f) {
  const struct ptn_directory *directory = f->directory;
  if (directory)
    must (CAN (directory, parse_login) && CAN (directory, authorize) && CAN (directory, resolve)
              && CAN (directory, may_send_as) && CAN (directory, list_accounts),
          "the table of the directory misses a function: all but flush must be there");
  if (!f->credentials)
    return;
  must (PTN_HAS (f->credentials, schemes) && f->credentials->schemes,
        "schemes of the credentials is NULL: \"\" if with_secret knows none");
  must (f->has & HAS_NO_PASSWORD || CAN (f->credentials, verify_password),
        "the table of the credentials has no verify_password, nor PTN_CREDENTIALS_NO_PASSWORD");
  must (!(f->has & HAS_SECRETS) || CAN (f->credentials, with_secret),
        "the table of the credentials names schemes and has no with_secret");
  must (!(f->has & HAS_NTLM) || CAN (f->credentials, verify_ntlm),
        "the table of the credentials names NTLM and has no verify_ntlm");
}

static void
play (const struct rule *rule, const char *directory) {
  struct fixture f;
  kit_open (&f, directory);
  check_tables (&f);
  board->capabilities = f.has;
  board->table_size = f.directory ? f.directory->size : f.credentials->size;
  if (rule)
    rule->run (&f);
  check_call ("stop and destroy after the rule", "contract.c", __LINE__);
  kit_close (&f);
  check_passed ();
}

const struct contract directory_contract = {
  .name = "directory",
  .subject = "directory",
  .summary = "Holds a directory plugin to the contract of postern/auth.h.",
  .capabilities = capabilities,
  .groups = groups,
  .options = entries,
  .fault = fault,
  .play = play,
  .failure_text = actor_failure_text,
  .tell_log = actor_tell_log,
};
