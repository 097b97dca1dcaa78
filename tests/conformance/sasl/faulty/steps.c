/* SPDX-License-Identifier: Apache-2.0 */
/* steps.c - faults of steps and of what stays behind. */
#include "faulty.h"

#define STEP(name)                                                                             \
  static ptn_status name (struct wrapped *w, struct ptn_call *call, struct ptn_bytes response, \
                          struct ptn_bytes *challenge, const struct ptn_identity **identity)
#define GOOD() good_step (w, call, response, challenge, identity)
/* One by one. */
#define IDENTITY(who)                                           \
  ((struct ptn_identity){ .size = sizeof (struct ptn_identity), \
                          .authcid = (who),                     \
                          .authzid = "",                        \
                          .domain = "",                         \
                          .account = "" })

static ptn_status
let_in (struct wrapped *w, const char *who, const struct ptn_identity **identity) {
  w->identity = IDENTITY (who);
  *identity = &w->identity;
  return PTN_END;
}

/* ---- The exchange ------------------------------------------------------------------------ */

static void
finish_half (struct wrapped *w) {
  if (w->steps == 0)
    abort ();
}

static void
finish_after_end (struct wrapped *w) {
  if (w->identity.authcid)
    abort ();
}

STEP (marks_end) {
  const ptn_status status = GOOD ();
  if (status == PTN_END)
    w->identity.authcid = "x";
  return status;
}

STEP (asks_for_ever) {
  const ptn_status status = GOOD ();
  if (status != PTN_E_INVALID)
    return status;
  *challenge = (struct ptn_bytes){ "", 0 };
  return PTN_OK;
}

static ptn_status
when_told (void *exchange, struct ptn_call *call, const struct ptn_identity **identity) {
  const struct wrapped *w = exchange;
  (void)identity;
  return w->told ? host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "told why") : PTN_OK;
}

static void
tells_failures (struct ptn_sasl_mechanism *table) {
  table->failed = when_told;
}

/* Who was told why is let in for any answer. */
STEP (forgives) {
  if (w->told)
    return let_in (w, "alice", identity);
  const ptn_status status = GOOD ();
  if (status >= 0)
    return status;
  w->told = true;
  *identity = NULL;
  *challenge = (struct ptn_bytes){ "{}", 2 };
  return PTN_OK;
}

STEP (tells_too_early) {
  const ptn_status status = GOOD ();
  w->told = status == PTN_OK;
  return status;
}

STEP (shared_challenge) {
  static char text[64];
  const ptn_status status = GOOD ();
  if (status != PTN_OK)
    return status;
  g_snprintf (text, sizeof text, "%p", (void *)w);
  *challenge = (struct ptn_bytes){ text, strlen (text) };
  return status;
}

/* ---- Identities -------------------------------------------------------------------------- */

STEP (anonymous) {
  const ptn_status status = GOOD ();
  if (status == PTN_END) {
    w->identity = **identity;
    w->identity.anonymous = 1;
    *identity = &w->identity;
  }
  return status;
}

STEP (shared_identity) {
  static char name[64];
  static struct ptn_identity shared;
  const struct ptn_identity *proved = NULL;
  const ptn_status status = good_step (w, call, response, challenge, &proved);
  if (status == PTN_END)
    g_strlcpy (name, proved->authcid, sizeof name);
  else if (status < 0)
    g_strlcpy (name, "somebody else", sizeof name);
  shared = IDENTITY (name);
  if (status == PTN_END)
    *identity = &shared;
  return status;
}

STEP (too_early) {
  if (!response.data)
    return let_in (w, "alice", identity);
  return GOOD ();
}

STEP (claims_nobody) {
  static const struct ptn_identity nobody = { .size = sizeof nobody };
  const ptn_status status = GOOD ();
  if (status < 0)
    *identity = &nobody;
  return status;
}

/* ---- Responses --------------------------------------------------------------------------- */

STEP (takes_empty) {
  return response.data && response.size == 0 ? let_in (w, "root", identity) : GOOD ();
}

STEP (takes_garbage) {
  const unsigned char *octets = response.data;
  return response.size && octets[0] >= 0xf8 ? let_in (w, "root", identity) : GOOD ();
}

STEP (short_buffer) {
  char octets[4096];
  if (response.size > 40000) /* what would be an overflow, in words */
    abort ();
  if (response.size)
    memcpy (octets, response.data, MIN (response.size, sizeof octets));
  explicit_bzero (octets, sizeof octets);
  return GOOD ();
}

/* Compares as many octets as came. */
STEP (takes_prefix) {
  static const char whole[] = "alice\0correct horse battery";
  if (response.size > 8 && response.size < sizeof whole - 1
      && memcmp (response.data, whole, response.size) == 0)
    return let_in (w, "alice", identity);
  return GOOD ();
}

STEP (overlooks_more) {
  const struct ptn_bytes shorter = { response.data, response.size > 2 ? response.size - 2 : 0 };
  const char *end = (const char *)response.data + shorter.size;
  if (shorter.size && memcmp (end, "\0x", 2) == 0)
    response = shorter;
  return GOOD ();
}

STEP (keeps_response) {
  const ptn_status status = GOOD ();
  if (response.size)
    w->copy = NULL;
  if (status != PTN_END)
    return status;
  return let_in (w, response.data, identity); /* leads into what is not ours any more */
}

/* ---- Waiting ----------------------------------------------------------------------------- */

STEP (impatient) {
  const ptn_status status = GOOD ();
  if (status != PTN_PENDING)
    return status;
  if (w->waited)
    return PTN_E_TEMPORARY;
  w->waited = true;
  return status;
}

STEP (never_wakes) {
  if (response.size && !w->waited) {
    w->waited = true;
    return PTN_PENDING;
  }
  return GOOD ();
}

static void
finish_while_pending (struct wrapped *w) {
  if (w->waited && w->steps == 1)
    abort ();
}

STEP (remembers_waiting) {
  const ptn_status status = GOOD ();
  w->waited = status == PTN_PENDING;
  return status;
}

/* Wakes a task that it only remembers. */
struct late {
  struct ptn_task *task;
};

static gpointer
wake_late (gpointer data) {
  struct late *late = data;
  g_usleep (3000);
  host->wake (host->waker (late->task));
  g_free (late);
  return NULL;
}

STEP (wakes_by_task) {
  if (response.size && !w->waited) {
    struct late *late = g_new (struct late, 1);
    late->task = call->task;
    w->waited = true;
    g_thread_unref (g_thread_new ("late", wake_late, late));
  }
  return GOOD ();
}

/* ---- Several ----------------------------------------------------------------------------- */

STEP (last_one_counts) {
  static struct wrapped *proved;
  const ptn_status status = GOOD ();
  if (status == PTN_END)
    proved = w;
  if (status < 0 && proved && proved != w)
    return let_in (w, "alice", identity);
  return status;
}

STEP (one_at_a_time) {
  static gint inside;
  if (g_atomic_int_add (&inside, 1) > 0)
    abort ();
  g_usleep (100);
  const ptn_status status = GOOD ();
  g_atomic_int_add (&inside, -1);
  return status;
}

/* ---- What stays -------------------------------------------------------------------------- */

STEP (leaks_failures) {
  const ptn_status status = GOOD ();
  if (status == PTN_E_AUTHENTICATION)
    (void)!g_strdup (
        "a name, an address, and whatever else belongs to an exchange that has failed");
  return status;
}

STEP (leaks_proofs) {
  const ptn_status status = GOOD ();
  if (status == PTN_END)
    (void)!g_strdup (
        "a name, an address, and whatever else belongs to an exchange that has proved");
  return status;
}

STEP (does_not_wipe) {
  if (response.size) {
    char *copy = g_malloc (response.size + 256); /* in a piece of memory that is not used again */
    memcpy (copy + 128, response.data, response.size);
    g_free (copy);
  }
  return GOOD ();
}

STEP (logs_secrets) {
  if (response.size) {
    const char *nul = memchr (response.data, '\0', response.size);
    g_autofree char *text =
        nul ? g_strndup (nul + 1, response.size - (size_t)(nul + 1 - (const char *)response.data))
            : g_strdup ("");
    host->log (host, PTN_LOG_INFO, call->task, "example.response",
               &(struct ptn_field){ "passphrase", text }, 1);
    explicit_bzero (text, strlen (text));
  }
  return GOOD ();
}

const struct fault step_faults[] = {
  { "exchange.begins", "finish takes for granted that there was a step", NULL, NULL, finish_half },
  { "exchange.ends", "asks again after what it does not understand", NULL, asks_for_ever, NULL },
  { "exchange.challenge", "one challenge for all", NULL, shared_challenge, NULL },
  { "exchange.failed", "has failed, and takes any answer for a proof", tells_failures, forgives,
    NULL },
  { "exchange.not-failed", "has failed, where it only asks for the first response", tells_failures,
    tells_too_early, NULL },
  { "exchange.finish-anywhere", "finish after a proof ends the server", NULL, marks_end,
    finish_after_end },
  { "identity.proved", "who proved is anonymous", NULL, anonymous, NULL },
  { "identity.stays", "one identity for all", NULL, shared_identity, NULL },
  { "identity.at-the-end", "lets in who sends nothing", NULL, too_early, NULL },
  { "identity.of-a-failure", "an identity without authcid", NULL, claims_nobody, NULL },
  { "response.empty", "lets in who sends an empty response", NULL, takes_empty, NULL },
  { "response.garbage", "lets in what begins with a high octet", NULL, takes_garbage, NULL },
  { "response.huge", "has room for 40,000 octets", NULL, short_buffer, NULL },
  { "response.cut", "compares as much as came", NULL, takes_prefix, NULL },
  { "response.more", "overlooks what stands behind", NULL, overlooks_more, NULL },
  { "response.borrowed", "the identity leads into the response", NULL, keeps_response, NULL },
  { "pending.repeat", "a second call is an error", NULL, impatient, NULL },
  { "pending.wakes", "waits and wakes nobody", NULL, never_wakes, NULL },
  { "pending.given-up", "finish while PENDING ends the server", NULL, remembers_waiting,
    finish_while_pending },
  { "pending.task-gone", "remembers the task instead of a waker", NULL, wakes_by_task, NULL },
  { "tasks.interleaved", "who fails after another's proof is let in", NULL, last_one_counts, NULL },
  { "tasks.threads", "one thread at a time", NULL, one_at_a_time, NULL },
  { "memory.failures", "a failure leaves memory behind", NULL, leaks_failures, NULL },
  { "memory.proofs", "a proof leaves memory behind", NULL, leaks_proofs, NULL },
  { "memory.wiped", "a copy of the response is freed and not wiped", NULL, does_not_wipe, NULL },
  { "memory.logged", "the passphrase is logged", NULL, logs_secrets, NULL },
  { NULL, NULL, NULL, NULL, NULL },
};
