/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - see thread.h: collecting messages, and the response. */
#include "search/thread_private.h"

#include "commands.h"
#include "common/mime/envelope.h"
#include "common/text/subject.h"
#include "search/search.h"
#include "selected/selected.h"

enum { REFERENCES_MOST = 200 };

static struct thread *
thread_new (enum thread_algorithm algorithm, enum comparator comparator) {
  struct thread *t = g_new0 (struct thread, 1);
  t->algorithm = algorithm;
  t->comparator = comparator;
  t->nodes = g_array_new (FALSE, FALSE, sizeof (struct node));
  t->ids = g_hash_table_new (g_str_hash, g_str_equal);
  t->strings = g_string_chunk_new (4096);
  t->references = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  t->stack = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  t->root = t->last_root = NONE;
  return t;
}

void
thread_free (struct thread **thread) {
  struct thread *t = *thread;
  if (!t)
    return;
  g_array_unref (t->nodes);
  g_hash_table_unref (t->ids);
  g_string_chunk_free (t->strings);
  g_array_unref (t->references);
  g_array_unref (t->stack);
  g_free (t);
  *thread = NULL;
}

uint32_t
node_new (struct thread *t) {
  struct node node = {
    .parent = NONE, .child = NONE, .last_child = NONE, .next = NONE, .previous = NONE, .subject = ""
  };
  g_array_append_val (t->nodes, node);
  return t->nodes->len - 1;
}

uint32_t
node_of_id (struct thread *t, const char *id, size_t size) {
  g_autofree char *key = g_strndup (id, size);
  gpointer found = g_hash_table_lookup (t->ids, key);
  if (found)
    return GPOINTER_TO_UINT (found) - 1;
  uint32_t number = node_new (t);
  g_hash_table_insert (t->ids, g_string_chunk_insert (t->strings, key),
                       GUINT_TO_POINTER (number + 1));
  return number;
}

void
node_append (struct thread *t, uint32_t parent, uint32_t child) {
  uint32_t *first = parent == NONE ? &t->root : &node_at (t, parent)->child;
  uint32_t *last = parent == NONE ? &t->last_root : &node_at (t, parent)->last_child;
  if (*first == NONE)
    *first = child;
  else
    node_at (t, *last)->next = child;
  node_at (t, child)->previous = *last;
  *last = child;
  node_at (t, child)->next = NONE;
  node_at (t, child)->parent = parent;
}

void
node_detach (struct thread *t, uint32_t child) {
  struct node *node = node_at (t, child);
  uint32_t *first = node->parent == NONE ? &t->root : &node_at (t, node->parent)->child;
  uint32_t *last = node->parent == NONE ? &t->last_root : &node_at (t, node->parent)->last_child;
  if (node->previous == NONE)
    *first = node->next;
  else
    node_at (t, node->previous)->next = node->next;
  if (node->next == NONE)
    *last = node->previous;
  else
    node_at (t, node->next)->previous = node->previous;
  node->next = node->previous = node->parent = NONE;
}

static gint
by_date (gconstpointer a, gconstpointer b, gpointer user) {
  const struct node *left = node_at (user, *(const uint32_t *)a);
  const struct node *right = node_at (user, *(const uint32_t *)b);
  if (left->date != right->date)
    return left->date < right->date ? -1 : 1;
  return left->uid < right->uid ? -1 : left->uid > right->uid;
}

void
node_sort (struct thread *t, uint32_t parent) {
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  uint32_t first = parent == NONE ? t->root : node_at (t, parent)->child;
  for (uint32_t at = first; at != NONE; at = node_at (t, at)->next)
    g_array_append_val (list, at);
  if (list->len < 2)
    return;
  g_array_sort_with_data (list, by_date, t);
  if (parent == NONE)
    t->root = t->last_root = NONE;
  else
    node_at (t, parent)->child = node_at (t, parent)->last_child = NONE;
  for (guint i = 0; i < list->len; i++)
    node_append (t, parent, g_array_index (list, uint32_t, i));
}

/* The next "<...>" of a text, without the brackets; NULL: none. */
static const char *
next_id (const char **at, const char *end, size_t *size) {
  const char *start = memchr (*at, '<', (size_t)(end - *at)), *close;
  if (!start || !(close = memchr (start, '>', (size_t)(end - start))))
    return NULL;
  *at = close + 1;
  *size = (size_t)(close - start - 1);
  return start + 1;
}

/* Notes the nodes of the ids in a text, the last REFERENCES_MOST. */
static guint
note_references (struct thread *t, const char *text, size_t text_size, bool only_first) {
  const char *end = text + text_size, *id;
  guint count = 0, skip = 0;
  size_t size;
  for (const char *at = text; (id = next_id (&at, end, &size));)
    count++;
  if (count > REFERENCES_MOST)
    skip = count - REFERENCES_MOST;
  count = 0;
  for (const char *at = text; (id = next_id (&at, end, &size));) {
    if (skip > 0) {
      skip--;
      continue;
    }
    if (size == 0)
      continue;
    uint32_t node = node_of_id (t, id, size);
    g_array_append_val (t->references, node);
    count++;
    if (only_first)
      break;
  }
  return count;
}

/* The node of a message: that of its id, unless another message has it (RFC 5256: "duplicate"). */
static uint32_t
message_node (struct thread *t, struct ptn_bytes member) {
  g_autoptr (GString) text = g_string_new (NULL);
  bool nil;
  size_t size;
  if (t->algorithm != THREAD_ORDEREDSUBJECT && mime_string_read (&member, text, &nil) && !nil) {
    const char *at = text->str, *id = next_id (&at, text->str + text->len, &size);
    if (id && size > 0) {
      uint32_t node = node_of_id (t, id, size);
      if (node_at (t, node)->uid == 0)
        return node;
    }
  }
  return node_new (t);
}

static void
collect (void *user, uint32_t uid, const struct ptn_message *row,
         const struct mime_digest *digest) {
  struct thread *t = user;
  g_autoptr (GString) text = g_string_new (NULL);
  struct mime_envelope envelope = { 0 };
  bool nil, reply;
  if (digest && mime_envelope_open (digest->members[MIME_ENVELOPE], &envelope) != PTN_OK)
    envelope = (struct mime_envelope){ 0 };
  uint32_t number = message_node (t, envelope.members[MIME_MESSAGE_ID]);
  if (!mime_string_read (&envelope.members[MIME_SUBJECT], text, &nil))
    g_string_truncate (text, 0);
  g_autofree char *base = subject_base (text->str, text->len, &reply);
  g_autofree char *folded = comparator_folded (t->comparator, base, strlen (base), NULL);
  struct node *node = node_at (t, number);
  node->uid = uid;
  node->date = digest && digest->has_date ? digest->date : row->internal_date;
  node->reply = reply;
  node->subject = g_string_chunk_insert (t->strings, folded);
  if (t->algorithm == THREAD_ORDEREDSUBJECT)
    return;
  guint place = t->references->len + 1, count = 0;
  g_array_append_val (t->references, number);
  g_array_append_val (t->references, count);
  if (digest)
    count = note_references (t, digest->members[MIME_REFERENCES].data,
                             digest->members[MIME_REFERENCES].size, false);
  if (count == 0 && mime_string_read (&envelope.members[MIME_IN_REPLY_TO], text, &nil) && !nil)
    count = note_references (t, text->str, text->len, true); /* its first id */
  g_array_index (t->references, uint32_t, place) = count;
}

void
thread_collect (struct thread *t, struct search_run *run) {
  search_run_collect (run, PTN_FETCH_DATES, true, collect, t);
}

static void
put_id_of (struct session *s, const struct node *node) {
  put_number (&s->out, s->uid ? node->uid : selected_number (s, node->uid));
}

/* Threads are told without recursion: "(" and ")" by the stack of nodes that are open.
 *   a thread is "(" its nodes; a node with one child goes on behind a space, one with several has
 *   each in parentheses. */
static ptn_status
tell_threads (struct session *s, struct thread *t) {
  struct writer *w = &s->out;
  unsigned since = 0;
  while (t->at != NONE) {
    struct node *node = node_at (t, t->at);
    uint32_t parent = node->parent;
    bool alone = parent != NONE && node_at (t, parent)->child == t->at && node->next == NONE;
    /* A root, one of several children, or a child deeper than anybody reads. */
    if (!alone)
      put_char (w, '(');
    else if (node_at (t, parent)->uid)
      put_char (w, ' ');
    if (node->uid)
      put_id_of (s, node);
    if (node->child != NONE) {
      if (node->uid && node_at (t, node->child)->next != NONE)
        put_char (w, ' ');
      t->at = node->child;
    } else {
      /* Up to the next node that has a sibling. */
      for (;;) {
        node = node_at (t, t->at);
        parent = node->parent;
        alone = parent != NONE && node_at (t, parent)->child == t->at && node->next == NONE;
        if (!alone)
          put_char (w, ')');
        if (node->next != NONE) {
          t->at = node->next;
          break;
        }
        if (parent == NONE) {
          t->at = NONE;
          break;
        }
        t->at = parent;
      }
    }
    if (++since == 2000 && t->at != NONE)
      return session_room (s);
  }
  return PTN_END;
}

ptn_status
thread_tell (struct session *s) {
  struct search_work *work = s->work;
  struct thread *t = work->thread;
  if (!t->sorted) {
    if (t->algorithm == THREAD_ORDEREDSUBJECT)
      thread_by_subject (t);
    else
      thread_by_references (t);
    t->sorted = true;
    t->at = t->root;
    PUT (&s->out, "* THREAD");
    if (t->at != NONE)
      put_char (&s->out, ' ');
  }
  ptn_status status = tell_threads (s, t);
  if (status != PTN_END)
    return status;
  PUT (&s->out, "\r\n");
  answer_ok (s, NULL, "THREAD completed");
  return PTN_OK;
}

void
command_thread (struct session *s, struct reader *r) {
  static const char *const names[] = { "ORDEREDSUBJECT", "REFERENCES", "REFS" };
  struct search_work *work = search_work_new (s);
  const char *name = reader_space (r) ? reader_keyword (r) : NULL;
  unsigned i = 0;
  if (!name || !reader_space (r)) {
    answer_syntax (s, r);
    return;
  }
  while (i < G_N_ELEMENTS (names) && strcmp (names[i], name) != 0)
    i++;
  if (i == G_N_ELEMENTS (names)) {
    answer_bad (s, "an unknown threading algorithm");
    return;
  }
  work->thread = thread_new ((enum thread_algorithm)i, session_comparator (s));
  if (search_parsed (s, program_parse_criteria (work->program, r), r))
    search_start (s, NULL);
}
