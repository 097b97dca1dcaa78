/* SPDX-License-Identifier: Apache-2.0 */
/* echo-plugin.c - a protocol for the server's own tests: says lines back.
 *
 *   QUIT            "BYE" and the end
 *   ACCOUNT NAME    claims the account: "OK" or "LIMIT"
 *   SLOW SECONDS    answers "SLOW" so many seconds later
 *   anything else   the line itself, after `prefix` of the listener's settings
 */
#include <postern/postern.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct echo {
  const struct ptn_host *host;
  struct ptn_binding streams;
  char *greeting;
};

struct echo_session {
  struct echo *echo;
  struct ptn_stream *stream;
  const struct ptn_session_info *info;
  bool greeted;
  int64_t answer_at; /* of SLOW; 0: none */
};

static const struct ptn_setting settings[] = {
  { "greeting", PTN_SETTING_STRING, 0, "HELLO", "The first line.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "fixed", PTN_SETTING_STRING, 0, "", "Means nothing.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "prefix", PTN_SETTING_STRING, 0, "", "Stands before each line.", NULL, PTN_SCOPE_PROTOCOL, 0 },
};

static const struct ptn_stream_service *
streams_of (const struct echo_session *session) {
  return session->echo->streams.table;
}

static void
say (struct echo_session *session, const char *text, size_t size) {
  streams_of (session)->write (session->stream, text, size);
}

static void
say_line (struct echo_session *session, const char *text) {
  say (session, text, strlen (text));
  say (session, "\r\n", 2);
}

static ptn_status
echo_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
           const struct ptn_session_info *info, void **session) {
  struct echo_session *made = calloc (1, sizeof *made);
  if (!made)
    return PTN_E_NO_MEMORY;
  made->echo = instance;
  made->stream = stream;
  made->info = info;
  *session = made;
  return PTN_OK;
}

/* True: the session goes on. */
static bool
take_line (struct echo_session *session, struct ptn_task *task, const char *line, size_t size) {
  const struct ptn_host *host = session->echo->host;

  if (size == 4 && memcmp (line, "QUIT", 4) == 0) {
    say_line (session, "BYE");
    return false;
  }
  if (size > 8 && size < 64 && memcmp (line, "ACCOUNT ", 8) == 0) {
    char account[64] = { 0 };
    memcpy (account, line + 8, size - 8);
    say_line (session, host->claim (task, account) == PTN_OK ? "OK" : "LIMIT");
    return true;
  }
  if (size > 5 && memcmp (line, "SLOW ", 5) == 0) {
    session->answer_at = host->monotonic_ns () + (int64_t)atoi (line + 5) * 1000000000;
    return true;
  }
  const char *prefix = host->text (session->info->config, "prefix");
  say (session, prefix, strlen (prefix));
  say (session, line, size);
  say (session, "\r\n", 2);
  return true;
}

static ptn_status
echo_step (void *user, struct ptn_task *task, int64_t *deadline_ns) {
  struct echo_session *session = user;
  struct ptn_bytes input;
  ptn_status status;
  size_t wanted = 1;

  if (!session->greeted)
    say_line (session, session->echo->greeting);
  session->greeted = true;
  for (;;) {
    if (session->answer_at) {
      *deadline_ns = session->answer_at;
      if (session->echo->host->monotonic_ns () < session->answer_at)
        return PTN_PENDING;
      *deadline_ns = INT64_MAX;
      session->answer_at = 0;
      say_line (session, "SLOW");
    }
    status = streams_of (session)->peek (session->stream, task, wanted, &input);
    if (status != PTN_OK)
      return status;
    const char *line = input.data, *end = memchr (line, '\n', input.size);
    if (!end) {
      wanted = input.size + 1;
      continue;
    }
    size_t size = (size_t)(end - line);
    bool go_on = take_line (session, task, line, size && line[size - 1] == '\r' ? size - 1 : size);
    streams_of (session)->consume (session->stream, size + 1);
    wanted = 1;
    if (!go_on)
      return PTN_END;
  }
}

static void
echo_goodbye (void *user, struct ptn_task *task, ptn_bye why, const char *text) {
  static const char *const words[] = { "", "TOO-MANY", "LOGIN-TIME", "IDLE", "STOPPING", "MEMORY" };
  say_line (user, why < sizeof words / sizeof *words ? words[why] : "BYE");
}

static ptn_status
echo_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  static const struct ptn_protocol protocol = { .size = sizeof protocol,
                                                .name = "echo",
                                                .open = echo_open,
                                                .step = echo_step,
                                                .goodbye = echo_goodbye,
                                                .close = free };
  struct echo *echo = calloc (1, sizeof *echo);
  if (!echo)
    return PTN_E_NO_MEMORY;
  echo->host = host;
  echo->greeting = strdup (host->text (config, "greeting"));
  *instance = echo;
  return host->provide (host, PTN_PROTOCOL_ID, "echo", &protocol, echo);
}

static ptn_status
echo_start (void *instance) {
  struct echo *echo = instance;
  return echo->host->find (echo->host, PTN_STREAM_ID, NULL, &echo->streams);
}

static void
echo_destroy (void *instance) {
  struct echo *echo = instance;
  free (echo->greeting);
  free (echo);
}

const struct ptn_plugin *
postern_plugin_entry (uint32_t major, uint32_t minor) {
  static const struct ptn_plugin plugin = { .size = sizeof plugin,
                                            .abi_major = PTN_ABI_MAJOR,
                                            .abi_minor = PTN_ABI_MINOR,
                                            .name = "echo",
                                            .version = "1",
                                            .summary = "says lines back",
                                            .settings = settings,
                                            .setting_count = sizeof settings / sizeof *settings,
                                            .setting_size = sizeof *settings,
                                            .configure = echo_configure,
                                            .start = echo_start,
                                            .destroy = echo_destroy };
  return &plugin;
}
