/* SPDX-License-Identifier: Apache-2.0 */
/* drive.c - the plugin, and the life of a session; see drive.h. */
#include "drive.h"

enum { LINE_FIRST = 256 };

static const struct command {
  const char *name;
  command_function *run;
  bool account; /* needs one that is open */
} commands[] = {
  { "flags", run_flags, true },
  { "open", run_open, false },
  { "close", run_close, true },
  { "list", run_list, true },
  { "status", run_status, true },
  { "create", run_create, true },
  { "remove", run_remove, true },
  { "rename", run_rename, true },
  { "subscribe", run_subscribe, true },
  { "view", run_view, true },
  { "keyword", run_keyword, true },
  { "fetch", run_fetch, true },
  { "read", run_read, true },
  { "crc", run_crc, true },
  { "sha", run_sha, true },
  { "scan", run_scan, true },
  { "vanished", run_vanished, true },
  { "recent", run_recent, true },
  { "remember", run_remember, true },
  { "annotations", run_annotations, true },
  { "begin", run_begin, true },
  { "append", run_append, true },
  { "copy", run_copy, true },
  { "move", run_move, true },
  { "expunge", run_expunge, true },
  { "annotate", run_annotate, true },
  { "commit", run_commit, true },
  { "end", run_end, true },
  { "fill", run_fill, true },
  { "quota", run_quota, true },
  { "set_quota", run_set_quota, true },
  { "attributes", run_attributes, true },
  { "rights", run_rights, true },
  { "set_rights", run_set_rights, true },
  { "others", run_others, true },
  { "watch", run_watch, true },
  { "unwatch", run_unwatch, true },
  { "events", run_events, true },
  { "capabilities", run_capabilities, false },
  { "accounts", run_accounts, false },
  { "remove_account", run_remove_account, false },
  { "deliver", run_deliver, false },
};

static ptn_status
session_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
              const struct ptn_session_info *info, void **session) {
  struct session *s = g_new0 (struct session, 1);

  s->drive = instance;
  s->stream = stream;
  s->info = info;
  s->line = g_string_sized_new (LINE_FIRST);
  s->out = g_string_sized_new (LINE_FIRST);
  s->set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  s->groups = g_ptr_array_new_with_free_func (g_free);
  s->references = g_ptr_array_new ();
  s->targets = g_array_new (FALSE, TRUE, sizeof (struct ptn_target));
  s->delivered = g_array_new (FALSE, TRUE, sizeof (struct ptn_delivered));
  *session = s;
  return PTN_OK;
}

void
forget_command (struct session *s) {
  s->drive->host->call_end (&s->call);
  if (s->cursor)
    s->drive->store->close_cursor (s->cursor);
  if (s->reading)
    s->reading->ops->close (s->reading);
  if (s->view)
    s->drive->store->release_view (s->view);
  s->view = NULL;
  if (s->source)
    s->source->ops->close (s->source);
  if (s->append.source && s->append.source != s->source)
    s->append.source->ops->close (s->append.source);
  g_clear_pointer (&s->checksum, g_checksum_free);
  s->cursor = NULL;
  s->reading = s->source = s->append.source = NULL;
  s->run = NULL;
  s->failing = false;
  s->stage = 0;
  s->messages = s->octets = s->limit = s->sum = 0;
  s->crc = 0;
  if (s->change && !s->many)
    change_forget (s);
}

static void
session_close (void *session) {
  struct session *s = session;

  forget_command (s);
  change_forget (s);
  forget_subscription (s);
  if (s->account)
    s->drive->store->close (s->account);
  g_string_free (s->line, TRUE);
  g_string_free (s->out, TRUE);
  g_array_unref (s->set);
  g_ptr_array_unref (s->groups);
  g_ptr_array_unref (s->references);
  g_array_unref (s->targets);
  g_array_unref (s->delivered);
  g_free (s->account_name);
  g_free (s->authzid);
  g_free (s);
}

static void
answer_failure (struct session *s, ptn_status status) {
  const char *text = s->drive->host->failure_log (s->task);

  put (s, status_word (status));
  if (text && status <= PTN_E_TEMPORARY) {
    size_t at = s->out->len + 1;

    g_string_append_printf (s->out, " %s", text);
    for (; at < s->out->len; at++)
      if (s->out->str[at] == '\n' || s->out->str[at] == '\r')
        s->out->str[at] = ' ';
  }
  put (s, "\n");
}

/* The octets that a command which failed has not taken. */
static ptn_status
pass_over (struct session *s) {
  struct ptn_chunk chunk;
  ptn_status status;

  while ((status = s->source->ops->read (s->source, s->task, 65536, &chunk)) == PTN_OK)
    if (chunk.release)
      chunk.release (chunk.owner);
  return status == PTN_END ? PTN_OK : status;
}

/* "{N}" at the end of a line: N octets follow. */
static ptn_status
take_octets (struct session *s) {
  const char *last = s->count > 0 ? s->words[s->count - 1] : "";
  char *end;
  uint64_t size;

  if (last[0] != '{' || !g_ascii_isdigit (last[1]))
    return PTN_OK;
  size = g_ascii_strtoull (last + 1, &end, 10);
  if (strcmp (end, "}") != 0)
    return PTN_OK;
  s->count--;
  return s->drive->stream->literal (s->stream, size, &s->source);
}

static ptn_status
unknown (struct session *s) {
  return PTN_E_INVALID;
}

static ptn_status
take_line (struct session *s) {
  const struct ptn_stream_service *stream = s->drive->stream;
  struct ptn_bytes input;
  const char *lf = NULL;
  ptn_status status;

  while (!lf) {
    status = stream->peek (s->stream, s->task, s->scanned + 1, &input);
    if (status != PTN_OK)
      return status;
    lf = memchr ((const char *)input.data + s->scanned, '\n', input.size - s->scanned);
    s->scanned = lf ? 0 : input.size;
  }
  g_string_truncate (s->line, 0);
  g_string_append_len (s->line, input.data, lf - (const char *)input.data);
  if (s->line->len > 0 && s->line->str[s->line->len - 1] == '\r')
    g_string_truncate (s->line, s->line->len - 1);
  stream->consume (s->stream, (size_t)(lf - (const char *)input.data) + 1);
  line_split (s);
  if (s->count == 0)
    return PTN_OK;
  s->began = s->drive->host->monotonic_ns ();
  status = take_octets (s);
  if (status != PTN_OK)
    return status;
  if (word_is (s, 0, "quit")) {
    s->ending = true;
    return PTN_OK;
  }
  s->run = unknown;
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (s->words[0], commands[i].name) == 0 && (s->account != NULL || !commands[i].account))
      s->run = commands[i].run;
  return PTN_OK;
}

/* A command, until it waits or has been answered. */
static ptn_status
run_command (struct session *s) {
  ptn_status status;

  if (!s->failing) {
    status = s->run (s);
    if (status == PTN_PENDING || s->broken != PTN_OK)
      return s->broken != PTN_OK ? s->broken : status;
    s->failing = true;
    s->failure = status;
    if (s->source && s->append.source == s->source)
      s->append.source = NULL;
  }
  if (s->source) {
    status = pass_over (s);
    if (status != PTN_OK)
      return status;
  }
  if (s->failure != PTN_OK)
    answer_failure (s, s->failure);
  forget_command (s);
  s->drive->host->command_done (s->task);
  return PTN_OK;
}

static ptn_status
session_step (void *session, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *s = session;
  ptn_status status;

  s->task = task;
  s->call.task = task;
  s->deadline = deadline_ns;
  for (;;) {
    status = room_for_more (s);
    if (status == PTN_OK)
      status = s->run ? run_command (s) : take_line (s);
    if (status == PTN_PENDING || s->ending)
      flush (s);
    if (s->broken != PTN_OK)
      return s->broken;
    if (s->ending)
      return PTN_END;
    if (status != PTN_OK)
      return status;
    if (s->drive->host->budget_spent (task)) {
      flush (s);
      return s->broken;
    }
  }
}

static ptn_status
drive_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  static const struct ptn_protocol protocol = { .size = sizeof protocol,
                                                .name = "store-drive",
                                                .open = session_open,
                                                .step = session_step,
                                                .close = session_close };
  struct drive *drive = g_new0 (struct drive, 1);
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, "store-drive", &protocol, drive);

  drive->host = host;
  crc_prepare (drive);
  if (status != PTN_OK) {
    g_free (drive);
    return status;
  }
  *instance = drive;
  return PTN_OK;
}

static ptn_status
drive_start (void *instance) {
  struct drive *drive = instance;
  struct ptn_binding binding;
  ptn_status status = drive->host->find (drive->host, PTN_STREAM_ID, NULL, &binding);

  if (status != PTN_OK)
    return status;
  drive->stream = binding.table;
  status = drive->host->find (drive->host, PTN_STORE_ID, NULL, &binding);
  if (status != PTN_OK)
    return status;
  drive->store = binding.table;
  drive->store_instance = binding.instance;
  return PTN_OK;
}

static void
drive_destroy (void *instance) {
  g_free (instance);
}

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  static const struct ptn_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = PTN_ABI_MAJOR,
    .abi_minor = PTN_ABI_MINOR,
    .name = "store-drive",
    .version = "1",
    .summary = "drives the store, for tests",
    .setting_size = sizeof (struct ptn_setting),
    .configure = drive_configure,
    .start = drive_start,
    .destroy = drive_destroy,
  };

  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
