/* SPDX-License-Identifier: MIT */
/* echo.c - the smallest protocol plugin: it greets, and sends each line back.
 *
 * A protocol provides "postern.protocol/1" (postern/session.h).  The host accepts connections,
 * does TLS, watches limits; it calls `step` whenever there may be something to do.  Everything a
 * session remembers is in struct session: no thread owns it, but steps never overlap. */
#include <postern/postern.h>

#include <stdlib.h>
#include <string.h>

struct instance {
  const struct ptn_host *host;
  const struct ptn_stream_service *stream;
};

struct session {
  struct instance *instance;
  struct ptn_stream *stream;
  const char *greeting;
  int greeted;
};

static ptn_status
echo_open (void *instance_, struct ptn_task *task, struct ptn_stream *stream,
           const struct ptn_session_info *info, void **session_) {
  struct instance *instance = instance_;
  struct session *session = calloc (1, sizeof *session);
  if (!session)
    return PTN_E_NO_MEMORY;
  session->instance = instance;
  session->stream = stream;
  /* The configuration outlives the session, so its text may be borrowed. */
  session->greeting = instance->host->text (info->config, "greeting");
  *session_ = session;
  return PTN_OK;
}

static ptn_status
echo_step (void *session_, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *session = session_;
  const struct ptn_stream_service *service = session->instance->stream;
  ptn_status status;
  if (!session->greeted) {
    session->greeted = 1;
    service->write (session->stream, session->greeting, strlen (session->greeting));
    service->write (session->stream, "\r\n", 2);
  }
  for (;;) {
    struct ptn_bytes input;
    /* Do not take more in while the peer takes nothing out. */
    status = service->drained (session->stream, task, 65536);
    if (status == PTN_OK)
      status = service->peek (session->stream, task, 1, &input);
    /* PENDING: the stream has armed the task.  END: the peer is done, and so are we. */
    if (status != PTN_OK)
      return status;
    status = service->write (session->stream, input.data, input.size);
    if (status != PTN_OK)
      return status;
    service->consume (session->stream, input.size);
    if (session->instance->host->budget_spent (task))
      return PTN_OK; /* others first */
  }
}

static void
echo_goodbye (void *session_, struct ptn_task *task, ptn_bye why, const char *text) {
  struct session *session = session_;
  session->instance->stream->write (session->stream, text, strlen (text));
  session->instance->stream->write (session->stream, "\r\n", 2);
}

static void
echo_close (void *session) {
  free (session);
}

static const struct ptn_protocol echo_protocol = {
  .size = sizeof echo_protocol,
  .name = "echo",
  .open = echo_open,
  .step = echo_step,
  .goodbye = echo_goodbye,
  .close = echo_close,
};

static const struct ptn_setting echo_settings[] = {
  { .name = "greeting",
    .type = PTN_SETTING_STRING,
    .default_value = "hello",
    .help = "The line that is sent first.",
    .scope = PTN_SCOPE_PROTOCOL },
};

static ptn_status
echo_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance_) {
  struct instance *instance = calloc (1, sizeof *instance);
  if (!instance)
    return PTN_E_NO_MEMORY;
  instance->host = host;
  *instance_ = instance;
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, "echo", &echo_protocol, instance);
  if (status != PTN_OK)
    free (instance); /* destroy does not run after a configure that failed */
  return status;
}

static ptn_status
echo_start (void *instance_) {
  struct instance *instance = instance_;
  struct ptn_binding stream;
  ptn_status status = instance->host->find (instance->host, PTN_STREAM_ID, NULL, &stream);
  if (status == PTN_OK)
    instance->stream = stream.table;
  return status;
}

static void
echo_destroy (void *instance) {
  free (instance);
}

static const struct ptn_plugin echo_plugin = {
  .size = sizeof echo_plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "echo",
  .version = "1",
  .summary = "sends back what it gets",
  .settings = echo_settings,
  .setting_count = sizeof echo_settings / sizeof *echo_settings,
  .setting_size = sizeof *echo_settings,
  .configure = echo_configure,
  .start = echo_start,
  .destroy = echo_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &echo_plugin : NULL;
}
