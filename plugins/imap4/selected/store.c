/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - STORE and UID STORE (RFC 9051 section 6.4.6; UNCHANGEDSINCE: RFC 7162 section 3.1.3;
 * ANNOTATION: RFC 5257 section 4.4).
 *
 * One step of one change sets the flags; what became of them is read from the shared view, which has
 * them at once.  Messages that are gone meanwhile are passed over, and the answer says so (RFC 2180
 * section 4.2, RFC 5530). */
#include "annotation/annotation.h"
#include "capability.h"
#include "commands.h"
#include "common/uid_set.h"
#include "selected/limit.h"
#include "selected/selected.h"

enum stage {
  STAGE_KEYWORDS,
  STAGE_FILTER,
  STAGE_BEGIN,
  STAGE_STEP,
  STAGE_COMMIT,
  STAGE_VIEW,
  STAGE_DONE
};

struct storing {
  enum stage stage;
  ptn_flag_mode mode;
  bool silent, conditional;
  uint64_t unchanged_since;
  GArray *uids;
  struct flag_names names;
  guint keyword; /* the next one to be looked up */
  ptn_flag_bits bits;
  GArray *annotations; /* instead of flags: struct annotation_setting */
  guint annotation;    /* the next one to be set */
  GArray *conflicts;   /* that annotations found by themselves; NULL: none */
  struct ptn_change *change;
  const struct ptn_view *now;
  uint32_t told_at, now_at; /* places the answers have come to */
  guint range;
  bool missing; /* some of them are gone */
  /* What stood behind the last number and UID: most messages have the flags of the one before. */
  ptn_flag_bits last_flags;
  uint64_t last_modseq;
  bool last_recent, has_last;
  char last[512];
  size_t last_size;
};

static void
storing_free (struct session *s, void *work) {
  struct storing *storing = work;
  if (storing->change)
    s->imap4->store->end (storing->change);
  if (storing->now)
    s->imap4->store->release_view (storing->now);
  if (storing->uids)
    g_array_unref (storing->uids);
  if (storing->annotations)
    g_array_unref (storing->annotations);
  if (storing->conflicts)
    g_array_unref (storing->conflicts);
  flag_names_clear (&storing->names);
  g_free (storing);
}

/* --- the answers ------------------------------------------------------------------------------ */

/* What the client takes the flags for after a silent STORE. */
static ptn_flag_bits
expected (const struct storing *storing, ptn_flag_bits told) {
  if (storing->annotations)
    return told;
  switch (storing->mode) {
  case PTN_FLAGS_ADD:
    return told | storing->bits;
  case PTN_FLAGS_REMOVE:
    return told & ~storing->bits;
  default:
    return storing->bits;
  }
}

static void
put_answer (struct session *s, struct storing *storing, uint32_t told_at) {
  const struct ptn_view *told = s->selected->told, *now = storing->now;
  uint32_t at = storing->now_at, uid = now->uid[at];
  bool condstore = s->enabled & ENABLED_CONDSTORE;
  bool changed = now->message_modseq[at] > told->modseq;
  bool flags = !storing->silent || now->flags[at] != expected (storing, told->flags[told_at]);
  struct writer *w = &s->out;
  if (!flags && !(condstore && changed))
    return;
  put_fetch (s, told_at + 1, uid, s->uid || s->enabled & ENABLED_QRESYNC);
  bool recent = uid >= s->selected->recent_from;
  bool same = storing->has_last && flags && now->flags[at] == storing->last_flags
              && now->message_modseq[at] == storing->last_modseq && recent == storing->last_recent;
  if (same) {
    put (w, storing->last, storing->last_size);
    return;
  }
  size_t from = w->size;
  if (flags) {
    PUT (w, "FLAGS ");
    put_flags (s, w, now, uid, now->flags[at]);
  }
  if (condstore) {
    if (flags)
      put_char (w, ' ');
    PUT (w, "MODSEQ (");
    put_number (w, now->message_modseq[at]);
    put_char (w, ')');
  }
  PUT (w, ")\r\n");
  storing->has_last = flags && w->size - from <= sizeof storing->last;
  if (storing->has_last) {
    storing->last_size = w->size - from;
    memcpy (storing->last, w->data + from, storing->last_size);
    storing->last_flags = now->flags[at];
    storing->last_modseq = now->message_modseq[at];
    storing->last_recent = recent;
  }
}

/* Of each message that was named, in order of numbers. */
static ptn_status
put_answers (struct session *s, struct storing *storing) {
  const struct ptn_view *told = s->selected->told, *now = storing->now;
  for (; storing->range < storing->uids->len; storing->range++) {
    struct ptn_uid_range range =
        g_array_index (storing->uids, struct ptn_uid_range, storing->range);
    if (storing->told_at < told->count && told->uid[storing->told_at] < range.first)
      view_find (told, range.first, &storing->told_at);
    if (storing->now_at < now->count && now->uid[storing->now_at] < range.first)
      view_find (now, range.first, &storing->now_at);
    for (; storing->told_at < told->count && told->uid[storing->told_at] <= range.last;
         storing->told_at++) {
      uint32_t uid = told->uid[storing->told_at];
      ptn_status status = session_room (s);
      if (status != PTN_OK)
        return status;
      while (storing->now_at < now->count && now->uid[storing->now_at] < uid)
        storing->now_at++;
      if (storing->now_at == now->count || now->uid[storing->now_at] != uid)
        storing->missing = true;
      else
        put_answer (s, storing, storing->told_at);
    }
  }
  return PTN_OK;
}

/* The messages that had changed since, as numbers or UIDs. */
static char *
modified_code (struct session *s, struct ptn_uid_set conflicts) {
  struct writer w = { 0 };
  PUT (&w, "MODIFIED ");
  if (s->uid)
    put_uid_set (&w, conflicts);
  else {
    g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
    for (size_t i = 0; i < conflicts.count; i++) {
      uint32_t place;
      const struct ptn_view *told = s->selected->told;
      view_find (told, conflicts.ranges[i].first, &place);
      for (; place < told->count && told->uid[place] <= conflicts.ranges[i].last; place++)
        set_append (numbers, place + 1);
    }
    put_uid_set (&w, SET_OF (numbers));
  }
  char *code = g_strndup (w.data, w.size);
  writer_clear (&w);
  return code;
}

static ptn_status
tell (struct session *s) {
  struct storing *storing = s->work;
  const struct ptn_outcome *outcome;
  if (storing->now->keywords.count > s->selected->told_keywords)
    tell_flag_names (s, storing->now);
  ptn_status status = put_answers (s, storing);
  if (status != PTN_OK)
    return status;
  selected_answers (s, storing->uids, storing->now->modseq);
  struct ptn_uid_set conflicts = { 0 };
  if (storing->conflicts)
    conflicts = SET_OF (storing->conflicts);
  else if (storing->conditional && storing->change
           && s->imap4->store->outcome (storing->change, 0, &outcome) == PTN_OK)
    conflicts = outcome->conflicts;
  if (conflicts.count) {
    g_autofree char *code = modified_code (s, conflicts);
    answer_ok (s, code, "some messages had been changed meanwhile, and were left alone");
  } else if (storing->missing && !s->uid && !storing->silent)
    answer_no (s, "EXPUNGEISSUED", "some of the messages are gone; the others were changed");
  else
    answer_ok (s, storing->missing && !s->uid ? "EXPUNGEISSUED" : NULL, "STORE completed");
  return PTN_OK;
}

/* --- the change ------------------------------------------------------------------------------- */

static ptn_status
look_up_keywords (struct session *s, struct storing *storing) {
  while (storing->names.keywords && storing->keyword < storing->names.keywords->len) {
    uint32_t bit = 0;
    ptn_status status =
        s->imap4->store->keyword (s->user->account, &s->call, &s->selected->mailbox,
                                  g_ptr_array_index (storing->names.keywords, storing->keyword),
                                  storing->mode != PTN_FLAGS_REMOVE, &bit);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK)
      storing->bits |= (ptn_flag_bits)1 << bit;
    else if (status != PTN_E_NOT_FOUND || storing->mode != PTN_FLAGS_REMOVE)
      return status;
    s->imap4->host->call_end (&s->call);
    storing->keyword++;
  }
  return PTN_OK;
}

/* RFC 7162 section 3.1.3 for annotations: those that had changed are left out. */
static ptn_status
leave_out_changed (struct session *s, struct storing *storing) {
  const struct ptn_view *now;
  if (!storing->annotations || !storing->conditional)
    return PTN_OK;
  ptn_status status =
      s->imap4->store->view (s->user->account, &s->call, &s->selected->mailbox, &now);
  if (status != PTN_OK)
    return status;
  g_autoptr (GArray) all = g_steal_pointer (&storing->uids);
  storing->uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  storing->conflicts = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < all->len; i++) {
    struct ptn_uid_range range = g_array_index (all, struct ptn_uid_range, i);
    uint32_t place;
    view_find (now, range.first, &place);
    for (; place < now->count && now->uid[place] <= range.last; place++)
      set_append (now->message_modseq[place] > storing->unchanged_since ? storing->conflicts
                                                                        : storing->uids,
                  now->uid[place]);
  }
  s->imap4->store->release_view (now);
  return PTN_OK;
}

static ptn_status
annotate (struct session *s, struct storing *storing) {
  for (; storing->annotation < storing->annotations->len; storing->annotation++) {
    const struct annotation_setting *setting =
        &g_array_index (storing->annotations, struct annotation_setting, storing->annotation);
    ptn_status status =
        s->imap4->store->annotate (storing->change, &s->call, &s->selected->mailbox,
                                   SET_OF (storing->uids), setting->name, setting->value);
    if (status != PTN_OK)
      return status;
    s->imap4->host->call_end (&s->call);
  }
  return PTN_OK;
}

static ptn_status
do_stage (struct session *s, struct storing *storing) {
  const struct ptn_store *store = s->imap4->store;
  switch (storing->stage) {
  case STAGE_KEYWORDS:
    return look_up_keywords (s, storing);
  case STAGE_FILTER:
    return leave_out_changed (s, storing);
  case STAGE_BEGIN:
    return store->begin (s->user->account, &s->call, NULL, &storing->change);
  case STAGE_STEP:
    if (storing->annotations)
      return annotate (s, storing);
    return store->set_flags (storing->change, &s->call, &s->selected->mailbox,
                             SET_OF (storing->uids), storing->mode, storing->bits,
                             storing->unchanged_since);
  case STAGE_COMMIT:
    return store->commit (storing->change, &s->call);
  case STAGE_VIEW:
    return store->view (s->user->account, &s->call, &s->selected->mailbox, &storing->now);
  case STAGE_DONE:
    break;
  }
  return PTN_OK;
}

static ptn_status
run_store (struct session *s) {
  struct storing *storing = s->work;
  while (storing->stage != STAGE_DONE) {
    ptn_status status = do_stage (s, storing);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_E_LIMIT && storing->stage == STAGE_KEYWORDS) {
      answer_no (s, "LIMIT", "the mailbox has as many keywords as it may have");
      return PTN_OK;
    }
    if (status == PTN_E_LIMIT && storing->annotations) {
      answer_no (s, "ANNOTATE TOOMANY", "there are too many annotations");
      return PTN_OK;
    }
    if (status != PTN_OK) {
      answer_failure (s, status,
                      storing->annotations ? "the annotations could not be changed"
                                           : "the flags could not be changed");
      return PTN_OK;
    }
    s->imap4->host->call_end (&s->call);
    storing->stage++;
    /* Nothing to add or to take away: no change is made. */
    if (storing->stage == STAGE_BEGIN
        && (!storing->uids->len
            || (!storing->annotations && !storing->bits && storing->mode != PTN_FLAGS_REPLACE)))
      storing->stage = STAGE_VIEW;
  }
  s->resume = tell;
  return PTN_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool
read_modifiers (struct session *s, struct reader *r, struct storing *storing) {
  if (!reader_accept (r, '('))
    return true;
  do {
    if (!reader_accept_word (r, "UNCHANGEDSINCE"))
      return reader_fail (r, "unknown modifier of STORE");
    if (!reader_space (r) || !reader_number64 (r, &storing->unchanged_since))
      return false;
    storing->conditional = true;
  } while (reader_accept (r, ' '));
  if (!reader_expect (r, ')') || !reader_space (r))
    return false;
  condstore_enable (s);
  return true;
}

static bool
read_action (struct reader *r, struct storing *storing) {
  storing->mode = reader_accept (r, '+')   ? PTN_FLAGS_ADD
                  : reader_accept (r, '-') ? PTN_FLAGS_REMOVE
                                           : PTN_FLAGS_REPLACE;
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  storing->silent = strcmp (word, "FLAGS.SILENT") == 0;
  if (!storing->silent && strcmp (word, "FLAGS") != 0)
    return reader_fail (r, "expected FLAGS, +FLAGS or -FLAGS");
  return true;
}

/* What is to be stored, to the end of the command. */
static bool
read_what (struct session *s, struct reader *r, struct storing *storing) {
  if (offers (s, CAP_ANNOTATE) && reader_accept_word (r, "ANNOTATION")) {
    storing->silent = true;
    return reader_space (r) && (storing->annotations = annotation_read_settings (r))
           && reader_end (r);
  }
  return read_action (r, storing) && reader_space (r) && read_flag_names (r, &storing->names)
         && reader_end (r);
}

static bool
read_store (struct session *s, struct reader *r, struct storing *storing,
            struct sequence_set *set) {
  storing->unchanged_since = UINT64_MAX;
  if (!reader_space (r) || !reader_sequence_set (r, set) || !reader_space (r)
      || !read_modifiers (s, r, storing) || !read_what (s, r, storing))
    return false;
  storing->bits = storing->names.system;
  return true;
}

void
command_store (struct session *s, struct reader *r) {
  struct storing *storing = g_new0 (struct storing, 1);
  struct sequence_set set = { 0 };
  s->work = storing;
  s->work_free = storing_free;
  if (!read_store (s, r, storing, &set))
    answer_syntax (s, r);
  else if (storing->annotations && annotation_too_big (storing->annotations))
    answer_no (s, "ANNOTATE TOOBIG", "an annotation is too long");
  else if (s->selected->read_only)
    answer_no (s, "READ-ONLY", "the mailbox is open for reading only");
  else {
    storing->uids = limit_uids (s, selected_uids (s, &set, s->uid));
    if (storing->uids)
      s->resume = run_store;
  }
  sequence_set_clear (&set);
}
