/* SPDX-License-Identifier: Apache-2.0 */
/* directory-exec.c - settings and life of the plugin; see README.md.  The host owns the instance
 * from configure to destroy. */
#include "exec.h"

#include <string.h>

static const struct ptn_setting settings[] = {
  { "socket", PTN_SETTING_PATH, 1, NULL, "The UNIX socket at which the program listens.", NULL, 0,
    0 },
  { "domains", PTN_SETTING_LIST, 1, NULL, "Mail domains served here; the first is the primary one.",
    NULL, 0, 0 },
  { "nt_domains", PTN_SETTING_LIST, 0, NULL, "Windows names of these domains, in the same order.",
    NULL, 0, 0 },
  { "provides", PTN_SETTING_LIST, 0, "directory credentials",
    "What the program is asked for: who is who, whether a password is right, or both.",
    "directory credentials", 0, 0 },
  { "schemes", PTN_SETTING_LIST, 0, NULL,
    "Secrets that the program can tell, and NTLM if it judges answers to NTLM challenges.",
    "PLAIN NT SCRAM-SHA-1 SCRAM-SHA-256 NTLM", 0, 0 },
  { "timeout", PTN_SETTING_DURATION, 0, "10s", "How long an answer may take.", NULL, 0, 0 },
  { "postmaster", PTN_SETTING_STRING, 0, NULL,
    "The account that gets postmaster's mail where nobody has that address.", NULL, 0, 0 },
  { "node", PTN_SETTING_STRING, 0, NULL,
    "Our name as it stands in `server` of accounts; default: the server's own name.", NULL, 0, 0 },
};

/* ---- Parts of an instance ---------------------------------------------------------------- */

struct program *
exec_program (struct exec *exec) {
  pthread_mutex_lock (&exec->lock);
  struct program *program = program_ref (exec->program);
  pthread_mutex_unlock (&exec->lock);
  return program;
}

ptn_status
exec_send (struct exec *exec, struct ptn_call *call, struct lookup *lookup) {
  if (program_rests (lookup->program)) {
    errand_unref (lookup);
    return exec->host->fail (call->task, PTN_E_TEMPORARY, NULL,
                             "the program did not answer lately, and is not asked yet");
  }
  return errand_send (exec->host, call, LOOKUP_LANE, lookup);
}

/* ---- Life -------------------------------------------------------------------------------- */

static struct program *
read_settings (struct exec *exec, const struct ptn_config *config) {
  const char *fault;
  struct program *program = program_new (exec->host, config, &exec->metrics, &fault);
  if (!program)
    exec->host->log (exec->host, PTN_LOG_ERROR, NULL, "exec.settings",
                     &(struct ptn_field){ "text", fault }, 1);
  return program;
}

static void
make_metrics (struct exec *exec) {
  const struct ptn_host *host = exec->host;
  exec->metrics = (struct program_metrics){
    host->metric (host, PTN_METRIC_COUNTER, "postern_exec_questions",
                  "Questions to the directory's program."),
    host->metric (host, PTN_METRIC_COUNTER, "postern_exec_failures",
                  "Questions that got no answer, or nonsense."),
    host->metric (host, PTN_METRIC_HISTOGRAM, "postern_exec_seconds", "How long answers took."),
  };
}

static void
exec_destroy (void *instance) {
  struct exec *exec = instance;
  g_clear_pointer (&exec->program, program_unref);
  pthread_mutex_destroy (&exec->lock);
  g_free (exec->schemes);
  g_free (exec);
}

static char *
join_words (struct ptn_strings words) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < words.count; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", words.items[i]);
  return g_string_free (text, FALSE);
}

static bool
has_word (struct ptn_strings words, const char *word) {
  for (size_t i = 0; i < words.count; i++)
    if (strcmp (words.items[i], word) == 0)
      return true;
  return false;
}

static ptn_status
provide (struct exec *exec, const struct ptn_config *config) {
  const struct ptn_host *host = exec->host;
  const struct ptn_strings wanted = host->words (config, "provides");
  const struct ptn_strings schemes = host->words (config, "schemes");
  exec->schemes = join_words (schemes);
  exec->credentials = exec_credentials;
  exec->credentials.schemes = exec->schemes;
  if (!has_word (schemes, "NTLM"))
    exec->credentials.verify_ntlm = NULL;
  ptn_status status = PTN_OK;
  if (has_word (wanted, "directory"))
    status = host->provide (host, PTN_DIRECTORY_ID, NULL, &exec_directory, exec);
  if (status == PTN_OK && has_word (wanted, "credentials"))
    status = host->provide (host, PTN_CREDENTIALS_ID, NULL, &exec->credentials, exec);
  return status;
}

static ptn_status
exec_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct exec *exec = g_new0 (struct exec, 1);
  exec->host = host;
  pthread_mutex_init (&exec->lock, NULL);
  make_metrics (exec);
  exec->program = read_settings (exec, config);
  const ptn_status status = exec->program ? provide (exec, config) : PTN_E_INVALID;
  if (status != PTN_OK) {
    exec_destroy (exec);
    return status;
  }
  *instance = exec;
  return PTN_OK;
}

/* The program is not looked for yet: it may be started later than we are. */
static ptn_status
exec_start (void *instance) {
  struct exec *exec = instance;
  struct ptn_binding streams;
  if (exec->host->find (exec->host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    exec->streams = streams.table;
  return PTN_OK;
}

static ptn_status
exec_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct exec *exec = instance;
  struct program *program = read_settings (exec, config);
  if (!program)
    return PTN_E_INVALID;
  pthread_mutex_lock (&exec->lock);
  struct program *before = exec->program;
  exec->program = program;
  pthread_mutex_unlock (&exec->lock);
  program_unref (before);
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "directory-exec",
  .version = POSTERN_VERSION,
  .summary = "Accounts and passwords as a program of yours tells them",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = exec_configure,
  .start = exec_start,
  .reload = exec_reload,
  .destroy = exec_destroy,
  .lanes = LOOKUP_LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
