/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - PENDING: calls repeated, woken too often, given up; results that stay; several threads;
 * flush. */
#include "kit.h"

#define WAITING "base.h, Waiting"

/* Each function once, with arguments that lead somewhere, in a call that the caller holds. */
typedef ptn_status deed_run (struct fixture *, struct ptn_call *, const char *user,
                             struct ptn_identity *);

static ptn_status
parse (struct fixture *f, struct ptn_call *call, const char *user, struct ptn_identity *identity) {
  return f->directory->parse_login (f->instance, call, user, identity);
}

static ptn_status
allow (struct fixture *f, struct ptn_call *call, const char *user, struct ptn_identity *identity) {
  if (!call->state && !call->release)
    *identity = identity_of (user, user);
  return f->directory->authorize (f->instance, call, &f->request, identity);
}

static ptn_status
find (struct fixture *f, struct ptn_call *call, const char *user, struct ptn_identity *identity) {
  static __thread const struct ptn_account_info *const *accounts;
  static __thread size_t count;
  static __thread char address[600];
  g_snprintf (address, sizeof address, "%s%s%s", user, strchr (user, '@') ? "" : "@",
              strchr (user, '@') ? ""
              : facts.domains    ? *facts.domains
                                 : FOREIGN);
  return f->directory->resolve (f->instance, call, address, &accounts, &count);
}

static ptn_status
list (struct fixture *f, struct ptn_call *call, const char *user, struct ptn_identity *identity) {
  static __thread struct ptn_strings names;
  return f->directory->list_accounts (f->instance, call, "", &names);
}

static ptn_status
check (struct fixture *f, struct ptn_call *call, const char *user, struct ptn_identity *identity) {
  const struct ptn_bytes password = { password_of (0), strlen (password_of (0)) };
  return f->credentials->verify_password (f->credentials_instance, call, &f->request, "", user,
                                          password);
}

struct named {
  const char *name;
  deed_run *run;
  uint32_t needs;
};
static const struct named deeds[] = {
  { "parse_login", parse, HAS_DIRECTORY },    { "authorize", allow, HAS_DIRECTORY },
  { "resolve", find, HAS_DIRECTORY },         { "list_accounts", list, HAS_DIRECTORY },
  { "verify_password", check, HAS_PASSWORD },
};
#define EACH(f, deed)                                                                 \
  for (const struct named *deed = deeds; deed < deeds + G_N_ELEMENTS (deeds); deed++) \
    if ((f)->has & deed->needs)

static ptn_status
whole (struct fixture *f, const struct named *deed, const char *user,
       struct ptn_identity *identity) {
  *identity = (struct ptn_identity){ .size = sizeof *identity };
  return DO (&f->actor, deed->run (f, &call, user, identity));
}

RULE (called_too_often, "pending.called-too-often",
      "A call that is PENDING may be made again at any time, with the same end",
      "base.h: \"Any wake may call a step once too often\"", 0, 0) {
  EACH (f, deed) {
    struct ptn_identity identity;
    const ptn_status wanted = whole (f, deed, account (0), &identity);
    for (int i = 0; i < 5; i++) {
      struct ptn_call held = CALL (&f->actor);
      ptn_status status;
      identity = (struct ptn_identity){ .size = sizeof identity };
      check_call (deed->name, __FILE__, __LINE__);
      const gint64 ends = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
      while ((status = deed->run (f, &held, account (0), &identity)) == PTN_PENDING) {
        g_thread_yield ();
        must (g_get_monotonic_time () < ends, "%s, called again and again, does not come to an end",
              deed->name);
      }
      must_give (status, wanted, "%s, called again and again", deed->name);
      END (&f->actor, held);
    }
  }
}

RULE (wakes, "pending.wake", "Whoever returns PENDING wakes the task; other wakes do no harm",
      "base.h: \"Whoever returns PENDING has armed the task\"", 0, 0) {
  EACH (f, deed)
  for (int i = 0; i < 40; i++) {
    struct ptn_identity identity = { .size = sizeof identity };
    struct ptn_call held = CALL (&f->actor);
    check_call (deed->name, __FILE__, __LINE__);
    while (deed->run (f, &held, account (0), &identity) == PTN_PENDING) {
      if (i % 2)
        f->actor.host->wake (f->actor.host->waker (f->actor.task)); /* of whoever */
      harness_wait (f->actor.task);
    }
    END (&f->actor, held);
  }
}

RULE (cancel_is_set, "pending.cancel-is-set",
      "A callee that keeps state while PENDING sets cancel, and clears it when it is done",
      "base.h, struct ptn_call", 0, 0) {
  EACH (f, deed) {
    struct ptn_identity identity = { .size = sizeof identity };
    struct ptn_call held = CALL (&f->actor);
    check_call (deed->name, __FILE__, __LINE__);
    while (deed->run (f, &held, account (0), &identity) == PTN_PENDING) {
      must (!held.state || held.cancel, "%s is PENDING with state, and cancel is not set",
            deed->name);
      harness_wait (f->actor.task);
    }
    must (!held.cancel, "%s is done, and cancel is still set", deed->name);
    END (&f->actor, held);
  }
}

RULE (
    given_up, "pending.given-up",
    "A call that is ended while PENDING leaves nothing behind: others go on, stop and destroy too",
    "base.h: \"Closing\"", 0, 0) {
  const char *own = account (0);
  for (int waits = 0; waits < 3; waits++)
    EACH (f, deed)
  for (int i = 0; i < 4; i++) {
    struct ptn_identity identity = { .size = sizeof identity };
    struct ptn_call held = CALL (&f->actor);
    ptn_status status = PTN_PENDING;
    check_call (deed->name, __FILE__, __LINE__);
    for (int j = 0; j <= waits && status == PTN_PENDING; j++) {
      if (j)
        harness_wait (f->actor.task);
      status = deed->run (f, &held, own, &identity);
    }
    END (&f->actor, held);
  }
  if (f->has & HAS_DIRECTORY)
    must_login (f, own, own_name (f, 0), own_name (f, 0));
  if (f->has & HAS_PASSWORD)
    must_do (verify_text (f, own, password_of (0)), "verify_password after calls were given up");
}

RULE (results_stay, "pending.results",
      "Results stay until call_end, whatever else is asked meanwhile",
      "base.h: \"results that come through a struct ptn_call stay until host->call_end\"",
      HAS_DIRECTORY, 0) {
  struct ptn_identity identity = { .size = sizeof identity };
  struct ptn_call held = CALL (&f->actor), second = CALL (&f->actor), third = CALL (&f->actor);
  const struct ptn_account_info *const *accounts = NULL;
  struct ptn_strings names = { NULL, 0 };
  size_t count = 0;
  g_autofree char *address = strchr (account (0), '@')
                                 ? g_strdup (account (0))
                                 : g_strconcat (account (0), "@", domain_of_mail (), NULL);
  must_do (HELD (&f->actor, parse (f, &held, account (0), &identity)), "parse_login");
  const struct login before = { g_intern_string (identity.authcid),
                                g_intern_string (identity.authzid),
                                g_intern_string (identity.domain),
                                g_intern_string (identity.account) };
  must_do (HELD (&f->actor,
                 f->directory->resolve (f->instance, &second, address, &accounts, &count)),
           "resolve");
  g_autofree char *found = g_strdup (count ? accounts[0]->account : "");
  const ptn_status listed =
      HELD (&f->actor, f->directory->list_accounts (f->instance, &third, "", &names));
  g_autofree char *first = g_strdup (listed == PTN_OK ? names.items[0] : "");
  for (unsigned i = 0; i < 50; i++)
    EACH (f, deed) {
      struct ptn_identity other;
      whole (f, deed, i % 2 && facts.accounts[1] ? facts.accounts[1] : MISSING, &other);
    }
  must_read (identity.authcid, before.authcid, "authcid after other calls");
  must_read (identity.authzid, before.authzid, "authzid after other calls");
  must_read (identity.domain, before.domain, "domain after other calls");
  must_read (identity.account, before.account, "account after other calls");
  must_read (count ? accounts[0]->account : "", found, "account of resolve after other calls");
  must_read (listed == PTN_OK ? names.items[0] : "", first, "the list after other calls");
  END (&f->actor, held);
  END (&f->actor, second);
  END (&f->actor, third);
}

/* ---- Several threads --------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 25

struct worker {
  struct fixture f;
  const struct fixture *of;
  unsigned number;
  GThread *thread;
};

static void
do_everything (struct fixture *f, unsigned number) {
  const unsigned count = g_strv_length (facts.accounts);
  const char *user = facts.accounts[number % count], *password = facts.passwords[number % count];
  if (f->has & HAS_DIRECTORY) {
    const struct login found = login (f, user);
    must_read (found.account, found.authcid, "account of the login \"%s\" in a thread", user);
    struct ptn_identity identity = identity_of (found.authcid, found.authcid);
    must_do (authorize (f, &identity), "authorize of %s in a thread", user);
    must_not_login (f, MISSING);
  }
  if (f->has & HAS_PASSWORD) {
    must_do (verify_text (f, user, password), "verify_password of %s in a thread", user);
    must_give (verify_text (f, user, "wrong-zq7"), PTN_E_AUTHENTICATION,
               "verify_password of %s in a thread, wrong", user);
  }
}

static gpointer
work (gpointer data) {
  struct worker *worker = data;
  kit_join (&worker->f, worker->of, worker->number);
  for (int i = 0; i < ROUNDS; i++)
    do_everything (&worker->f, worker->number);
  kit_leave (&worker->f);
  return NULL;
}

static void
run_threads (struct fixture *f, void (*meanwhile) (struct fixture *)) {
  struct worker workers[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){ .of = f, .number = i };
    workers[i].thread = g_thread_new ("rule", work, &workers[i]);
  }
  if (meanwhile)
    meanwhile (f);
  for (unsigned i = 0; i < THREADS; i++)
    g_thread_join (workers[i].thread);
}

RULE (threads, "pending.threads", "Calls in different tasks overlap, and each gets its own answer",
      "base.h: \"Calls on different objects do overlap\"", 0, 0) {
  run_threads (f, NULL);
}

static void
flush_all (struct fixture *f) {
  for (int i = 0; i < 200; i++) {
    const char *name = i % 3 ? NULL : i % 2 ? account (0) : MISSING;
    if (f->directory && CAN (f->directory, flush))
      f->directory->flush (f->instance, name);
    if (f->credentials && CAN (f->credentials, flush))
      f->credentials->flush (f->credentials_instance, name);
    g_usleep (200);
  }
}

RULE (flushing, "pending.flush",
      "flush may come from any thread at any time, and changes no answer", "auth.h, flush [any]",
      HAS_FLUSH, 0) {
  run_threads (f, flush_all);
}

RULES (directory_pending, &called_too_often_rule, &wakes_rule, &cancel_is_set_rule, &given_up_rule,
       &results_stay_rule, &threads_rule, &flushing_rule);
