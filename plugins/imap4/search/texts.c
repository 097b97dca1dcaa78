/* SPDX-License-Identifier: Apache-2.0 */
/* texts.c - reading a message: its digest, if the store has none, and its texts. */
#include "search/run_private.h"

#include <errno.h>
#include <unistd.h>

enum { READ_BUDGET = 256 * 1024 };

static struct group *
group_for (struct search_run *run, const struct term *term) {
  for (unsigned i = 0; i < run->group_count; i++) {
    struct group *g = &run->groups[i];
    if (g->scope == term->scope
        && (term->scope != PTN_SEARCH_HEADER || g_ascii_strcasecmp (g->field, term->field) == 0))
      return g;
  }
  struct group *g = &run->groups[run->group_count++];
  g->scope = term->scope;
  g->field = term->field;
  g->matcher = matcher_new (run->comparator);
  return g;
}

static bool text_begin (void *, const struct message_text_item *);
static bool text_put (void *, const char *, size_t);

static void
text_end (void *user) {
}

void
run_groups (struct search_run *run) {
  struct message_text_sink sink = { text_begin, text_put, text_end, run };
  run->groups = g_new0 (struct group, run->program->term_count);
  for (unsigned i = 0; i < run->program->term_count; i++) {
    const struct term *term = &run->program->terms[i];
    struct group *g = group_for (run, term);
    int number = matcher_add (g->matcher, term->text, term->size);
    if (number < 0)
      continue;
    g->of[number] = (unsigned char)i;
    g->terms |= (guint64)1 << i;
  }
  run->text = message_text_new (0, &sink);
}

void
run_groups_free (struct search_run *run) {
  for (unsigned i = 0; i < run->group_count; i++)
    matcher_free (&run->groups[i].matcher);
  g_clear_pointer (&run->groups, g_free);
  message_text_free (&run->text);
}

/* What a group found, as terms. */
static guint64
group_found (const struct group *g) {
  guint64 found = matcher_found (g->matcher), terms = 0;
  for (int i = 0; found; i++, found >>= 1)
    if (found & 1)
      terms |= (guint64)1 << g->of[i];
  return terms;
}

static bool
group_wants (const struct group *g, const struct message_text_item *item) {
  switch (g->scope) {
  case PTN_SEARCH_HEADER:
    return item->kind == MESSAGE_TEXT_HEADER && strlen (g->field) == item->name_size
           && g_ascii_strncasecmp (g->field, item->name, item->name_size) == 0;
  case PTN_SEARCH_BODY:
    return item->kind & MESSAGE_TEXT_OF_BODY;
  default:
    return true;
  }
}

static void
group_feed (struct search_run *run, struct group *g, const char *text, size_t size) {
  if (!matcher_feed (g->matcher, text, size))
    g->active = false;
  run->facts.holds |= group_found (g);
}

static bool
text_begin (void *user, const struct message_text_item *item) {
  struct search_run *run = user;
  bool any = false;
  for (unsigned i = 0; i < run->group_count; i++) {
    struct group *g = &run->groups[i];
    g->active = (g->terms & run->facts.asks & ~run->facts.holds) && group_wants (g, item);
    if (!g->active)
      continue;
    matcher_border (g->matcher);
    if (item->name && g->scope != PTN_SEARCH_HEADER) {
      group_feed (run, g, item->name, item->name_size);
      group_feed (run, g, ":", 1);
    } else
      group_feed (run, g, "", 0);
    any |= g->active;
  }
  return any;
}

static bool
text_put (void *user, const char *text, size_t size) {
  struct search_run *run = user;
  for (unsigned i = 0; i < run->group_count; i++)
    if (run->groups[i].active)
      group_feed (run, &run->groups[i], text, size);
  return (run->facts.asks & ~run->facts.holds) != 0;
}

/* Which texts the terms asked for are looked for in. */
static unsigned
texts_wanted (struct search_run *run) {
  unsigned wanted = 0;
  for (unsigned i = 0; i < run->group_count; i++) {
    struct group *g = &run->groups[i];
    if (!(g->terms & run->facts.asks))
      continue;
    matcher_reset (g->matcher);
    wanted |= g->scope == PTN_SEARCH_HEADER ? MESSAGE_TEXT_HEADER
              : g->scope == PTN_SEARCH_BODY ? MESSAGE_TEXT_OF_BODY
                                            : MESSAGE_TEXT_ALL;
  }
  return wanted;
}

void
run_read_end (struct search_run *run) {
  if (run->source)
    run->source->ops->close (run->source);
  run->source = NULL;
  run->s->imap4->host->call_end (&run->read_call);
}

static ptn_status
open_source (struct search_run *run, uint64_t offset, uint64_t size) {
  return run->s->imap4->store->read (run->s->user->account, &run->read_call, &run->mailbox,
                                     run->facts.uid, offset, size, &run->source);
}

static ptn_status
feed_chunk (struct mime_builder *builder, struct ptn_chunk *chunk) {
  ptn_status status = PTN_OK;
  if (chunk->data)
    mime_builder_feed (builder, chunk->data, chunk->size);
  else
    for (size_t done = 0; done < chunk->size && status == PTN_OK;) {
      char buffer[16 * 1024];
      ssize_t got = pread (chunk->fd, buffer, MIN (sizeof buffer, chunk->size - done),
                           (off_t)(chunk->file_offset + (int64_t)done));
      if (got > 0) {
        mime_builder_feed (builder, buffer, (size_t)got);
        done += (size_t)got;
      } else if (got == 0 || errno != EINTR)
        status = got == 0 ? PTN_E_CORRUPT : PTN_E_TEMPORARY;
    }
  if (chunk->release)
    chunk->release (chunk->owner);
  return status;
}

/* All of the message through a builder. */
static ptn_status
read_all (struct search_run *run) {
  const struct ptn_host *host = run->s->imap4->host;
  for (;;) {
    struct ptn_chunk chunk;
    ptn_status status = run->source->ops->read (run->source, run->s->task, READ_BUDGET, &chunk);
    if (status != PTN_OK)
      return status;
    status = feed_chunk (run->builder, &chunk);
    if (status != PTN_OK)
      return status;
    if (host->budget_spent (run->s->task))
      return PTN_OK;
  }
}

/* The digest that was computed: used, and given to the store if it takes it. */
static ptn_status
take_digest (struct search_run *run) {
  const struct ptn_store *store = run->s->imap4->store;
  struct ptn_bytes octets = mime_builder_finish (run->builder, MIME_DIGEST_MAX);
  if (PTN_CAN (store, remember))
    store->remember (run->s->user->account, &run->mailbox, run->facts.uid, octets);
  ptn_status status = mime_digest_open (mime_builder_finish (run->builder, SIZE_MAX), &run->digest);
  if (status == PTN_OK)
    run->facts.digest = &run->digest;
  run->built = true;
  return status;
}

/* Is there all in the digest that is needed? */
static bool
is_enough (const struct search_run *run, enum verdict verdict) {
  const struct mime_digest *digest = run->facts.digest;
  if (verdict == YES)
    return !run->collect_digest
           || (digest && mime_digest_has (digest, MIME_ENVELOPE)
               && mime_digest_has (digest, MIME_REFERENCES));
  return digest && (!(run->facts.needs & NEEDS_TEXT) || digest->parts > 0);
}

/* Decides what is to be read next. */
static ptn_status
choose (struct search_run *run, enum verdict *verdict) {
  struct facts *f = &run->facts;
  *verdict = run_judge (run, f);
  if (*verdict == NO || (*verdict == YES && is_enough (run, YES)))
    return PTN_END;
  if (!is_enough (run, *verdict)) {
    if (run->built)
      return PTN_E_CORRUPT;
    run->reading = READ_OPEN_ALL;
    return PTN_OK;
  }
  message_text_want (run->text, texts_wanted (run));
  message_text_begin (run->text, f->digest, &run->text_offset, &run->text_size);
  if (run->text_size == 0) {
    f->known |= f->asks;
    *verdict = run_judge (run, f);
    return PTN_END;
  }
  run->reading = READ_OPEN_TEXT;
  return PTN_OK;
}

static ptn_status
advance (struct search_run *run, enum verdict *verdict) {
  ptn_status status;
  switch (run->reading) {
  case READ_NOTHING:
    return choose (run, verdict);
  case READ_OPEN_ALL:
    status = open_source (run, 0, UINT64_MAX);
    if (status != PTN_OK)
      return status;
    if (!run->builder)
      run->builder = mime_builder_new ();
    mime_builder_reset (run->builder);
    run->reading = READ_ALL;
    return PTN_OK;
  case READ_ALL:
    status = read_all (run);
    if (status != PTN_END)
      return status;
    run_read_end (run);
    run->reading = READ_NOTHING;
    status = take_digest (run);
    return status == PTN_OK ? PTN_OK : PTN_E_CORRUPT;
  case READ_OPEN_TEXT:
    status = open_source (run, run->text_offset, run->text_size);
    if (status == PTN_OK)
      run->reading = READ_TEXT;
    return status;
  case READ_TEXT:
    status = message_text_read (run->text, run->source, run->s->task, READ_BUDGET);
    if (status != PTN_END)
      return status;
    run_read_end (run);
    run->facts.known |= run->facts.asks;
    run->reading = READ_NOTHING;
    return PTN_OK;
  }
  return PTN_E_CORRUPT;
}

ptn_status
run_read (struct search_run *run, enum verdict *verdict) {
  for (;;) {
    ptn_status status = advance (run, verdict);
    if (status == PTN_OK && !run->s->imap4->host->budget_spent (run->s->task))
      continue;
    if (status == PTN_E_CORRUPT && run->reading == READ_TEXT && !run->built) {
      run_read_end (run); /* the digest is not right: one of our own */
      run->facts.digest = NULL;
      run->reading = READ_OPEN_ALL;
      continue;
    }
    if (status >= 0 && status != PTN_END)
      return status;
    run_read_end (run);
    run->reading = READ_NOTHING;
    /* A message that went away, or that cannot be read, is none that fits. */
    if (status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND || status == PTN_E_CORRUPT) {
      *verdict = NO;
      status = PTN_END;
    }
    return status;
  }
}
