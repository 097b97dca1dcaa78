/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - what stands before the octets of a message: flags, date, annotations. */
#include "append/append.h"
#include "append/parts.h"
#include "capability.h"

static bool
read_flag (struct append *a, struct reader *r) {
  static const struct {
    const char *name;
    ptn_flag_bits bit;
  } system[] = {
    { "\\Answered", PTN_ANSWERED }, { "\\Flagged", PTN_FLAGGED }, { "\\Deleted", PTN_DELETED },
    { "\\Seen", PTN_SEEN },         { "\\Draft", PTN_DRAFT },
  };
  if (!reader_accept (r, '\\')) {
    const char *keyword = reader_atom (r);
    if (!keyword)
      return false;
    if (a->keywords->len == APPEND_KEYWORDS_MAX)
      return reader_fail (r, "too many keywords");
    g_ptr_array_add (a->keywords, (gpointer)(guintptr)keyword);
    return true;
  }
  const char *name = reader_atom (r);
  for (size_t i = 0; name && i < G_N_ELEMENTS (system); i++)
    if (g_ascii_strcasecmp (name, system[i].name + 1) == 0) {
      a->message.flags |= system[i].bit;
      return true;
    }
  return reader_fail (r, "a flag that cannot be set");
}

static bool
read_flags (struct append *a, struct reader *r) {
  if (!reader_expect (r, '('))
    return false;
  if (reader_accept (r, ')'))
    return true;
  do
    if (!read_flag (a, r))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

static bool
read_annotations (struct append *a, struct reader *r) {
  if (!reader_space (r))
    return false;
  g_autoptr (GArray) settings = annotation_read_settings (r);
  if (!settings)
    return false;
  a->annotations_too_big |= annotation_too_big (settings);
  for (guint i = 0; i < settings->len; i++) {
    struct append_annotation one = {
      .setting = g_array_index (settings, struct annotation_setting, i),
      .message = a->messages,
    };
    g_array_append_val (a->annotations, one);
  }
  return reader_space (r);
}

/* Up to what the message is made of. */
static bool
read_options (struct session *s, struct append *a, struct reader *r) {
  if (!reader_space (r))
    return false;
  if (reader_peek (r) == '(' && (!read_flags (a, r) || !reader_space (r)))
    return false;
  if (reader_peek (r) == '"'
      && (!reader_date_time (r, &a->message.internal_date) || !reader_space (r)))
    return false;
  if (reader_accept_word (r, "ANNOTATION") && !read_annotations (a, r))
    return false;
  if (reader_accept_word (r, "UTF8")) { /* RFC 6855 section 4 */
    a->kind = APPEND_UTF8;
    return reader_space (r) && reader_expect (r, '(');
  }
  if (offers (s, CAP_CATENATE) && reader_accept_word (r, "CATENATE")) {
    a->kind = APPEND_CATENATE;
    return reader_space (r) && reader_expect (r, '(');
  }
  a->kind = APPEND_LITERAL;
  return true;
}

static void
forget_options (struct session *s, struct append *a) {
  a->message = (struct ptn_append){ .size = sizeof a->message,
                                    .internal_date = s->imap4->host->realtime_ms () / 1000 };
  g_ptr_array_set_size (a->keywords, 0);
  a->keyword_at = 0;
  while (
      a->annotations->len
      && g_array_index (a->annotations, struct append_annotation, a->annotations->len - 1).message
             == a->messages)
    g_array_set_size (a->annotations, a->annotations->len - 1);
}

/* The literal that the message is, announced at the end of the line. */
static ptn_status
ask_for_octets (struct session *s) {
  struct append *a = append_of (s);
  struct ptn_source *source;
  literal_accept (s);
  ptn_status status = s->imap4->stream->literal (s->stream, s->literal.size, &source);
  if (status != PTN_OK)
    return append_fail (s, status, "the message cannot be read");
  return append_store (s, source, s->literal.size, s->literal.binary || a->kind == APPEND_UTF8);
}

/* Bits of the keywords; those that are not there are made if that is allowed. */
static ptn_status
look_up_keywords (struct session *s) {
  struct append *a = append_of (s);
  while (a->keyword_at < a->keywords->len) {
    const char *keyword = a->keywords->pdata[a->keyword_at];
    uint32_t bit;
    ptn_status status =
        s->imap4->store->keyword (s->user->account, &s->call, &a->id, keyword, 1, &bit);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status == PTN_OK)
      a->message.flags |= (ptn_flag_bits)1 << bit;
    else if (status == PTN_E_LIMIT)
      return append_refuse (s, "LIMIT", "this mailbox has as many keywords as it can have");
    else if (status != PTN_E_DENIED) /* RFC 4314 section 4: flags without the right are left out */
      return append_fail (s, status, "a keyword that cannot be set");
    a->keyword_at++;
  }
  if (a->kind == APPEND_CATENATE) {
    a->parts = parts_new ();
    s->resume = parts_collect;
    return PTN_OK;
  }
  return ask_for_octets (s);
}

ptn_status
append_options (struct session *s) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  ptn_status status = PTN_OK;
  if (!a->taking) {
    a->retry_at = r->at;
    forget_options (s, a);
  }
  if (a->taking || !read_options (s, a, r)) {
    if (append_retry (s, a->retry_at, &status))
      return status;
    return append_bad (s, r->error);
  }
  if (a->annotations_too_big) /* RFC 5257 section 4.7 */
    return append_refuse (s, "ANNOTATE TOOBIG", "an annotation is too long");
  if (a->kind != APPEND_CATENATE) {
    bool binary = reader_accept (r, '~');
    if (a->kind == APPEND_UTF8 && !binary)
      return append_bad (s, "expected ~{...} behind UTF8");
    if (!s->literal.pending || reader_peek (r) != '{')
      return append_bad (s, "expected a literal: the message");
    if (a->kind == APPEND_UTF8 && !session_utf8 (s))
      return append_bad (s, "UTF8 needs ENABLE UTF8=ACCEPT");
    if (s->literal.size == 0) /* RFC 3502 section 6.3.11: how a client gives up */
      return append_refuse (s, NULL, "an empty message");
    if (!append_fits (s, s->literal.size))
      return PTN_OK;
  }
  s->resume = look_up_keywords;
  return PTN_OK;
}
