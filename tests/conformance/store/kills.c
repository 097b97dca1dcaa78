/* SPDX-License-Identifier: Apache-2.0 */
/* kills.c - kill -9: what was acknowledged is there, what was not is there whole or not at all.
 *
 * The rule's process keeps the ledger and never loads the store; a child loads it, looks whether it
 * has what the ledger says, goes on working in several tasks, and is killed at a random moment. */
#include "ledger.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct drama {
  struct ledger *ledger;
  struct model models[LEDGER_WORKERS];
  const char *directory;
  unsigned round;
  const char *ended; /* how the life before did */
  /* Not acknowledged, but there in the first target: each target is for itself, so the second
   * may have it or not. */
  bool alone[LEDGER_WORKERS][LEDGER_OPERATIONS];
};

struct working {
  struct drama *drama;
  struct model model;
};

static void
work_on (struct worker *worker) {
  struct working *working = worker->data;
  struct model *model = &working->model;
  struct ledger *ledger = working->drama->ledger;
  while (!atomic_load (&ledger->stop) && model->done < LEDGER_OPERATIONS - 1) {
    uint32_t uid = 0;
    atomic_store (&ledger->workers[worker->number].begun, model->done + 1);
    atomic_fetch_add (&ledger->workers[worker->number].tries[model->done], 1);
    model_do (model, &worker->f, &uid);
    ledger->workers[worker->number].uids[model->done] = uid;
    atomic_store (&ledger->workers[worker->number].acknowledged, model->done + 1);
    model_apply (model, uid);
    if (model->done % 16 == 0) {
      g_autofree char *box = g_strdup_printf ("w%u", worker->number);
      atomic_store (&ledger->workers[worker->number].last,
                    status_of (&worker->f, box).highest_modseq);
    }
  }
}

static void
prepare (struct drama *drama, struct fixture *f, unsigned worker) {
  struct ptn_account *before = account_switch (f, model_account (worker));
  g_autofree char *box = g_strdup_printf ("w%u", worker);
  g_autofree char *other = g_strdup_printf ("w%u-copies", worker);
  make (f, box);
  make (f, other);
  atomic_store (&drama->ledger->workers[worker].first, status_of (f, box).highest_modseq);
  account_back (f, before);
}

static void
check_modseqs (struct drama *drama, struct fixture *f, const struct model *model, unsigned worker) {
  g_autofree char *box = g_strdup_printf ("w%u", worker);
  if (!(model->has & PTN_STORE_QRESYNC))
    return;
  uint64_t last = atomic_load (&drama->ledger->workers[worker].last);
  uint64_t now = status_of (f, box).highest_modseq;
  must (now >= last, "highest_modseq of \"%s\" was %llu before a %s, and is %llu", box,
        (unsigned long long)last, drama->ended, (unsigned long long)now);
  g_autofree char *differs =
      model_vanished_differs (model, f, atomic_load (&drama->ledger->workers[worker].first));
  must (!differs, "after a %s: %s", drama->ended, differs);
}

/* After the last acknowledged operation, or after the one behind it. */
static void
check_worker (struct drama *drama, struct fixture *f, struct working *working, unsigned worker) {
  struct ledger *ledger = drama->ledger;
  struct model acknowledged, begun;
  const bool in_flight = atomic_load (&ledger->workers[worker].begun)
                         > atomic_load (&ledger->workers[worker].acknowledged);
  struct ptn_account *before = account_switch (f, model_account (worker));
  model_copy (&acknowledged, &drama->models[worker]);
  const bool repeated = in_flight && model_repeats (&acknowledged);
  uint32_t uid = 0;
  if (repeated) /* as one does who does not know */
    model_do (&acknowledged, f, &uid);
  g_autofree char *differs = repeated ? g_strdup ("the next operation was repeated with its token")
                                      : model_differs (&acknowledged, f);
  atomic_store (&ledger->workers[worker].happened, 0);
  working->drama = drama;
  if (!differs)
    working->model = acknowledged;
  else {
    model_free (&acknowledged);
    must (in_flight, "after %u acknowledged operations and a %s: %s", drama->models[worker].done,
          drama->ended, differs);
    model_copy (&begun, &drama->models[worker]);
    model_apply (&begun, 0);
    g_autofree char *too = model_differs (&begun, f);
    must (!too,
          "after %u acknowledged operations and a kill, the store has neither what was "
          "acknowledged (%s) nor the next operation whole (%s)",
          drama->models[worker].done, differs, too);
    atomic_store (&ledger->workers[worker].happened, 1);
    working->model = begun;
  }
  check_modseqs (drama, f, &working->model, worker);
  account_back (f, before);
}

/* How often the second target may have the delivery with this head: a life that was killed may have
 * brought it there and not to the first target, and then the next life delivers it to both. */
static unsigned
tries_of (const struct drama *drama, const char *head) {
  char *end = NULL;
  const uint64_t w = g_ascii_strtoull (head, &end, 10);
  const uint64_t n = *end == '.' ? g_ascii_strtoull (end + 1, NULL, 10) : LEDGER_OPERATIONS;
  if (w >= LEDGER_WORKERS || n >= LEDGER_OPERATIONS)
    return 0; /* no text of ours */
  return atomic_load (&drama->ledger->workers[w].tries[n]);
}

/* Every acknowledged delivery is there; none is there more often than it was tried; nothing else. */
static void
check_shared (struct drama *drama, struct fixture *f) {
  struct ptn_account *before = account_switch (f, "all@example.test");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (exists (f, "INBOX")) {
    g_autoptr (GArray) rows = fetch_rows (f, "INBOX", NO_UIDS, 0);
    for (guint i = 0; i < rows->len; i++) {
      char *head = NULL;
      size_t size = 0;
      must_do (read_message (f, "INBOX", ROW (rows, i)->uid, 0, 29, &head, &size),
               "read of UID %u of the second target after a kill", ROW (rows, i)->uid);
      head[strcspn (head, "\r")] = '\0';
      g_autofree char *shown = g_strdup (head);
      unsigned times = GPOINTER_TO_UINT (g_hash_table_lookup (seen, head)) + 1;
      unsigned tries = tries_of (drama, head);
      g_hash_table_insert (seen, head, GUINT_TO_POINTER (times));
      must (times <= tries,
            "the delivery %s was tried %u times, and is %u times in the second target", shown,
            tries, times);
    }
  }
  account_back (f, before);
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    for (unsigned n = 0; n < drama->models[w].done; n++) {
      g_autofree char *head = g_strdup_printf ("%u.%u", w, n);
      must (!model_delivers (w, n) || drama->alone[w][n] || g_hash_table_contains (seen, head),
            "the delivery %s was acknowledged, and is missing in its second target after a kill",
            head);
    }
}

static _Noreturn void
play (struct drama *drama) {
  struct fixture f = { 0 };
  struct working workings[LEDGER_WORKERS];
  struct worker workers[LEDGER_WORKERS] = { 0 };
  GThread *threads[LEDGER_WORKERS];
  fixture_open (&f, drama->directory);
  board->capabilities = f.store->capabilities;
  for (unsigned w = 0; w < LEDGER_WORKERS; w++) {
    if (!drama->round) {
      prepare (drama, &f, w);
      drama->models[w].has = f.store->capabilities;
    }
    check_worker (drama, &f, &workings[w], w);
  }
  check_shared (drama, &f);
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    threads[w] = worker_start (&workers[w], &f, model_account (w), w, work_on, &workings[w]);
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    g_thread_join (threads[w]);
  fixture_close (&f);
  _exit (0);
}

/* The parent's models follow what has happened. */
static void
follow (struct drama *drama) {
  struct ledger *ledger = drama->ledger;
  for (unsigned w = 0; w < LEDGER_WORKERS; w++) {
    drama->models[w].has = board->capabilities;
    if (atomic_load (&ledger->workers[w].happened)) {
      drama->alone[w][drama->models[w].done] = true;
      model_apply (&drama->models[w], 0);
    }
    unsigned acknowledged = atomic_load (&ledger->workers[w].acknowledged);
    while (drama->models[w].done < acknowledged)
      model_apply (&drama->models[w], ledger->workers[w].uids[drama->models[w].done]);
    atomic_store (&ledger->workers[w].happened, 0);
  }
}

/* One life of the store: killed after some time, or stopped in order. */
static void
live (struct drama *drama, unsigned milliseconds, bool killed) {
  struct ledger *ledger = drama->ledger;
  unsigned before = 0, now = 0;
  int status = 0;
  pid_t ended = 0;
  atomic_store (&ledger->stop, 0);
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    before += atomic_load (&ledger->workers[w].begun);
  pid_t pid = fork ();
  must (pid >= 0, "no process can be made: %s", g_strerror (errno));
  if (pid == 0)
    play (drama);
  for (;;) { /* the time counts from when it works */
    ended = waitpid (pid, &status, WNOHANG);
    now = 0;
    for (unsigned w = 0; w < LEDGER_WORKERS; w++)
      now += atomic_load (&ledger->workers[w].begun);
    if (ended == pid || now > before)
      break;
    g_usleep (1000);
  }
  if (ended != pid)
    g_usleep (milliseconds * 1000);
  if (killed)
    kill (pid, SIGKILL);
  else
    atomic_store (&ledger->stop, 1);
  if (ended != pid)
    waitpid (pid, &status, 0);
  if (atomic_load (&board->outcome) != BOARD_NOTHING)
    _exit (1); /* the child has told what is wrong */
  must (ended != pid || killed || WIFEXITED (status), "the store crashed by itself");
  must (!WIFSIGNALED (status) || (killed && WTERMSIG (status) == SIGKILL),
        "the store crashed by itself: signal %d", WTERMSIG (status));
  follow (drama);
  drama->ended = killed ? "kill" : "stop";
  drama->round++;
}

static void
drama_init (struct drama *drama, struct fixture *f) {
  *drama = (struct drama){ .directory = f->directory, .ended = "start" };
  drama->ledger =
      mmap (NULL, sizeof *drama->ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must (drama->ledger != MAP_FAILED, "no memory for the ledger");
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    model_init (&drama->models[w], w);
}

static unsigned
acknowledged_in (const struct drama *drama) {
  unsigned count = 0;
  for (unsigned w = 0; w < LEDGER_WORKERS; w++)
    count += atomic_load (&drama->ledger->workers[w].acknowledged);
  return count;
}

RULE (kill_nine, "kill.acknowledged",
      "After kill -9 at any moment: what was acknowledged is there, what "
      "was begun is whole or not at all",
      "store.h: \"it survives kill -9\"; base.h: \"never half\"", PTN_STORE_DURABLE, RULE_BARE) {
  struct drama drama;
  drama_init (&drama, f);
  uint64_t random = subject.seed * 2654435761U + 12345;
  for (unsigned i = 0; i < subject.kills; i++) {
    random = random * UINT64_C (6364136223846793005) + 1442695040888963407;
    live (&drama, (unsigned)(random >> 33) % 120, true);
  }
  live (&drama, 20, false);
  live (&drama, 0, false); /* and look once more */
  if (acknowledged_in (&drama) < 20)
    cannot_run ("only %u operations were acknowledged: too slow to be killed in between",
                acknowledged_in (&drama));
}

RULE (stop_in_order, "kill.clean-stop",
      "After a stop in order everything is there, in another process",
      "store.h: durable; plugin.h, stop and destroy", PTN_STORE_DURABLE, RULE_BARE) {
  struct drama drama;
  drama_init (&drama, f);
  for (unsigned i = 0; i < 4; i++)
    live (&drama, 30, false);
  must (acknowledged_in (&drama) > 0, "nothing was acknowledged");
}

RULE (kill_in_start, "kill.while-starting",
      "A store that is killed while it starts, again and again, "
      "loses nothing",
      "store.h: \"it survives kill -9\"", PTN_STORE_DURABLE, RULE_BARE) {
  struct drama drama;
  drama_init (&drama, f);
  live (&drama, 60, true);
  for (unsigned i = 0; i < subject.kills; i++) {
    pid_t pid = fork ();
    must (pid >= 0, "no process can be made: %s", g_strerror (errno));
    if (pid == 0) {
      struct fixture starting = { 0 };
      fixture_open (&starting, f->directory);
      pause ();
      _exit (0);
    }
    g_usleep (200 + i * 700);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    if (atomic_load (&board->outcome) != BOARD_NOTHING)
      _exit (1);
  }
  live (&drama, 10, false);
  live (&drama, 0, false);
}

RULES (kill, &kill_nine_rule, &stop_in_order_rule, &kill_in_start_rule);
