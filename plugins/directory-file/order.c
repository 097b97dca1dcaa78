/* SPDX-License-Identifier: Apache-2.0 */
/* order.c - see order.h.  A job is shared by the call and the lane. */
#include "order.h"

#include <string.h>

/* ---- Jobs -------------------------------------------------------------------------------- */

struct job {
  gint references; /* the call's and the lane's */
  gint done;
  bool settled; /* the new file was taken over, or it was told why not */
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

ptn_status
order_start (struct directory *directory, struct ptn_call *call, struct change *change) {
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
  static const char *const kinds[] = { "add", "remove", "set", "list", "app-add", "app-revoke" };
  G_STATIC_ASSERT (G_N_ELEMENTS (kinds) == CHANGE_KINDS);
  const struct ptn_field fields[] = { { "command", kinds[change->kind] },
                                      { "account", change->account } };
  directory->host->log (directory->host, PTN_LOG_NOTICE, task, "directory.changed", fields, 2);
}

ptn_status
order_wait (struct directory *directory, struct ptn_call *call) {
  const struct ptn_host *host = directory->host;
  struct job *job = call->state;
  if (!g_atomic_int_get (&job->done))
    return PTN_PENDING;
  struct change *change = job->change;
  if (job->settled)
    return change->status;
  job->settled = true;
  if (change->status != PTN_OK)
    return host->fail (call->task, change->status, change->text, "%s", change->text);
  log_change (directory, call->task, change);
  change->status = directory_load (directory, job->rules, call->task);
  if (change->status != PTN_OK)
    host->fail (call->task, change->status, "the file was written but cannot be read",
                "the file was written but cannot be read");
  return change->status;
}

const struct change *
order_change (const struct ptn_call *call) {
  return ((const struct job *)call->state)->change;
}

ptn_status
order_finish (struct directory *directory, struct ptn_call *call) {
  const ptn_status status = order_wait (directory, call);
  if (status == PTN_PENDING)
    return status;
  job_unref (call->state);
  call->state = NULL;
  call->cancel = call->release = NULL;
  return status;
}
/* ---- Arguments --------------------------------------------------------------------------- */

ptn_status
order_mistake (struct directory *directory, struct ptn_call *call, const char *text) {
  return directory->host->fail (call->task, PTN_E_INVALID, text, "%s", text);
}

/* What was typed is quoted: it may be long, but it has no control characters. */
ptn_status
order_mistaken (struct directory *directory, struct ptn_call *call, const char *format, ...) {
  va_list list;
  va_start (list, format);
  g_autofree char *text = g_strdup_vprintf (format, list);
  va_end (list);
  return order_mistake (directory, call, text);
}

/* Nothing typed may become a second line of the file. */
bool
order_is_sound (struct ptn_strings arguments) {
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
bool
order_option (struct arguments *arguments, const char *option, const char **value) {
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

bool
order_flag (struct arguments *arguments, const char *flag) {
  if (strcmp (arguments->all.items[arguments->at], flag) != 0)
    return false;
  arguments->at++;
  return true;
}

bool
order_name (struct arguments *arguments, size_t wanted) {
  const char *argument = arguments->all.items[arguments->at];
  if (arguments->name_count == wanted || g_str_has_prefix (argument, "--"))
    return false;
  arguments->names[arguments->name_count++] = argument;
  arguments->at++;
  return true;
}

/* A change of the account that was named; NULL after telling that it is no name. */
struct change *
order_change_of (struct directory *directory, struct ptn_call *call, change_kind kind,
                 const char *name) {
  char canonical[NAME_LIMIT + 1];
  if (!name_canonical (name, strlen (name), canonical) || name_fault (canonical)) {
    order_mistaken (directory, call, "'%s' is no account name: it %s", name,
                    name_canonical (name, strlen (name), canonical)
                        ? name_fault (canonical)
                        : "is neither a name nor an address");
    return NULL;
  }
  struct change *change = change_new (kind, canonical);
  struct rules *rules = directory_rules (directory);
  change->costs = rules->costs;
  rules_unref (rules);
  return change;
}

ptn_status
order_give_up (struct directory *directory, struct ptn_call *call, struct change *change,
               const char *text) {
  change_free (change);
  return order_mistake (directory, call, text);
}
