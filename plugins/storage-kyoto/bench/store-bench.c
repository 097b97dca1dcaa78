/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store-bench.c - how many durable deliveries, openings and reads a second a store does.
 *
 *     store-bench MODULE [threads=20] [seconds=3] [users=1000] [size=10000] [setting=value]...
 *
 * Each thread is a session that waits for its own acknowledgement, as an LMTP session does. */
#include "harness/harness.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct harness *harness;
static const struct ptn_host *host;
static struct ptn_binding binding;
static int threads = 20, seconds = 3, users = 1000;
static size_t size = 10000;
static char *mail;
static atomic_bool stop;

struct worker {
  pthread_t thread;
  uint32_t seed;
  uint64_t done, octets;
  GArray *times; /* microseconds */
};

static uint32_t
next (struct worker *worker) {
  worker->seed = worker->seed * 1664525 + 1013904223;
  return worker->seed >> 8;
}

static void *
deliver (void *argument) {
  struct worker *worker = argument;
  const struct ptn_store *store = binding.table;
  struct ptn_task *task = harness_task_new (harness);

  while (!atomic_load (&stop)) {
    char account[64];
    struct ptn_source *source = harness_source_new (mail, size, 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_target target = { account, "INBOX", 0, UINT64_MAX, UINT64_MAX };
    struct ptn_delivered result = { 0 };
    struct ptn_call call = { .task = task };
    gint64 start = g_get_monotonic_time ();
    guint time;

    g_snprintf (account, sizeof account, "u%04u@example.test", next (worker) % (unsigned)users + 1);
    if (HARNESS_AWAIT (task, store->deliver (binding.instance, &call, &append, &target, 1, &result))
            != PTN_OK
        || result.status != PTN_OK)
      abort ();
    host->call_end (&call);
    source->ops->close (source);
    worker->done++;
    time = (guint)(g_get_monotonic_time () - start);
    g_array_append_val (worker->times, time);
  }
  harness_task_free (&task);
  return NULL;
}

static struct ptn_account *
open_account (struct ptn_task *task, const char *name) {
  const struct ptn_store *store = binding.table;
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_call call = { .task = task };
  struct ptn_account *account;

  if (HARNESS_AWAIT (task, store->open (binding.instance, &call, &identity, &account)) != PTN_OK)
    abort ();
  host->call_end (&call);
  return account;
}

/* What a POP3 login asks: open, status. */
static void *
open_status (void *argument) {
  struct worker *worker = argument;
  const struct ptn_store *store = binding.table;
  struct ptn_task *task = harness_task_new (harness);

  while (!atomic_load (&stop)) {
    char name[64];
    const struct ptn_mailbox *mailbox;
    struct ptn_call call = { .task = task };
    struct ptn_account *account;

    g_snprintf (name, sizeof name, "u%04u@example.test", next (worker) % (unsigned)users + 1);
    account = open_account (task, name);
    HARNESS_AWAIT (task, store->status (account, &call, (struct ptn_mailbox_name){ NULL, "INBOX" },
                                        &mailbox));
    host->call_end (&call);
    store->close (account);
    worker->done++;
  }
  harness_task_free (&task);
  return NULL;
}

/* Lists a mailbox (uid, size) and, unless `only_list`, reads all of it, one message after the
 * other. */
static void *
walk (void *argument, bool only_list) {
  struct worker *worker = argument;
  const struct ptn_store *store = binding.table;
  struct ptn_task *task = harness_task_new (harness);

  while (!atomic_load (&stop)) {
    char name[64];
    const struct ptn_mailbox *mailbox;
    const struct ptn_message *rows[256];
    struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
    struct ptn_call call = { .task = task };
    struct ptn_cursor *cursor;
    struct ptn_account *account;
    struct ptn_id id;
    size_t count;

    g_snprintf (name, sizeof name, "u%04u@example.test", next (worker) % (unsigned)users + 1);
    account = open_account (task, name);
    if (store->status (account, &call, (struct ptn_mailbox_name){ NULL, "INBOX" }, &mailbox)
        != PTN_OK) {
      host->call_end (&call);
      store->close (account);
      continue;
    }
    id = mailbox->id;
    host->call_end (&call);
    if (store->fetch (account, &call, &id, &fetch, &cursor) != PTN_OK)
      abort ();
    while (store->next_messages (cursor, &call, rows, G_N_ELEMENTS (rows), &count) == PTN_OK)
      for (size_t i = 0; i < count && !atomic_load (&stop); i++) {
        struct ptn_source *source;
        struct ptn_chunk chunk;

        worker->done++;
        if (only_list)
          continue;
        if (store->read (account, &call, &id, rows[i]->uid, 0, UINT64_MAX, &source) != PTN_OK)
          abort ();
        while (source->ops->read (source, task, 64 * 1024, &chunk) == PTN_OK) {
          worker->octets += chunk.size;
          if (chunk.release)
            chunk.release (chunk.owner);
        }
        source->ops->close (source);
      }
    store->close_cursor (cursor);
    store->close (account);
  }
  harness_task_free (&task);
  return NULL;
}

static void *
list (void *argument) {
  return walk (argument, true);
}

static void *
download (void *argument) {
  return walk (argument, false);
}

static double
cpu (void) {
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int
by_value (const void *a, const void *b) {
  guint left = *(const guint *)a, right = *(const guint *)b;

  return (left > right) - (left < right);
}

static void
run (const char *what, void *(*body) (void *), int count) {
  struct worker *workers = g_new0 (struct worker, (gsize)count);
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (guint));
  gint64 start = g_get_monotonic_time ();
  double before = cpu (), elapsed;
  uint64_t done = 0, octets = 0;

  atomic_store (&stop, false);
  for (int i = 0; i < count; i++) {
    workers[i].seed = (uint32_t)i * 7919 + 1;
    workers[i].times = g_array_new (FALSE, FALSE, sizeof (guint));
    pthread_create (&workers[i].thread, NULL, body, &workers[i]);
  }
  g_usleep ((gulong)seconds * G_USEC_PER_SEC);
  atomic_store (&stop, true);
  for (int i = 0; i < count; i++) {
    pthread_join (workers[i].thread, NULL);
    done += workers[i].done;
    octets += workers[i].octets;
    g_array_append_vals (times, workers[i].times->data, workers[i].times->len);
    g_array_unref (workers[i].times);
  }
  elapsed = (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  printf ("%-12s %2d threads: %8.0f /s, %6.1f us CPU each", what, count, (double)done / elapsed,
          (cpu () - before) / (double)done * 1e6);
  if (octets > 0)
    printf (", %.0f MB/s", (double)octets / elapsed / 1e6);
  if (times->len > 0) {
    qsort (times->data, times->len, sizeof (guint), by_value);
    printf (", p50 %.1f ms, p99 %.1f ms", g_array_index (times, guint, times->len / 2) / 1000.0,
            g_array_index (times, guint, (guint64)times->len * 99 / 100) / 1000.0);
  }
  printf ("\n");
  fflush (stdout);
  g_free (workers);
}

static bool
option (const char *word, const char *name, int *value) {
  size_t length = strlen (name);

  if (strncmp (word, name, length) != 0 || word[length] != '=')
    return false;
  *value = atoi (word + length + 1);
  return true;
}

int
main (int argc, char **argv) {
  g_autoptr (GPtrArray) settings = g_ptr_array_new ();
  gint64 start;
  int octets = (int)size;

  if (argc < 2) {
    fprintf (stderr, "usage: store-bench MODULE [threads=N] [seconds=N] [users=N] [size=N] "
                     "[state=FOLDER] [SETTING=VALUE]...\n");
    return 2;
  }
  harness = harness_new ();
  for (int i = 2; i < argc; i++)
    if (g_str_has_prefix (argv[i], "state="))
      harness_set_state (harness, argv[i] + 6);
    else if (!option (argv[i], "threads", &threads) && !option (argv[i], "seconds", &seconds)
             && !option (argv[i], "users", &users) && !option (argv[i], "size", &octets))
      g_ptr_array_add (settings, argv[i]);
  g_ptr_array_add (settings, NULL);
  size = (size_t)octets;
  mail = g_malloc (size);
  for (size_t i = 0; i < size; i++)
    mail[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : (char)('a' + i * 7 % 26);
  if (harness_load (harness, argv[1], (const char *const *)settings->pdata) != PTN_OK)
    return 1;
  start = g_get_monotonic_time ();
  if (harness_start (harness) != PTN_OK)
    return 1;
  printf ("start: %.1f ms\n", (double)(g_get_monotonic_time () - start) / 1000);
  host = harness_host (harness);
  binding = harness_find (harness, PTN_STORE_ID, NULL);
  run ("open+status", open_status, 2);
  run ("deliver", deliver, 1);
  run ("deliver", deliver, threads);
  run ("open+status", open_status, 2);
  run ("list", list, 1);
  run ("read", download, 2);
  start = g_get_monotonic_time ();
  harness_stop (harness);
  printf ("stop: %.1f ms\n", (double)(g_get_monotonic_time () - start) / 1000);
  harness_free (&harness);
  g_free (mail);
  return 0;
}
