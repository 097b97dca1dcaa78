/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.c - `posternctl conformance`: what each listener can do, why not, and the same as a
 * page in Markdown.  Protocols tell it through postern.conformance/1. */
#include "run/rows.h"
#include "run/worker_state.h"

#include <string.h>

struct asked { /* the state of the call */
  struct rows rows;
  const char *listener; /* NULL: all */
  const char *account;  /* NULL: nobody's */
  struct ptn_call directory;
  struct ptn_strings attributes; /* of the account; they belong to the call above */
  bool ready;                    /* they are known, if they were asked for */
  bool filled;
};

static void
asked_free (void *state) {
  struct asked *asked = state;
  call_end (&asked->directory);
  rows_clear (&asked->rows);
  g_free (asked);
}

static ptn_status
usage (struct ptn_task *task, const char *text) {
  return task_fail (task, PTN_E_INVALID, text, "bad arguments");
}

static ptn_status
read_arguments (struct asked *asked, struct ptn_task *task, struct ptn_strings arguments) {
  for (size_t i = 0; i < arguments.count; i++) {
    const char *word = arguments.items[i];
    if (strcmp (word, "--account") == 0) {
      if (++i == arguments.count)
        return usage (task, "--account needs an address");
      asked->account = arguments.items[i];
    } else if (word[0] == '-' || asked->listener)
      return usage (task, "the name of a listener and --account ADDRESS are all it takes");
    else
      asked->listener = word;
  }
  return PTN_OK;
}

/* What the directory says of the account. */
static ptn_status
look_up (struct worker *worker, struct asked *asked, struct ptn_task *task) {
  const struct load_provider *provider = loader_find (worker->loader, PTN_DIRECTORY_ID, NULL);
  const struct ptn_account_info *const *accounts = NULL;
  size_t count = 0;
  ptn_status status = PTN_E_NOT_FOUND;

  asked->directory.task = task;
  if (provider) {
    const struct ptn_directory *directory = provider->table;
    uint32_t before = engine_enter (provider->plugin);
    status = directory->resolve (provider->instance, &asked->directory, asked->account, &accounts,
                                 &count);
    engine_enter (before);
  }
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return task_fail (task, status, "the directory does not know this address", "no such account");
  if (count != 1)
    return usage (task, "this address belongs to several accounts");
  asked->attributes = accounts[0]->attributes;
  return PTN_OK;
}

static const struct load_provider *
provider_of (struct worker *worker, const char *protocol) {
  const struct load_provider *provider = NULL;
  while ((provider = loader_next (worker->loader, PTN_CONFORMANCE_ID, provider)))
    if (strcmp (provider->name, protocol) == 0)
      return provider;
  return NULL;
}

static const char *
state_name (ptn_standard_state state) {
  return state == PTN_STANDARD_ON ? "on" : state == PTN_STANDARD_OFF ? "off" : "missing";
}

/* A cell of a Markdown table; g_free it. */
static char *
cell (const char *text) {
  GString *out = g_string_new (NULL);
  for (; *text; text++) {
    if (strchr ("|\\*_`<[", *text))
      g_string_append_c (out, '\\');
    g_string_append_c (out, *text);
  }
  return g_string_free (out, FALSE);
}

static void
add_standard (struct rows *rows, const struct config_listener *listener,
              const struct ptn_standard *row, bool page) {
  const char *state = state_name (row->state);
  if (!page) {
    rows_add (rows, listener->name, listener->protocol, row->document, row->feature, state,
              row->title, row->why, NULL);
    return;
  }
  g_autofree char *title = cell (row->title), *feature = cell (row->feature),
                  *why = cell (row->why);
  g_autofree char *line =
      g_strdup_printf ("| %s | %s | %s | %s | %s |", row->document, feature, title, state, why);
  rows_add (rows, line, NULL);
}

static void
add_head (struct rows *rows, const struct config_listener *listener) {
  static const char *const tls[] = { [CONFIG_TLS_NONE] = "in clear",
                                     [CONFIG_TLS_STARTTLS] = "in clear, with STARTTLS",
                                     [CONFIG_TLS_IMPLICIT] = "over TLS" };
  g_autofree char *name = cell (listener->name);
  g_autofree char *head =
      g_strdup_printf ("## Listener %s (%s, %s)", name, listener->protocol, tls[listener->tls]);
  rows_add (rows, "", NULL);
  rows_add (rows, head, NULL);
  rows_add (rows, "", NULL);
}

/* All rows of one listener. */
static void
add_listener (struct worker *worker, struct asked *asked, const struct config *config,
              const struct config_listener *listener, bool page) {
  const struct load_provider *provider = provider_of (worker, listener->protocol);
  const struct ptn_session_info info = { .size = sizeof info,
                                         .implicit_tls = listener->tls == CONFIG_TLS_IMPLICIT,
                                         .start_tls = listener->tls == CONFIG_TLS_STARTTLS,
                                         .listener = listener->name,
                                         .session_id = "",
                                         .server_name = config->server.name,
                                         .config = listener->settings };
  struct ptn_standard row = { .size = sizeof row };

  if (page)
    add_head (&asked->rows, listener);
  if (!provider) {
    if (page)
      rows_add (&asked->rows, "Its protocol does not tell.", NULL);
    return;
  }
  if (page) {
    rows_add (&asked->rows, "| document | feature | what | state | why |", NULL);
    rows_add (&asked->rows, "|---|---|---|---|---|", NULL);
  }
  const struct ptn_conformance *table = provider->table;
  const struct ptn_strings *attributes = asked->account ? &asked->attributes : NULL;
  uint32_t before = engine_enter (provider->plugin);
  for (uint32_t i = 0; table->standard (provider->instance, &info, attributes, i, &row) == PTN_OK;
       i++) {
    row.why[sizeof row.why - 1] = '\0';
    add_standard (&asked->rows, listener, &row, page);
    row = (struct ptn_standard){ .size = sizeof row };
  }
  engine_enter (before);
}

static ptn_status
fill (struct worker *worker, struct asked *asked, struct ptn_task *task, bool page) {
  struct config *config = worker_config (worker);
  bool found = false;

  if (page) {
    g_autofree char *who = cell (asked->account ? asked->account : "");
    g_autofree char *head = g_strdup_printf ("# What Postern %s does on %s%s%s", POSTERN_VERSION,
                                             config->server.name, *who ? " for " : "", who);
    rows_add (&asked->rows, head, NULL);
    rows_add (&asked->rows, "", NULL);
    rows_add (&asked->rows,
              "Made by `posternctl conformance page`. on: it is there; off: not on this listener, "
              "for the reason told; missing: this program cannot do it.",
              NULL);
  }
  for (size_t i = 0; i < config->listener_count; i++) {
    const struct config_listener *listener = &config->listeners[i];
    if (listener->disabled || (asked->listener && strcmp (asked->listener, listener->name) != 0))
      continue;
    add_listener (worker, asked, config, listener, page);
    found = true;
  }
  config_unref (&config);
  return found || !asked->listener ? PTN_OK : usage (task, "there is no such listener");
}

static ptn_status
run (struct worker *worker, struct ptn_call *call, struct ptn_strings arguments,
     struct ptn_report *report, bool page) {
  struct asked *asked = call->state;
  ptn_status status = PTN_OK;

  if (!asked) {
    call->state = asked = g_new0 (struct asked, 1);
    call->release = asked_free;
    rows_init (&asked->rows);
  }
  asked->listener = asked->account = NULL;
  status = read_arguments (asked, call->task, arguments);
  if (status == PTN_OK && asked->account && !asked->ready) {
    status = look_up (worker, asked, call->task);
    call->cancel = status == PTN_PENDING ? asked_free : NULL;
    asked->ready = status == PTN_OK;
  }
  if (status == PTN_OK && !asked->filled) {
    status = fill (worker, asked, call->task, page);
    asked->filled = true;
  }
  return status == PTN_OK ? rows_give (&asked->rows, call, report) : status;
}

ptn_status
run_conformance (void *instance, struct ptn_call *call, struct ptn_strings arguments,
                 struct ptn_bytes secret, struct ptn_report *report) {
  return run (instance, call, arguments, report, false);
}

ptn_status
run_conformance_page (void *instance, struct ptn_call *call, struct ptn_strings arguments,
                      struct ptn_bytes secret, struct ptn_report *report) {
  return run (instance, call, arguments, report, true);
}
