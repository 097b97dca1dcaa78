/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h. */
#include "program.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define NS_A_SECOND G_GINT64_CONSTANT (1000000000)
#define IDLE_LIMIT 64
#define FIRST_REST_NS (NS_A_SECOND / 4)
#define LONGEST_REST_NS (10 * NS_A_SECOND)
#define COMPLAINTS_NS NS_A_SECOND /* a line of the log at most */

static const char *const ops[] = {
  [OP_HELLO] = "hello",       [OP_ACCOUNT] = "account", [OP_ADDRESS] = "address",
  [OP_VERIFY] = "verify",     [OP_SECRET] = "secret",   [OP_NTLM] = "ntlm",
  [OP_DELEGATE] = "delegate", [OP_SEND_AS] = "send-as", [OP_LIST] = "list",
};

/* ---- Settings ---------------------------------------------------------------------------- */

static char *
text_or_null (const char *text) {
  return text && *text ? g_strdup (text) : NULL;
}

struct program *
program_new (const struct ptn_host *host, const struct ptn_config *config,
             const struct program_metrics *metrics, const char **fault) {
  const char *path = host->text (config, "socket");
  *fault = "socket is longer than the path of a UNIX socket can be";
  if (strlen (path) >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
    return NULL;
  struct domains *domains =
      domains_new (host->words (config, "domains"), host->words (config, "nt_domains"), fault);
  if (!domains)
    return NULL;
  const int64_t timeout_ms = host->number (config, "timeout");
  struct program *program = g_new0 (struct program, 1);
  program->references = 1;
  program->host = host;
  program->metrics = *metrics;
  program->socket = g_strdup (path);
  program->timeout_ns = CLAMP (timeout_ms, 10, 600000) * 1000000;
  program->domains = domains;
  program->postmaster = text_or_null (host->text (config, "postmaster"));
  program->node = text_or_null (host->text (config, "node"));
  pthread_mutex_init (&program->lock, NULL);
  program->idle = g_ptr_array_new ();
  return program;
}

struct program *
program_ref (struct program *program) {
  g_atomic_int_inc (&program->references);
  return program;
}

static void
close_all (GPtrArray *connections) {
  for (guint i = 0; i < connections->len; i++)
    connection_close ((struct connection **)&connections->pdata[i]);
  g_ptr_array_free (connections, TRUE);
}

void
program_unref (struct program *program) {
  if (!g_atomic_int_dec_and_test (&program->references))
    return;
  close_all (program->idle);
  pthread_mutex_destroy (&program->lock);
  domains_free (&program->domains);
  g_free (program->postmaster);
  g_free (program->node);
  g_free (program->socket);
  g_free (program);
}

/* ---- Gone, and back ---------------------------------------------------------------------- */

bool
program_rests (struct program *program) {
  pthread_mutex_lock (&program->lock);
  const bool rests = program->host->monotonic_ns () < program->rest_until_ns;
  pthread_mutex_unlock (&program->lock);
  return rests;
}

static void
log_text (struct program *program, ptn_level level, const char *event, const char *op,
          const char *text) {
  const struct ptn_field fields[] = { { "socket", program->socket },
                                      { "text", text },
                                      { "op", op } };
  program->host->log (program->host, level, NULL, event, fields, op ? 3 : 2);
}

static void
answered (struct program *program) {
  pthread_mutex_lock (&program->lock);
  const bool is_back = program->failures > 0;
  program->failures = 0;
  program->rest_until_ns = 0;
  program->answered_ns = program->host->monotonic_ns ();
  pthread_mutex_unlock (&program->lock);
  if (is_back)
    log_text (program, PTN_LOG_NOTICE, "exec.back", NULL, "the program answers again");
}

/* Twice as long after each failure.  One question without an answer is no reason, as long as
 * others get theirs. */
static void
failed (struct program *program, trouble what, gint64 began_ns) {
  const gint64 now_ns = program->host->monotonic_ns ();
  pthread_mutex_lock (&program->lock);
  const bool told = now_ns < program->rest_until_ns;
  const bool alone = program->answered_ns >= began_ns;
  const bool gone = what == TROUBLE_ABSENT || !alone;
  GPtrArray *idle = NULL;
  if (gone && !told) {
    const guint doublings = MIN (program->failures, 10);
    program->failures++;
    program->rest_until_ns = now_ns + MIN (FIRST_REST_NS << doublings, LONGEST_REST_NS);
    idle = program->idle;
    program->idle = g_ptr_array_new ();
  }
  pthread_mutex_unlock (&program->lock);
  if (idle) {
    close_all (idle);
    log_text (program, PTN_LOG_ERROR, "exec.gone", NULL, trouble_text (what));
  }
}

void
program_complain (struct program *program, program_op op, const char *text) {
  const gint64 now_ns = program->host->monotonic_ns ();
  program->host->observe (program->metrics.failures, 1);
  pthread_mutex_lock (&program->lock);
  const bool tell = !program->complained_ns || now_ns - program->complained_ns > COMPLAINTS_NS;
  if (tell)
    program->complained_ns = now_ns;
  pthread_mutex_unlock (&program->lock);
  if (tell)
    log_text (program, PTN_LOG_ERROR, "exec.malformed", ops[op], text);
}

/* ---- Connections ------------------------------------------------------------------------- */

static struct connection *
take_idle (struct program *program) {
  struct connection *connection = NULL;
  pthread_mutex_lock (&program->lock);
  if (program->idle->len)
    connection = g_ptr_array_remove_index (program->idle, program->idle->len - 1);
  pthread_mutex_unlock (&program->lock);
  return connection;
}

static void
give_back (struct program *program, struct connection *connection) {
  connection_wipe (connection);
  pthread_mutex_lock (&program->lock);
  if (program->idle->len < IDLE_LIMIT) {
    g_ptr_array_add (program->idle, connection);
    connection = NULL;
  }
  pthread_mutex_unlock (&program->lock);
  connection_close (&connection);
}

/* ---- Questions --------------------------------------------------------------------------- */

/* One question on one connection, which is closed after any trouble. */
static trouble
ask_on (struct connection **connection, program_op op, struct question *question,
        gint64 deadline_ns, struct answer *answer, const char **reason) {
  const gint64 id = ++(*connection)->serial;
  const struct ptn_bytes line = question_line (question, ops[op], id);
  struct ptn_bytes octets = { NULL, 0 };
  trouble what = connection_exchange (*connection, line, ANSWER_LIMIT, deadline_ns, &octets);
  *reason = trouble_text (what);
  if (what == TROUBLE_NONE && !answer_read (octets.data, octets.size, id, answer, reason))
    what = TROUBLE_GARBAGE;
  if (what != TROUBLE_NONE)
    connection_close (connection);
  return what;
}

/* A connection on which both have said hello.  A program that knows no hello speaks version 1. */
static trouble
greet (struct connection **connection, gint64 deadline_ns, const char **reason) {
  struct question *question = question_new ();
  question_add_json (question, "versions", "[1]");
  question_add (question, "software", "postern");
  struct answer answer;
  trouble what = ask_on (connection, OP_HELLO, question, deadline_ns, &answer, reason);
  question_free (&question);
  if (what != TROUBLE_NONE)
    return what;
  if (answer.status == ANSWER_OK
      && json_integer_value (json_object_get (answer.fields, "version")) != 1) {
    *reason = "it speaks another version of the protocol than 1";
    what = TROUBLE_GARBAGE;
  } else if (answer.status != ANSWER_OK && answer.status != ANSWER_UNSUPPORTED) {
    *reason = "it refused the hello";
    what = TROUBLE_GARBAGE;
  }
  answer_clear (&answer);
  if (what != TROUBLE_NONE)
    connection_close (connection);
  return what;
}

static trouble
ask_once (struct program *program, program_op op, struct question *question, bool fresh,
          gint64 deadline_ns, struct answer *answer, const char **reason) {
  trouble what = TROUBLE_NONE;
  struct connection *connection = fresh ? NULL : take_idle (program);
  if (!connection) {
    connection = connection_open (program->socket, deadline_ns, &what);
    *reason = trouble_text (what);
    if (connection)
      what = greet (&connection, deadline_ns, reason);
    if (!connection)
      return what == TROUBLE_STALE ? TROUBLE_ABSENT : what;
    fresh = true;
  }
  if (connection->unsupported & 1u << op) {
    *answer = (struct answer){ .status = ANSWER_UNSUPPORTED, .text = "" };
    give_back (program, connection);
    return TROUBLE_NONE;
  }
  what = ask_on (&connection, op, question, deadline_ns, answer, reason);
  if (what == TROUBLE_STALE && fresh)
    what = TROUBLE_CLOSED; /* it had no time to go stale */
  if (connection) {
    if (answer->status == ANSWER_UNSUPPORTED)
      connection->unsupported |= 1u << op;
    give_back (program, connection);
  }
  return what;
}

/* Every question may be asked twice: a connection that went stale while it was idle, because the
 * program was started anew, is no failure. */
ptn_status
program_ask (struct program *program, program_op op, struct question *question,
             struct answer *answer, const char **reason) {
  const struct ptn_host *host = program->host;
  const gint64 began_ns = host->monotonic_ns ();
  const gint64 deadline_ns = began_ns + program->timeout_ns;
  *answer = (struct answer){ .text = "" };
  *reason = "what is to be asked is not UTF-8";
  if (!question_is_whole (question))
    return PTN_E_TEMPORARY;
  *reason = "the program did not answer lately, and is not asked yet";
  if (program_rests (program))
    return PTN_E_TEMPORARY;
  host->observe (program->metrics.questions, 1);
  trouble what = ask_once (program, op, question, false, deadline_ns, answer, reason);
  if (what == TROUBLE_STALE)
    what = ask_once (program, op, question, true, deadline_ns, answer, reason);
  host->observe (program->metrics.took, (host->monotonic_ns () - began_ns) / 1000);
  if (what == TROUBLE_NONE) {
    answered (program);
    return PTN_OK;
  }
  if (what == TROUBLE_GARBAGE || what == TROUBLE_CLOSED)
    program_complain (program, op, *reason);
  else {
    host->observe (program->metrics.failures, 1);
    failed (program, what, began_ns);
  }
  return PTN_E_TEMPORARY;
}
