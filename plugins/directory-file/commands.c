/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - `posternctl user ...`: what is typed becomes a struct change, which a lane carries
 * out; then the new file is taken over.
 *
 * Called in the task of a command.  A job is shared by the call and the lane. */
#include "directory.h"

#include "change.h"

#include <string.h>

/* ---- Jobs -------------------------------------------------------------------------------- */

struct job {
  gint references; /* the call's and the lane's */
  gint done;
  struct rules *rules;
  struct change *change;
};

static void
job_unref (void *data) {
  struct job *job = data;
  if (!g_atomic_int_dec_and_test (&job->references))
    return;
  change_free (job->change);
  rules_unref (job->rules);
  g_free (job);
}

static void
job_work (void *data) {
  struct job *job = data;
  change_run (job->change, job->rules);
  g_atomic_int_set (&job->done, 1);
}

static ptn_status
start_change (struct directory *directory, struct ptn_call *call, struct change *change) {
  const struct ptn_host *host = directory->host;
  struct job *job = g_new0 (struct job, 1);
  job->references = 2;
  job->rules = directory_rules (directory);
  job->change = change;
  if (host->offload (call->task, "password", job_work, job_unref, job) != PTN_OK) {
    job_unref (job);
    job_unref (job);
    return host->fail (call->task, PTN_E_TEMPORARY, "the server is busy with logins, try again",
                       "the lane of passwords is full");
  }
  call->state = job;
  call->cancel = call->release = job_unref;
  return PTN_PENDING;
}

static void
log_change (struct directory *directory, struct ptn_task *task, const struct change *change) {
  static const char *const kinds[] = { "add", "remove", "set", "list" };
  const struct ptn_field fields[] = { { "command", kinds[change->kind] },
                                      { "account", change->account } };
  directory->host->log (directory->host, PTN_LOG_NOTICE, task, "directory.changed", fields, 2);
}

static ptn_status
finish_change (struct directory *directory, struct ptn_call *call) {
  struct job *job = call->state;
  if (!g_atomic_int_get (&job->done))
    return PTN_PENDING;
  ptn_status status = job->change->status;
  if (status == PTN_OK) {
    log_change (directory, call->task, job->change);
    status = directory_load (directory, job->rules, call->task);
    if (status != PTN_OK)
      directory->host->fail (call->task, status, "the file was written but cannot be read",
                             "the file was written but cannot be read");
  } else {
    directory->host->fail (call->task, status, job->change->text, "%s", job->change->text);
  }
  call->state = NULL;
  call->cancel = call->release = NULL;
  job_unref (job);
  return status;
}

/* ---- Arguments --------------------------------------------------------------------------- */

struct arguments {
  struct ptn_strings all;
  size_t at;
  const char *names[2]; /* those that are no options, in order */
  size_t name_count;
};

static ptn_status
mistake (struct directory *directory, struct ptn_call *call, const char *text) {
  return directory->host->fail (call->task, PTN_E_INVALID, text, "%s", text);
}

/* Nothing typed may become a second line of the file. */
static bool
are_sound (struct ptn_strings arguments) {
  for (size_t i = 0; i < arguments.count; i++) {
    const char *text = arguments.items[i];
    if (!g_utf8_validate (text, -1, NULL))
      return false;
    for (; *text; text++)
      if ((unsigned char)*text < 0x20 || *text == 0x7f)
        return false;
  }
  return true;
}

/* Is this argument the option?  *value: what follows its '=', or the next argument. */
static bool
take_option (struct arguments *arguments, const char *option, const char **value) {
  const char *argument = arguments->all.items[arguments->at];
  const size_t length = strlen (option);
  if (strncmp (argument, option, length) != 0)
    return false;
  if (argument[length] == '=') {
    *value = argument + length + 1;
    arguments->at++;
    return true;
  }
  if (argument[length] || arguments->at + 1 == arguments->all.count)
    return false;
  *value = arguments->all.items[arguments->at + 1];
  arguments->at += 2;
  return true;
}

static bool
take_flag (struct arguments *arguments, const char *flag) {
  if (strcmp (arguments->all.items[arguments->at], flag) != 0)
    return false;
  arguments->at++;
  return true;
}

static bool
take_name (struct arguments *arguments, size_t wanted) {
  const char *argument = arguments->all.items[arguments->at];
  if (arguments->name_count == wanted || g_str_has_prefix (argument, "--"))
    return false;
  arguments->names[arguments->name_count++] = argument;
  arguments->at++;
  return true;
}

/* *unknown: the scheme, if it is none of those we can make. */
static bool
take_hash (struct arguments *arguments, struct change *change, const char **unknown) {
  const char *name;
  if (!take_option (arguments, "--hash", &name))
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

/* What was typed is quoted: it may be long, but it has no control characters. */
static ptn_status
G_GNUC_PRINTF (3, 4)
    mistaken (struct directory *directory, struct ptn_call *call, const char *format, ...) {
  va_list list;
  va_start (list, format);
  g_autofree char *text = g_strdup_vprintf (format, list);
  va_end (list);
  return mistake (directory, call, text);
}

/* ---- Changes ----------------------------------------------------------------------------- */

/* A change of the account that was named; NULL after telling that it is no name. */
static struct change *
change_of (struct directory *directory, struct ptn_call *call, change_kind kind, const char *name) {
  char canonical[NAME_LIMIT + 1];
  if (!name_canonical (name, strlen (name), canonical) || name_fault (canonical)) {
    mistaken (directory, call, "'%s' is no account name: it %s", name,
              name_canonical (name, strlen (name), canonical) ? name_fault (canonical)
                                                              : "is neither a name nor an address");
    return NULL;
  }
  struct change *change = change_new (kind, canonical);
  struct rules *rules = directory_rules (directory);
  change->costs = rules->costs;
  rules_unref (rules);
  return change;
}

static ptn_status
give_up (struct directory *directory, struct ptn_call *call, struct change *change,
         const char *text) {
  change_free (change);
  return mistake (directory, call, text);
}

/* The argument where reading stopped, or a scheme that cannot be made. */
static ptn_status
refuse_argument (struct directory *directory, struct ptn_call *call, struct change *change,
                 const struct arguments *arguments, const char *scheme) {
  change_free (change);
  if (scheme)
    return mistaken (directory, call, "--hash: '%s' is not one of: argon2id yescrypt plain%s",
                     scheme, password_can (SCHEME_ARGON2) ? "" : " (built without argon2id)");
  const char *argument = arguments->all.items[arguments->at];
  if (arguments->at + 1 == arguments->all.count && g_str_has_prefix (argument, "--"))
    return mistaken (directory, call, "'%s' is unknown, or its value is missing", argument);
  return mistaken (directory, call, "'%s' is not understood here", argument);
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
    return finish_change (directory, call);
  struct arguments arguments = { .all = typed };
  if (!are_sound (typed) || typed.count == 0 || !take_name (&arguments, 1))
    return mistake (directory, call, "usage: user add NAME [OPTIONS]");
  struct change *change = change_of (directory, call, CHANGE_ADD, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  const char *unknown = NULL;
  bool no_password = false, understood = true;
  while (arguments.at < typed.count && understood && !unknown) {
    const char *value;
    size_t i = 0;
    while (i < G_N_ELEMENTS (options) && !take_option (&arguments, options[i].option, &value))
      i++;
    if (i < G_N_ELEMENTS (options))
      change_add_value (change, options[i].key, value);
    else if (take_flag (&arguments, "--no-password"))
      no_password = true;
    else
      understood = take_hash (&arguments, change, &unknown);
  }
  if (!understood || unknown)
    return refuse_argument (directory, call, change, &arguments, unknown);
  const char *fault = no_password ? NULL : set_secret (change, secret);
  return fault ? give_up (directory, call, change, fault) : start_change (directory, call, change);
}

static ptn_status
run_passwd (void *instance, struct ptn_call *call, struct ptn_strings typed,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return finish_change (directory, call);
  struct arguments arguments = { .all = typed };
  if (!are_sound (typed) || typed.count == 0 || !take_name (&arguments, 1))
    return mistake (directory, call, "usage: user passwd NAME [--hash SCHEME]");
  struct change *change = change_of (directory, call, CHANGE_SET, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  const char *unknown = NULL;
  if (arguments.at < typed.count
      && (!take_hash (&arguments, change, &unknown) || arguments.at < typed.count || unknown))
    return refuse_argument (directory, call, change, &arguments, unknown);
  change_add_value (change, "expired", "");
  const char *fault = set_secret (change, secret);
  return fault ? give_up (directory, call, change, fault) : start_change (directory, call, change);
}

static ptn_status
run_remove (void *instance, struct ptn_call *call, struct ptn_strings typed,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return finish_change (directory, call);
  if (!are_sound (typed) || typed.count != 1)
    return mistake (directory, call, "usage: user remove NAME");
  struct change *change = change_of (directory, call, CHANGE_REMOVE, typed.items[0]);
  return change ? start_change (directory, call, change) : PTN_E_INVALID;
}

/* alias and delegate: a word of a list. */
static ptn_status
run_list_change (struct directory *directory, struct ptn_call *call, struct ptn_strings typed,
                 const char *key, const char *usage) {
  if (call->state)
    return finish_change (directory, call);
  struct arguments arguments = { .all = typed };
  bool remove = false, sound = are_sound (typed);
  while (sound && arguments.at < typed.count)
    if (take_flag (&arguments, "--remove"))
      remove = true;
    else
      sound = take_name (&arguments, 2);
  char word[NAME_LIMIT + 1];
  if (!sound || arguments.name_count != 2
      || !name_canonical (arguments.names[1], strlen (arguments.names[1]), word)
      || strpbrk (word, " ,"))
    return mistake (directory, call, usage);
  struct change *change = change_of (directory, call, CHANGE_LIST, arguments.names[0]);
  if (!change)
    return PTN_E_INVALID;
  change->key = key;
  change->word = g_strdup (word);
  change->remove = remove;
  return start_change (directory, call, change);
}

static ptn_status
run_alias (void *instance, struct ptn_call *call, struct ptn_strings typed, struct ptn_bytes secret,
           struct ptn_report *report) {
  return run_list_change (instance, call, typed, "alias",
                          "usage: user alias NAME ADDRESS [--remove]");
}

static ptn_status
run_delegate (void *instance, struct ptn_call *call, struct ptn_strings typed,
              struct ptn_bytes secret, struct ptn_report *report) {
  return run_list_change (instance, call, typed, "delegates",
                          "usage: user delegate MAILBOX DELEGATE [--remove]");
}

static ptn_status
run_set (void *instance, struct ptn_call *call, struct ptn_strings typed, struct ptn_bytes secret,
         struct ptn_report *report) {
  struct directory *directory = instance;
  if (call->state)
    return finish_change (directory, call);
  if (!are_sound (typed) || typed.count < 2)
    return mistake (directory, call, "usage: user set NAME KEY=VALUE...");
  struct change *change = change_of (directory, call, CHANGE_SET, typed.items[0]);
  if (!change)
    return PTN_E_INVALID;
  for (size_t i = 1; i < typed.count; i++) {
    const char *argument = typed.items[i];
    const size_t length = strspn (argument, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    if (length == 0 || argument[length] != '=')
      return give_up (directory, call, change, "usage: user set NAME KEY=VALUE...");
    g_autofree char *key = g_strndup (argument, length);
    change_add_value (change, key, argument + length + 1);
  }
  return start_change (directory, call, change);
}

/* ---- Listing ----------------------------------------------------------------------------- */

struct listing {
  struct accounts *accounts;
  size_t at;
};

static void
listing_free (void *data) {
  struct listing *listing = data;
  accounts_unref (listing->accounts);
  g_free (listing);
}

static const char *
attribute_of (const struct account *account, const char *name) {
  const size_t length = strlen (name);
  for (size_t i = 0; i < account->attributes.count; i++) {
    const char *item = account->attributes.items[i];
    if (strncmp (item, name, length) == 0 && item[length] == '=')
      return item + length + 1;
  }
  return "";
}

static char *
protocols_text (guint32 protocols) {
  static const char *const names[] = { "pop", "imap", "smtp", "http" };
  GString *text = g_string_new (NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (protocols & 1u << i)
      g_string_append_printf (text, "%s%s", text->len ? " " : "", names[i]);
  return g_string_free (text, FALSE);
}

static const char *
state_text (const struct account *account, int64_t now_ms) {
  if (account_is_disabled (account, now_ms))
    return "disabled";
  if (account->password_count == 0)
    return "no password";
  return account_has_expired (account, now_ms) ? "expired" : "enabled";
}

static ptn_status
show (const struct account *account, struct ptn_task *task, struct ptn_report *report,
      int64_t now_ms) {
  GString *aliases = g_string_new (NULL);
  for (size_t i = 0; i < account->alias_count; i++)
    g_string_append_printf (aliases, "%s%s", i ? " " : "", account->aliases[i]);
  g_autofree char *alias_text = g_string_free (aliases, FALSE);
  g_autofree char *protocols = protocols_text (account->protocols);
  const char *const columns[] = {
    account->name,
    account->address,
    account->display,
    alias_text,
    protocols,
    state_text (account, now_ms),
    attribute_of (account, "quota.octets"),
  };
  return report->row (report, task, columns, G_N_ELEMENTS (columns));
}

static ptn_status
run_user_list (void *instance, struct ptn_call *call, struct ptn_strings typed,
               struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  struct listing *listing = call->state;
  if (!listing) {
    if (typed.count > 1 || (typed.count == 1 && g_str_has_prefix (typed.items[0], "-")))
      return mistake (directory, call, "usage: user list [PREFIX]");
    struct accounts *accounts = directory_get (directory, call->task);
    if (!accounts)
      return directory->host->fail (call->task, PTN_E_TEMPORARY, "the accounts file cannot be read",
                                    "never read");
    listing = g_new0 (struct listing, 1);
    listing->accounts = accounts;
    call->state = listing;
    call->release = call->cancel = listing_free;
  }
  const char *prefix = typed.count ? typed.items[0] : "";
  for (; listing->at < listing->accounts->count; listing->at++) {
    const struct account *account = listing->accounts->list[listing->at];
    if (!g_str_has_prefix (account->name, prefix))
      continue;
    const ptn_status status = show (account, call->task, report, directory->host->realtime_ms ());
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
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
    "Lists the accounts.", "account address name aliases protocols state quota", run_user_list },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user remove", "NAME",
    "Removes an account; its mail stays in the store.", NULL, run_remove },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user alias", "NAME ADDRESS [--remove]",
    "Gives an account one more address or name, or takes one away.", NULL, run_alias },
  { sizeof (struct ptn_control), PTN_CONTROL_OFFLINE, "user delegate",
    "MAILBOX DELEGATE [--remove]", "Lets an account open another's mailbox, or no longer.", NULL,
    run_delegate },
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
