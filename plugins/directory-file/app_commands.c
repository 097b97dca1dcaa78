/* SPDX-License-Identifier: Apache-2.0 */
/* app_commands.c - see app_commands.h.  A password is drawn here, shown once, and wiped with its
 * change. */
#include "app_commands.h"

#include "app.h"
#include "listing.h"
#include "order.h"

#include <openssl/rand.h>
#include <string.h>

static const char usage[] = "usage: user app-password add USER LABEL [--protocols WORDS] "
                            "[--networks LIST] [--expires YYYY-MM-DD] [--ntlm] [--scram], "
                            "or list [USER], or revoke USER LABEL";

/* ---- add --------------------------------------------------------------------------------- */

#define DRAWN_CHARACTERS 28 /* of 5 bits: 140 bits */
#define DRAWN_GROUP 4

/* Letters and digits that nobody mistakes for others, in groups, as people type them. */
static char *
draw_password (void) {
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  G_STATIC_ASSERT (sizeof letters == 32 + 1);
  unsigned char random[DRAWN_CHARACTERS];
  if (RAND_bytes (random, sizeof random) != 1)
    return NULL;
  char *text = g_malloc0 (DRAWN_CHARACTERS + DRAWN_CHARACTERS / DRAWN_GROUP);
  size_t at = 0;
  for (unsigned i = 0; i < DRAWN_CHARACTERS; i++) {
    if (i > 0 && i % DRAWN_GROUP == 0)
      text[at++] = '-';
    text[at++] = letters[random[i] % 32];
  }
  explicit_bzero (random, sizeof random);
  return text;
}

/* protocols=, networks= and expires= as they stand in the file; false: not understood. */
static bool
take_conditions (struct arguments *arguments, struct change *change, GString *conditions) {
  static const char *const options[] = { "--protocols", "--networks", "--expires" };
  const char *value;
  for (size_t i = 0; i < G_N_ELEMENTS (options); i++)
    if (order_option (arguments, options[i], &value)) {
      g_autofree char *list = g_strdup (value);
      g_strdelimit (g_strstrip (list), " \t", ',');
      g_string_append_printf (conditions, " %s=%s", options[i] + 2, list);
      return true;
    }
  if (order_flag (arguments, "--ntlm"))
    change->with_nt = true;
  else if (order_flag (arguments, "--scram"))
    change->with_scram = true;
  else
    return order_name (arguments, 2);
  return true;
}

/* The salt of SCRAM keys that the user has already, which new ones need too. */
static void
find_salts (struct directory *directory, struct change *change) {
  g_autoptr (accounts_auto) accounts = directory_current (directory);
  const struct account *account = accounts ? accounts_find (accounts, change->account) : NULL;
  if (account)
    change_salt_like (change, account, false);
}

static ptn_status
begin_add (struct directory *directory, struct ptn_call *call, struct ptn_strings typed) {
  struct arguments arguments = { .all = typed, .at = 1 };
  g_autoptr (GString) conditions = g_string_new (NULL);
  if (typed.count < 3)
    return order_mistake (directory, call, usage);
  struct change *change = order_change_of (directory, call, CHANGE_APP_ADD, typed.items[1]);
  if (!change)
    return PTN_E_INVALID;
  while (arguments.at < typed.count)
    if (!take_conditions (&arguments, change, conditions))
      return order_give_up (directory, call, change, usage);
  if (arguments.name_count != 2)
    return order_give_up (directory, call, change, usage);
  if (app_label_fault (arguments.names[1]))
    return order_give_up (directory, call, change,
                          "a label has 1 to 64 octets, no space and none of = { } $ , ; # \" \\");
  g_autoptr (GDateTime) now =
      g_date_time_new_from_unix_utc (directory->host->realtime_ms () / 1000);
  g_autofree char *today = g_date_time_format (now, "%Y-%m-%d");
  change->word = g_strdup (arguments.names[1]);
  change->conditions = g_strdup_printf ("%s created=%s", conditions->str, today);
  change->secret = draw_password ();
  if (!change->secret)
    return order_give_up (directory, call, change, "the system gives no random numbers");
  change->secret_size = strlen (change->secret);
  find_salts (directory, change);
  return order_start (directory, call, change);
}

/* The one row, with the password: it is shown this once. */
static ptn_status
show_added (struct directory *directory, struct ptn_call *call, struct ptn_report *report) {
  const struct change *change = order_change (call);
  g_autoptr (accounts_auto) accounts = directory_current (directory);
  const struct account *account = accounts ? accounts_find (accounts, change->account) : NULL;
  uses_begin (directory->uses, change->account, change->word);
  for (size_t i = 0; account && i < account->app_count; i++)
    if (strcmp (account->apps[i].label, change->word) == 0)
      return listing_app (directory, call->task, account, &account->apps[i], change->secret,
                          report);
  return directory->host->fail (call->task, PTN_E_CONFLICT, "somebody took it away again",
                                "the new app password is not there");
}

static ptn_status
run_add (struct directory *directory, struct ptn_call *call, struct ptn_strings typed,
         struct ptn_report *report) {
  if (!call->state)
    return begin_add (directory, call, typed);
  const ptn_status status = order_wait (directory, call);
  return status == PTN_OK ? show_added (directory, call, report) : status;
}

/* ---- list, revoke ------------------------------------------------------------------------ */

static ptn_status
run_list (struct directory *directory, struct ptn_call *call, struct ptn_strings typed,
          struct ptn_report *report) {
  char name[NAME_LIMIT + 1];
  if (typed.count > 2
      || (typed.count == 2 && !name_canonical (typed.items[1], strlen (typed.items[1]), name)))
    return order_mistake (directory, call, usage);
  return listing_apps (directory, call, typed.count == 2 ? name : NULL, report);
}

static ptn_status
run_revoke (struct directory *directory, struct ptn_call *call, struct ptn_strings typed) {
  if (call->state)
    return order_finish (directory, call);
  if (typed.count != 3)
    return order_mistake (directory, call, usage);
  struct change *change = order_change_of (directory, call, CHANGE_APP_REVOKE, typed.items[1]);
  if (!change)
    return PTN_E_INVALID;
  change->word = g_strdup (typed.items[2]);
  return order_start (directory, call, change);
}

ptn_status
app_command (void *instance, struct ptn_call *call, struct ptn_strings typed,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  const char *verb = typed.count ? typed.items[0] : "";
  if (!order_is_sound (typed))
    return order_mistake (directory, call, usage);
  if (strcmp (verb, "add") == 0)
    return run_add (directory, call, typed, report);
  if (strcmp (verb, "list") == 0)
    return run_list (directory, call, typed, report);
  if (strcmp (verb, "revoke") == 0)
    return run_revoke (directory, call, typed);
  return order_mistake (directory, call, usage);
}
