/* SPDX-License-Identifier: Apache-2.0 */
/* accounts-fuzz.c - any text as accounts file; what is taken over can be looked up, and every edit
 * of it leaves a file that reads the same but for the edit. */
#include "directory-file/app.h"
#include "directory-file/edit.h"
#include "directory-file/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static struct rules *
make_rules (void) {
  static const char *const domains[] = { "example.test", "example.org" };
  static const char *const nt_domains[] = { "EXAMPLE" };
  const struct rules_input input = {
    .file = "/", .domains = { domains, 2 }, .nt_domains = { nt_domains, 1 }, .quota_octets = 1
  };
  const char *fault;
  return rules_new (&input, &fault);
}

static struct accounts *
parse (struct rules *rules, const char *data, size_t size) {
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  char *text = g_malloc (size + 1);
  memcpy (text, data, size);
  text[size] = '\0';
  struct accounts *accounts = accounts_parse (rules, text, size, errors);
  if (!accounts == !errors->len)
    abort ();
  return accounts;
}

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static void
edit (struct rules *rules, const char *data, size_t size, const struct accounts *accounts) {
  const char *name = accounts->list[0]->name;
  GString *text = g_string_new_len (data, (gssize)size);
  check (edit_has (text, name));
  check (edit_set (text, name, "name", (const char *[]){ "Somebody", NULL }));
  struct accounts *named = parse (rules, text->str, text->len);
  check (named && named->count == accounts->count);
  check (strcmp (accounts_find (named, name)->display, "Somebody") == 0);
  accounts_unref (named);

  check (
      edit_add_line (text, name, "app_password", "another-one {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="));
  struct accounts *more = parse (rules, text->str, text->len);
  if (more) { /* else it has all it can have, or one of that label */
    check (accounts_find (more, name)->app_count == accounts->list[0]->app_count + 1);
    accounts_unref (more);
    check (edit_drop_line (text, name, "app_password", "another-one"));
    struct accounts *same = parse (rules, text->str, text->len);
    check (same && accounts_find (same, name)->app_count == accounts->list[0]->app_count);
    accounts_unref (same);
  }

  check (edit_remove (text, name));
  edit_forget (text, name);
  struct accounts *fewer = parse (rules, text->str, text->len);
  check (fewer && fewer->count + 1 == accounts->count);
  accounts_unref (fewer);
  g_string_free (text, TRUE);
}

/* Every app password has secrets of its own, and its networks read as they are written. */
static void
judge_apps (const struct account *account) {
  const char *why;
  for (size_t i = 0; i < account->app_count; i++) {
    const struct app *app = &account->apps[i];
    check (app->count > 0 && app_of (account, &account->passwords[app->first]) == app);
    app_judge (app, "imap", "192.0.2.1", 0, &why);
    for (size_t n = 0; n < app->network_count; n++) {
      g_autofree char *text = network_text (&app->networks[n]);
      struct network again;
      check (network_read (text, &again)
             && memcmp (again.address, app->networks[n].address, sizeof again.address) == 0);
    }
  }
  for (size_t i = 0; i < account->own_count; i++)
    check (app_of (account, &account->passwords[i]) == NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct rules *rules = make_rules ();
  struct accounts *accounts = parse (rules, (const char *)data, size);
  if (accounts) {
    for (size_t i = 0; i < accounts->count; i++) {
      const struct account *account = accounts->list[i];
      check (accounts_find (accounts, account->name) == account);
      check (i == 0 || strcmp (accounts->list[i - 1]->name, account->name) < 0);
      check (strchr (account->address, '@') != NULL);
      check (account_access (account, account) == PTN_ACCESS_FULL);
      judge_apps (account);
    }
    if (accounts->count > 0)
      edit (rules, (const char *)data, size, accounts);
    accounts_unref (accounts);
  }
  rules_unref (rules);
  return 0;
}
