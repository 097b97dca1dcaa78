/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c - from the text of a command to the function that carries it out. */
#include "capability.h"
#include "collect.h"
#include "commands.h"

/* In alphabetical order: found by halving. */
static const struct command commands[] = {
  { "APPEND", command_append, STATES_LOGGED_IN, COMMAND_STREAMS, CAP_NONE },
  { "AUTHENTICATE", command_authenticate, STATE_NOT_AUTHENTICATED, 0, CAP_NONE },
  { "CANCELUPDATE", command_cancelupdate, STATE_SELECTED, 0, CAP_CONTEXT_SEARCH },
  { "CAPABILITY", command_capability, STATES_ANY, 0, CAP_NONE },
  { "CHECK", command_check, STATE_SELECTED, 0, CAP_NONE },
  { "CLOSE", command_close, STATE_SELECTED, COMMAND_KEEPS_OLD, CAP_NONE },
  { "COMPARATOR", command_comparator, STATES_LOGGED_IN, 0, CAP_I18NLEVEL_2 },
  { "COMPRESS", command_compress, STATES_LOGGED_IN, 0, CAP_COMPRESS },
  { "CONVERSIONS", command_conversions, STATES_LOGGED_IN, 0, CAP_CONVERT },
  { "CONVERT", command_convert, STATE_SELECTED, COMMAND_NUMBERS | COMMAND_UID, CAP_CONVERT },
  { "COPY", command_copy, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_EXPUNGES,
    CAP_NONE },
  { "CREATE", command_create, STATES_LOGGED_IN, 0, CAP_NONE },
  { "DELETE", command_delete, STATES_LOGGED_IN, 0, CAP_NONE },
  { "DELETEACL", command_deleteacl, STATES_LOGGED_IN, 0, CAP_ACL },
  { "ENABLE", command_enable, STATE_AUTHENTICATED, 0, CAP_ENABLE },
  { "ESEARCH", command_esearch, STATES_LOGGED_IN, 0, CAP_MULTISEARCH },
  { "EXAMINE", command_examine, STATES_LOGGED_IN, COMMAND_KEEPS_OLD, CAP_NONE },
  { "EXPUNGE", command_expunge, STATE_SELECTED, COMMAND_UID, CAP_NONE },
  { "FETCH", command_fetch, STATE_SELECTED, COMMAND_NUMBERS | COMMAND_UID, CAP_NONE },
  { "GENURLAUTH", command_genurlauth, STATES_LOGGED_IN, 0, CAP_URLAUTH },
  { "GETACL", command_getacl, STATES_LOGGED_IN, 0, CAP_ACL },
  { "GETMETADATA", command_getmetadata, STATES_LOGGED_IN, 0, CAP_METADATA },
  { "GETQUOTA", command_getquota, STATES_LOGGED_IN, 0, CAP_QUOTA },
  { "GETQUOTAROOT", command_getquotaroot, STATES_LOGGED_IN, 0, CAP_QUOTA },
  { "ID", command_id, STATES_ANY, 0, CAP_ID },
  { "IDLE", command_idle, STATES_LOGGED_IN, 0, CAP_IDLE },
  { "LANGUAGE", command_language, STATES_ANY, 0, CAP_LANGUAGE },
  { "LIST", command_list, STATES_LOGGED_IN, 0, CAP_NONE },
  { "LISTRIGHTS", command_listrights, STATES_LOGGED_IN, 0, CAP_ACL },
  { "LOGIN", command_login, STATE_NOT_AUTHENTICATED, 0, CAP_NONE },
  { "LOGOUT", command_logout, STATES_ANY, COMMAND_KEEPS_OLD, CAP_NONE },
  { "LSUB", command_lsub, STATES_LOGGED_IN, 0, CAP_NONE },
  { "MOVE", command_move, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_EXPUNGES,
    CAP_MOVE },
  { "MYRIGHTS", command_myrights, STATES_LOGGED_IN, 0, CAP_ACL },
  { "NAMESPACE", command_namespace, STATES_LOGGED_IN, 0, CAP_NAMESPACE },
  { "NOOP", command_noop, STATES_ANY, 0, CAP_NONE },
  { "NOTIFY", command_notify, STATES_LOGGED_IN, 0, CAP_NOTIFY },
  { "RENAME", command_rename, STATES_LOGGED_IN, 0, CAP_NONE },
  { "REPLACE", command_replace, STATE_SELECTED, COMMAND_STREAMS | COMMAND_UID, CAP_REPLACE },
  { "RESETKEY", command_resetkey, STATES_LOGGED_IN, 0, CAP_URLAUTH },
  { "SEARCH", command_search, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, CAP_NONE },
  { "SELECT", command_select, STATES_LOGGED_IN, COMMAND_KEEPS_OLD, CAP_NONE },
  { "SETACL", command_setacl, STATES_LOGGED_IN, 0, CAP_ACL },
  { "SETMETADATA", command_setmetadata, STATES_LOGGED_IN, 0, CAP_METADATA },
  { "SETQUOTA", command_setquota, STATES_LOGGED_IN, 0, CAP_QUOTASET },
  { "SORT", command_sort, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, CAP_SORT },
  { "STARTTLS", command_starttls, STATE_NOT_AUTHENTICATED, 0, CAP_NONE },
  { "STATUS", command_status, STATES_LOGGED_IN, 0, CAP_NONE },
  { "STORE", command_store, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, CAP_NONE },
  { "SUBSCRIBE", command_subscribe, STATES_LOGGED_IN, 0, CAP_NONE },
  { "THREAD", command_thread, STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS,
    CAP_THREAD_REFERENCES },
  { "UIDBATCHES", command_uidbatches, STATE_SELECTED, 0, CAP_UIDBATCHES },
  { "UNAUTHENTICATE", command_unauthenticate, STATES_LOGGED_IN, COMMAND_KEEPS_OLD,
    CAP_UNAUTHENTICATE },
  { "UNSELECT", command_unselect, STATE_SELECTED, COMMAND_KEEPS_OLD, CAP_NONE },
  { "UNSUBSCRIBE", command_unsubscribe, STATES_LOGGED_IN, 0, CAP_NONE },
  { "URLFETCH", command_urlfetch, STATES_LOGGED_IN, 0, CAP_URLAUTH },
  { "XLIST", command_xlist, STATES_LOGGED_IN, 0, CAP_XLIST },
};

static int
by_name (const void *key, const void *row) {
  return strcmp (key, ((const struct command *)row)->name);
}

static const struct command *
find (const struct session *s, const char *name) {
  const struct command *command =
      bsearch (name, commands, G_N_ELEMENTS (commands), sizeof commands[0], by_name);
  return command && offers (s, command->capability) ? command : NULL;
}

/* The tag and the name; false: the reader says why. */
static bool
read_name (struct reader *r, const char **tag, const char **name, bool *uid) {
  *tag = reader_tag (r);
  if (*tag && reader_peek (r) >= 0 && reader_peek (r) != ' ') {
    *tag = NULL; /* not what the client waits for */
    return reader_fail (r, "a character that no tag has");
  }
  if (!*tag || !reader_space (r) || !(*name = reader_keyword (r)))
    return false;
  *uid = strcmp (*name, "UID") == 0;
  return !*uid || (reader_space (r) && (*name = reader_keyword (r)));
}

bool
command_streams (const char *text, size_t size) {
  struct reader r;
  const char *tag, *name;
  bool uid, streams = false;
  reader_init (&r, text, MIN (size, 512), false);
  if (read_name (&r, &tag, &name, &uid)) {
    const struct command *command =
        bsearch (name, commands, G_N_ELEMENTS (commands), sizeof commands[0], by_name);
    streams = command && command->flags & COMMAND_STREAMS;
  }
  reader_clear (&r);
  return streams;
}

static const char *
wrong_state (const struct session *s, const struct command *command) {
  if (s->state == STATE_NOT_AUTHENTICATED)
    return "log in first";
  if (command->states == STATE_NOT_AUTHENTICATED)
    return "already logged in";
  if (command->states == STATE_AUTHENTICATED)
    return "not while a mailbox is selected";
  return "no mailbox is selected";
}

void
command_dispatch (struct session *s, const char *text, size_t size) {
  const char *tag = NULL, *name = NULL;
  bool uid = false;
  struct reader *r = &s->arguments;
  reader_clear (r);
  reader_init (r, text, size, session_utf8 (s));
  s->command = NULL;
  bool readable = read_name (r, &tag, &name, &uid);
  s->tag = tag ? tag : "*";
  if (!readable) {
    literal_refuse (s);
    answer_syntax (s, r);
    return;
  }
  const struct command *command = find (s, name);
  const char *refusal = NULL;
  if (!command || (uid && !(command->flags & (COMMAND_UID | COMMAND_UID_ONLY)))
      || (!uid && command->flags & COMMAND_UID_ONLY))
    refusal = "unknown command";
  else if (!(command->states & s->state))
    refusal = wrong_state (s, command);
  else if (!uid && s->enabled & ENABLED_UIDONLY && command->flags & COMMAND_NUMBERS)
    refusal = "[UIDREQUIRED] message numbers are not used after ENABLE UIDONLY"; /* RFC 9586 */
  if (refusal) {
    literal_refuse (s);
    answer_bad (s, refusal);
    return;
  }
  s->command = command;
  s->uid = uid;
  s->imap4->host->observe (s->imap4->commands, 1);
  command->run (s, r);
}

/* The command that waits while one of the server's own runs. */
struct inner {
  const struct command *command;
  const char *tag;
  struct reader arguments;
  bool uid;
  ptn_status (*resume) (struct session *);
  void *work;
  void (*work_free) (struct session *, void *);
};

void
command_begin_inner (struct session *s, const char *text) {
  struct inner *inner = g_new0 (struct inner, 1);
  *inner =
      (struct inner){ s->command, s->tag, s->arguments, s->uid, s->resume, s->work, s->work_free };
  s->inner = inner;
  s->arguments = (struct reader){ 0 };
  s->work = NULL;
  s->work_free = NULL;
  s->resume = NULL;
  command_dispatch (s, text, strlen (text));
}

static void
end_inner (struct session *s) {
  struct inner *inner = g_steal_pointer (&s->inner);
  s->command = inner->command;
  s->tag = inner->tag;
  s->arguments = inner->arguments;
  s->uid = inner->uid;
  s->resume = inner->resume;
  s->work = inner->work;
  s->work_free = inner->work_free;
  g_free (inner);
  g_clear_pointer (&s->inner_text, g_free);
}

void
command_end (struct session *s) {
  if (s->work && s->work_free)
    s->work_free (s, s->work);
  s->work = NULL;
  s->work_free = NULL;
  s->imap4->host->call_end (&s->call);
  g_clear_pointer (&s->answer, g_free);
  reader_clear (&s->arguments);
  s->command = NULL;
  s->limited_to = 0;
  s->tag = NULL;
  if (s->inner) {
    end_inner (s);
    return;
  }
  collect_end (s);
  s->imap4->host->command_done (s->task);
}
