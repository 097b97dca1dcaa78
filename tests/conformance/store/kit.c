/* SPDX-License-Identifier: Apache-2.0 */
/* kit.c - the life of a fixture: load, start, restart, threads; see kit.h. */
#define CONFORMANCE_WORDS
#include "kit.h"

#include <stdio.h>

static __thread struct fixture *current; /* of this thread, for the texts of failures */

struct ptn_account *
account_open_as (struct fixture *f, const char *name, const char *authzid,
                 const char *const *groups, bool administrator) {
  const struct ptn_identity identity = {
    .size = sizeof identity,
    .authcid = authzid,
    .authzid = authzid,
    .domain = "",
    .account = name,
    .groups = { groups, groups ? g_strv_length ((char **)groups) : 0 },
    .administrator = administrator,
  };
  struct ptn_account *account = NULL;
  must_do (DO (f, f->store->open (f->instance, &call, &identity, &account)),
           "open of the account %s", name);
  must (account, "open of the account %s gave PTN_OK and no account", name);
  return account;
}

struct ptn_account *
account_open (struct fixture *f, const char *name) {
  return account_open_as (f, name, name, NULL, false);
}

struct ptn_account *
account_switch (struct fixture *f, const char *name) {
  struct ptn_account *before = f->account;
  f->account = account_open (f, name);
  return before;
}

void
account_back (struct fixture *f, struct ptn_account *before) {
  f->store->close (f->account);
  f->account = before;
}

void
fixture_load (struct fixture *f) {
  g_auto (GStrv) settings = subject_settings (f->directory);
  must_do (harness_load (f->harness, subject.module, (const char *const *)settings),
           "configure of the plugin");
  must_do (harness_start (f->harness), "start of the plugin");
  struct ptn_binding binding = harness_find (f->harness, PTN_STORE_ID, NULL);
  f->store = binding.table;
  f->instance = binding.instance;
  f->account = account_open (f, ANN);
}

void
fixture_open (struct fixture *f, const char *directory) {
  current = f;
  f->directory = directory;
  f->harness = harness_new ();
  harness_set_state (f->harness, directory);
  f->host = harness_host (f->harness);
  f->task = harness_task_new (f->harness);
  f->dice = subject.seed;
  fixture_load (f);
}

void
fixture_unload (struct fixture *f) {
  f->store->close (f->account);
  f->account = NULL;
  harness_stop (f->harness);
}

void
fixture_close (struct fixture *f) {
  if (f->account)
    f->store->close (f->account);
  harness_task_free (&f->task);
  harness_free (&f->harness);
  current = NULL;
}

void
fixture_restart (struct fixture *f) {
  fixture_unload (f);
  fixture_load (f);
}

void
fixture_join (struct fixture *copy, const struct fixture *of, const char *account) {
  *copy = *of;
  current = copy;
  copy->task = harness_task_new (of->harness);
  copy->account = account_open (copy, account);
}

void
fixture_leave (struct fixture *copy) {
  copy->store->close (copy->account);
  harness_task_free (&copy->task);
  current = NULL;
}

static gpointer
worker_thread (gpointer data) {
  struct worker *worker = data;
  const struct fixture of = worker->f;
  fixture_join (&worker->f, &of, worker->account);
  worker->f.dice += worker->f.dice ? worker->number + 1 : 0;
  worker->work (worker);
  fixture_leave (&worker->f);
  return NULL;
}

GThread *
worker_start (struct worker *worker, const struct fixture *of, const char *account, unsigned number,
              void (*work) (struct worker *), void *data) {
  worker->f = *of; /* here: the rule may go on, and throw its dice, while the thread starts */
  worker->account = account;
  worker->number = number;
  worker->work = work;
  worker->data = data;
  return g_thread_new ("rule", worker_thread, worker);
}

char *
fixture_failure_text (void) {
  if (!current || !current->task || !current->host)
    return NULL;
  const char *text = current->host->failure_log (current->task);
  if (!text)
    text = current->host->failure_text (current->task);
  return g_strdup (text);
}

void
fixture_tell_log (char *text, size_t size) {
  if (!current || !current->harness)
    return;
  g_autofree char *log = harness_log_take (current->harness);
  size_t length = strlen (log);
  g_strlcpy (text, length < size ? log : log + length - size + 1, size);
}

uint32_t
dice (struct fixture *f, uint32_t limit) {
  if (!f->dice)
    return 0;
  f->dice ^= f->dice << 13; /* xorshift */
  f->dice ^= f->dice >> 7;
  f->dice ^= f->dice << 17;
  return (uint32_t)((f->dice >> 16) % limit);
}

void
fixture_call (struct fixture *f, const char *expression, const char *file, int line) {
  check_call (expression, file, line);
  if (dice (f, 8) == 1) { /* a wake from before: the first wait ends too early */
    struct ptn_waker *waker = f->host->waker (f->task);
    f->host->wake (waker);
  }
}

void
fixture_wait (struct fixture *f, unsigned *times) {
  if (++*times < 50 && dice (f, 3) == 1)
    return; /* any wake may call a step once too often */
  harness_wait (f->task);
}

/* --- sources ------------------------------------------------------------------------- */

struct ptn_source *
source_of (struct fixture *f, const void *data, size_t size) {
  size_t piece = 0;
  bool pending = false;
  if (f->dice) {
    piece = dice (f, 3) == 0 ? 1 + dice (f, 1000) + size / 64 : 0;
    pending = dice (f, 2);
  }
  return harness_source_new (data, size, piece, pending);
}

void
source_close (struct ptn_source *source) {
  source->ops->close (source);
}
