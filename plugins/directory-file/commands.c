/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - `posternctl user ...`: what is typed becomes a struct change, which a lane carries
 * out; then the new file is taken over.
 *
 * Called in the task of a command; see order.h. */
#include "app_commands.h"
#include "listing.h"
#include "order.h"

#include <string.h>

/* *unknown: the scheme, if it is none of those we can make. */
static bool
take_hash (struct arguments *arguments, struct change *change, const char **unknown) {
  const char *name;
  if (!order_option (arguments, "--hash", &name))
    return false;
  change->as_plain = strcmp (name, "plain") == 0;
  if (strcmp (name, "argon2id") == 0)
    change->costs.scheme = SCHEME_ARGON2;
  else if (strcmp (name, "yescrypt") == 0)
    change->costs.scheme = SCHEME_CRYPT;
  else if (!change->as_plain)
    *unknown = name;
  if (!change->as_plain && !password_can (change->costs.scheme))
    *unknown = name;
  return true;
}

/* ---- Changes ----------------------------------------------------------------------------- */

/* The argument where reading stopped, or a scheme that cannot be made. */
static ptn_status
refuse_argument (struct directory *directory, struct ptn_call *call, struct change *change,
                 const struct arguments *arguments, const char *scheme) {
  change_free (change);
  if (scheme)
    return order_mistaken (directory, call, "--hash: '%s' is not one of: argon2id yescrypt plain%s",
                           scheme, password_can (SCHEME_ARGON2) ? "" : " (built without argon2id)");
  const char *argument = arguments->all.items[arguments->at];
  if (arguments->at + 1 == arguments->all.count && g_str_has_prefix (argument, "--"))
    return order_mistaken (directory, call, "'%s' is unknown, or its value is missing", argument);
  return order_mistaken (directory, call, "'%s' is not understood here", argument);
}

/* With the secret that posternctl asked for. */
static const char *
set_secret (struct change *change, struct ptn_bytes secret) {
  if (secret.size == 0 || secret.size > PASSWORD_LIMIT || memchr (secret.data, '\0', secret.size))
    return "the password must have 1 to 512 octets";
  const char *text = secret.data;
  for (size_t i = 0; change->as_plain && i < secret.size; i++)
    if ((unsigned char)text[i] < 0x20 || (text[i] == ' ' && (i == 0 || i == secret.size - 1)))
      return "this password cannot be stored as plain text";
  change->with_password = true;
  change->secret = g_malloc (secret.size + 1);
  memcpy (change->secret, secret.data, secret.size);
  change->secret[secret.size] = '\0';
  change->secret_size = secret.size;
  return NULL;
}

static ptn_status
run_add (void *instance, struct ptn_call *call, struct ptn_strings typed, struct ptn_bytes secret,
         struct ptn_report *report) {
  struct directory *directory = instance;
  static const struct {
    const char *option, *key;
  } options[] = {
    { "--name", "name" },
    { "--alias", "alias" },
    { "--protocols", "protocols" },
    { "--quota", "quota.octets" },
  };
  if (call->state)
    return order_finish (directory, call);
  struct arguments arguments = { .all = typed };
  if (!order_is_sound (typed) || typed.count == 0 || !order_name (&arguments, 1))
    return order_mistake (directory, call, "usage: user add NAME [OPTIONS]");
  struct change *change = order_change_of (directory, call, CHANGE_ADD, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  const char *unknown = NULL;
  bool no_password = false, understood = true;
  while (arguments.at < typed.count && understood && !unknown) {
    const char *value;
    size_t i = 0;
    while (i < G_N_ELEMENTS (options) && !order_option (&arguments, options[i].option, &value))
      i++;
    if (i < G_N_ELEMENTS (options))
      change_add_value (change, options[i].key, value);
    else if (order_flag (&arguments, "--no-password"))
      no_password = true;
    else
      understood = take_hash (&arguments, change, &unknown);
  }
  if (!understood || unknown)
    return refuse_argument (directory, call, change, &arguments, unknown);
  /* Whoever is called so later is somebody else, and must not get what others remember of this one. */
  g_autofree char *id = g_uuid_string_random ();
  change_add_value (change, "account.id", id);
  const char *fault = no_password ? NULL : set_secret (change, secret);
  return fault ? order_give_up (directory, call, change, fault)
               : order_start (directory, call, change);
}

/* App passwords with SCRAM keys go on if the new keys have their salt. */
static void
keep_salt (struct directory *directory, struct change *change) {
  g_autoptr (accounts_auto) accounts = directory_current (directory);
  const struct account *account = accounts ? accounts_find (accounts, change->account) : NULL;
  if (account)
    change_salt_like (change, account, true);
}

static ptn_status
run_passwd (void *instance, struct ptn_call *call, struct ptn_strings typed,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return order_finish (directory, call);
  struct arguments arguments = { .all = typed };
  if (!order_is_sound (typed) || typed.count == 0 || !order_name (&arguments, 1))
    return order_mistake (directory, call, "usage: user passwd NAME [--hash SCHEME]");
  struct change *change = order_change_of (directory, call, CHANGE_SET, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  const char *unknown = NULL;
  if (arguments.at < typed.count
      && (!take_hash (&arguments, change, &unknown) || arguments.at < typed.count || unknown))
    return refuse_argument (directory, call, change, &arguments, unknown);
  change_add_value (change, "expired", "");
  keep_salt (directory, change);
  const char *fault = set_secret (change, secret);
  return fault ? order_give_up (directory, call, change, fault)
               : order_start (directory, call, change);
}

static ptn_status
run_remove (void *instance, struct ptn_call *call, struct ptn_strings typed,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return order_finish (directory, call);
  if (!order_is_sound (typed) || typed.count != 1)
    return order_mistake (directory, call, "usage: user remove NAME");
  struct change *change = order_change_of (directory, call, CHANGE_REMOVE, typed.items[0]);
  return change ? order_start (directory, call, change) : PTN_E_INVALID;
}

/* alias, delegate and undelegate: a word of a list. */
struct list_kind {
  const char *key, *other_key;
  const char *flag, *flag_key, *flag_other; /* another list, with this option */
  bool remove;                              /* always */
  const char *usage;
};

static ptn_status
run_list_change (struct directory *directory, struct ptn_call *call, struct ptn_strings typed,
                 const struct list_kind *kind) {
  if (call->state)
    return order_finish (directory, call);
  struct arguments arguments = { .all = typed };
  bool remove = kind->remove, flagged = false, sound = order_is_sound (typed);
  while (sound && arguments.at < typed.count)
    if (!kind->remove && order_flag (&arguments, "--remove"))
      remove = true;
    else if (kind->flag && order_flag (&arguments, kind->flag))
      flagged = true;
    else
      sound = order_name (&arguments, 2);
  char word[NAME_LIMIT + 1];
  if (!sound || arguments.name_count != 2
      || !name_canonical (arguments.names[1], strlen (arguments.names[1]), word)
      || strpbrk (word, " ,"))
    return order_mistake (directory, call, kind->usage);
  struct change *change = order_change_of (directory, call, CHANGE_LIST, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  change->key = flagged ? kind->flag_key : kind->key;
  change->other_key = flagged ? kind->flag_other : kind->other_key;
  change->word = g_strdup (word);
  change->remove = remove;
  return order_start (directory, call, change);
}

static ptn_status
run_alias (void *instance, struct ptn_call *call, struct ptn_strings typed, struct ptn_bytes secret,
           struct ptn_report *report) {
  static const struct list_kind kind = {
    .key = "alias",
    .usage = "usage: user alias NAME ADDRESS [--remove]",
  };
  return run_list_change (instance, call, typed, &kind);
}

static ptn_status
run_delegate (void *instance, struct ptn_call *call, struct ptn_strings typed,
              struct ptn_bytes secret, struct ptn_report *report) {
  static const struct list_kind kind = {
    .key = "delegates",
    .other_key = "readers",
    .flag = "--read-only",
    .flag_key = "readers",
    .flag_other = "delegates",
    .usage = "usage: user delegate MAILBOX DELEGATE [--read-only] [--remove]",
  };
  return run_list_change (instance, call, typed, &kind);
}

static ptn_status
run_undelegate (void *instance, struct ptn_call *call, struct ptn_strings typed,
                struct ptn_bytes secret, struct ptn_report *report) {
  static const struct list_kind kind = {
    .key = "delegates",
    .other_key = "readers",
    .remove = true,
    .usage = "usage: user undelegate MAILBOX DELEGATE",
  };
  return run_list_change (instance, call, typed, &kind);
}

static ptn_status
run_set (void *instance, struct ptn_call *call, struct ptn_strings typed, struct ptn_bytes secret,
         struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return order_finish (directory, call);
  if (!order_is_sound (typed) || typed.count < 2)
    return order_mistake (directory, call, "usage: user set NAME KEY=VALUE...");
  struct change *change = order_change_of (directory, call, CHANGE_SET, typed.items[0]);
  if (!change)
    return PTN_E_INVALID;
  for (size_t i = 1; i < typed.count; i++) {
    const char *argument = typed.items[i];
    const size_t length = strspn (argument, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    if (length == 0 || argument[length] != '=')
      return order_give_up (directory, call, change, "usage: user set NAME KEY=VALUE...");
    g_autofree char *key = g_strndup (argument, length);
    change_add_value (change, key, argument + length + 1);
  }
  return order_start (directory, call, change);
}

/* ---- The table --------------------------------------------------------------------------- */

static const struct ptn_control commands[] = {
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE | PTN_CONTROL_SECRET, "user add",
    "NAME [--name TEXT] [--alias ADDRESS]... [--protocols WORDS] [--quota SIZE] "
    "[--hash SCHEME] [--no-password]",
    "Adds an account, with a password that is asked for.", NULL, run_add },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE | PTN_CONTROL_SECRET, "user passwd",
    "NAME [--hash SCHEME]", "Sets a new password.", NULL, run_passwd },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user list", "[PREFIX]",
    "Lists the accounts.", LISTING_USER_COLUMNS, listing_users },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user remove", "NAME",
    "Removes an account; its mail stays in the store.", NULL, run_remove },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user alias", "NAME ADDRESS [--remove]",
    "Gives an account one more address or name, or takes one away.", NULL, run_alias },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user delegate",
    "MAILBOX DELEGATE [--read-only] [--remove]",
    "Lets an account, or a $GROUP, open another's mailbox, for everything or to read.", NULL,
    run_delegate },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user undelegate", "MAILBOX DELEGATE",
    "Lets an account, or a $GROUP, no longer open another's mailbox.", NULL, run_undelegate },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user show", "NAME",
    "Shows one account, with whose mailboxes it opens and who opens its own.", LISTING_SHOW_COLUMNS,
    listing_user },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user app-password", APP_COMMAND_ARGUMENTS,
    "Makes a password for one device or program and shows it once; lists them; takes one back.",
    LISTING_APP_COLUMNS, app_command },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user set", "NAME KEY=VALUE...",
    "Sets keys of an account as they stand in the file; an empty value takes a key away.", NULL,
    run_set },
};

ptn_status
commands_provide (struct directory *directory) {
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
    const ptn_status status = directory->host->provide (directory->host, PTN_CONTROL_ID,
                                                        commands[i].name, &commands[i], directory);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}
