/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c - see sort.h, and the SORT command. */
#include "search/sort.h"

#include "annotation/annotation.h"
#include "commands.h"
#include "common/mime/envelope.h"
#include "common/text/subject.h"
#include "common/text/words.h"
#include "search/search.h"
#include "selected/selected.h"

enum { CRITERIA = 16, STRING_MAX = 1024 };
enum criterion { ANNOTATION, ARRIVAL, CC, DATE, DISPLAY_FROM, DISPLAY_TO, FROM, SIZE, SUBJECT, TO };

/* A value of one message: a number, or a folded string. */
union value {
  int64_t number;
  struct {
    uint32_t offset, size; /* in sort.strings */
  };
};

struct sort {
  enum comparator comparator;
  unsigned count;
  struct {
    enum criterion criterion;
    bool reverse;
    char *name; /* of the annotation, as the store has it */
  } criteria[CRITERIA];
  unsigned annotation; /* the criterion whose annotations are read */
  const struct ptn_store *store;
  const struct ptn_host *host;
  struct ptn_call call;
  struct ptn_cursor *cursor;
  GArray *uids;   /* uint32_t, ascending, as they were found */
  GArray *values; /* union value: `count` of each message */
  GString *strings;
  GString *text; /* for one value */
  struct mime_envelope_address address;
};

static bool
is_string (enum criterion c) {
  return c != ARRIVAL && c != DATE && c != SIZE;
}

static void
free_names (struct sort *sort) {
  for (unsigned i = 0; i < sort->count; i++)
    g_free (sort->criteria[i].name);
}

struct sort *
sort_parse (struct reader *r, enum comparator comparator) {
  static const struct {
    const char *name;
    enum criterion criterion;
  } names[] = { { "ANNOTATION", ANNOTATION },
                { "ARRIVAL", ARRIVAL },
                { "CC", CC },
                { "DATE", DATE },
                { "DISPLAYFROM", DISPLAY_FROM },
                { "DISPLAYTO", DISPLAY_TO },
                { "FROM", FROM },
                { "SIZE", SIZE },
                { "SUBJECT", SUBJECT },
                { "TO", TO } };
  struct sort *sort = g_new0 (struct sort, 1);
  sort->comparator = comparator;
  if (!reader_expect (r, '('))
    goto failed;
  do {
    const char *word = reader_keyword (r);
    bool reverse = word && strcmp (word, "REVERSE") == 0;
    if (reverse)
      word = reader_space (r) ? reader_keyword (r) : NULL;
    if (!word)
      goto failed;
    size_t i = 0;
    while (i < G_N_ELEMENTS (names) && strcmp (names[i].name, word) != 0)
      i++;
    if (i == G_N_ELEMENTS (names) || sort->count == CRITERIA) {
      reader_fail (r, sort->count == CRITERIA ? "too many sort criteria"
                                              : "an unknown sort criterion");
      goto failed;
    }
    sort->criteria[sort->count].criterion = names[i].criterion;
    sort->criteria[sort->count].reverse = reverse;
    const char *name = NULL;
    if (names[i].criterion == ANNOTATION && (!reader_space (r) || !annotation_read_sort (r, &name)))
      goto failed;
    sort->criteria[sort->count++].name = g_strdup (name);
  } while (reader_accept (r, ' '));
  if (!reader_expect (r, ')'))
    goto failed;
  sort->uids = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  sort->values = g_array_new (FALSE, FALSE, sizeof (union value));
  sort->strings = g_string_new (NULL);
  sort->text = g_string_new (NULL);
  sort->address = (struct mime_envelope_address){ .name = g_string_new (NULL),
                                                  .route = g_string_new (NULL),
                                                  .mailbox = g_string_new (NULL),
                                                  .host = g_string_new (NULL) };
  return sort;
failed:
  free_names (sort);
  g_free (sort);
  return NULL;
}

void
sort_free (struct sort **pointer) {
  struct sort *sort = *pointer;
  if (!sort)
    return;
  if (sort->cursor)
    sort->store->close_cursor (sort->cursor);
  if (sort->host)
    sort->host->call_end (&sort->call);
  free_names (sort);
  g_array_unref (sort->uids);
  g_array_unref (sort->values);
  g_string_free (sort->strings, TRUE);
  g_string_free (sort->text, TRUE);
  g_string_free (sort->address.name, TRUE);
  g_string_free (sort->address.route, TRUE);
  g_string_free (sort->address.mailbox, TRUE);
  g_string_free (sort->address.host, TRUE);
  g_free (sort);
  *pointer = NULL;
}

void
sort_reset (struct sort *sort) {
  g_array_set_size (sort->uids, 0);
  g_array_set_size (sort->values, 0);
  g_string_truncate (sort->strings, 0);
}

/* The first address: its mailbox (RFC 5256 section 3), or how it is shown (RFC 5957 section 3). */
static void
add_address (struct sort *sort, struct ptn_bytes list, bool display) {
  struct mime_envelope_address *a = &sort->address;
  bool group;
  if (!mime_envelope_address_next (&list, a))
    return;
  group = a->has_mailbox && !a->has_host; /* its name is the mailbox */
  if (!display) {
    if (group && !mime_envelope_address_next (&list, a))
      return;
    if (a->has_mailbox)
      g_string_append_len (sort->text, a->mailbox->str, (gssize)a->mailbox->len);
    return;
  }
  if (group)
    words_decode (a->mailbox->str, a->mailbox->len, sort->text);
  else if (a->has_name && a->name->len)
    words_decode (a->name->str, a->name->len, sort->text);
  else if (a->has_mailbox) {
    g_string_append_len (sort->text, a->mailbox->str, (gssize)a->mailbox->len);
    if (a->host->len) {
      g_string_append_c (sort->text, '@');
      g_string_append_len (sort->text, a->host->str, (gssize)a->host->len);
    }
  }
}

static void
add_subject (struct sort *sort, struct ptn_bytes member) {
  g_autoptr (GString) subject = g_string_new (NULL);
  bool nil;
  if (!mime_string_read (&member, subject, &nil) || nil)
    return;
  g_autofree char *base = subject_base (subject->str, subject->len, NULL);
  g_string_append (sort->text, base);
}

static union value
string_value (struct sort *sort, enum criterion c, const struct mime_envelope *envelope) {
  union value value = { .offset = (uint32_t)sort->strings->len };
  g_string_truncate (sort->text, 0);
  switch (c) {
  case SUBJECT:
    add_subject (sort, envelope->members[MIME_SUBJECT]);
    break;
  case FROM:
  case DISPLAY_FROM:
    add_address (sort, envelope->members[MIME_FROM], c == DISPLAY_FROM);
    break;
  case TO:
  case DISPLAY_TO:
    add_address (sort, envelope->members[MIME_TO], c == DISPLAY_TO);
    break;
  default:
    add_address (sort, envelope->members[MIME_CC], false);
  }
  /* What is longer than that is told apart by its beginning; all strings stay below 4 GB. */
  if (sort->strings->len < UINT32_MAX / 2)
    comparator_fold (sort->comparator, sort->text->str, MIN (sort->text->len, STRING_MAX),
                     sort->strings);
  value.size = (uint32_t)(sort->strings->len - value.offset);
  return value;
}

static void
collect (void *user, uint32_t uid, const struct ptn_message *row,
         const struct mime_digest *digest) {
  struct sort *sort = user;
  struct mime_envelope envelope = { 0 };
  if (digest && mime_envelope_open (digest->members[MIME_ENVELOPE], &envelope) != PTN_OK)
    envelope = (struct mime_envelope){ 0 };
  g_array_append_val (sort->uids, uid);
  for (unsigned i = 0; i < sort->count; i++) {
    enum criterion c = sort->criteria[i].criterion;
    union value value = { .number = row->internal_date };
    if (c == ANNOTATION)
      value = (union value){ .offset = 0 };
    else if (is_string (c))
      value = string_value (sort, c, &envelope);
    else if (c == SIZE)
      value.number = (int64_t)row->octets;
    else if (c == DATE && digest && digest->has_date) /* else INTERNALDATE, section 2.2 */
      value.number = digest->date;
    g_array_append_val (sort->values, value);
  }
}

void
sort_collect (struct sort *sort, struct search_run *run) {
  uint32_t items = PTN_FETCH_DATES;
  bool digest = false;
  for (unsigned i = 0; i < sort->count; i++) {
    enum criterion c = sort->criteria[i].criterion;
    digest |= c != ARRIVAL && c != SIZE && c != ANNOTATION;
    items |= c == SIZE ? PTN_FETCH_SIZE : 0;
  }
  search_run_collect (run, items, digest, collect, sort);
}

bool
sort_has_annotations (const struct sort *sort) {
  for (unsigned i = 0; i < sort->count; i++)
    if (sort->criteria[i].criterion == ANNOTATION)
      return true;
  return false;
}

/* The value of one message, if that was found. */
static void
take_annotation (struct sort *sort, const struct ptn_annotation *row) {
  const uint32_t *uids = (const uint32_t *)(void *)sort->uids->data;
  size_t low = 0, high = sort->uids->len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (uids[middle] < row->uid)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == sort->uids->len || uids[low] != row->uid || sort->strings->len > UINT32_MAX / 2)
    return;
  union value *value =
      &g_array_index (sort->values, union value, low * sort->count + sort->annotation);
  value->offset = (uint32_t)sort->strings->len;
  comparator_fold (sort->comparator, row->value.data, MIN (row->value.size, (size_t)STRING_MAX),
                   sort->strings);
  value->size = (uint32_t)(sort->strings->len - value->offset);
}

/* All of one criterion. */
static ptn_status
read_annotations (struct sort *sort, struct session *s) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status = PTN_OK;
  sort->call.task = s->task;
  if (!sort->cursor)
    status = store->annotations (s->user->account, &sort->call, &s->selected->mailbox,
                                 (struct ptn_uid_set){ 0 }, 1,
                                 sort->criteria[sort->annotation].name, &sort->cursor);
  while (status == PTN_OK) {
    status = store->next_annotation (sort->cursor, &sort->call, &row);
    if (status != PTN_OK)
      break;
    take_annotation (sort, row);
    s->imap4->host->call_end (&sort->call);
  }
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&sort->call);
  if (sort->cursor)
    store->close_cursor (sort->cursor);
  sort->cursor = NULL;
  return status;
}

ptn_status
sort_annotations (struct sort *sort, struct session *s) {
  sort->store = s->imap4->store;
  sort->host = s->imap4->host;
  if (!PTN_CAN (sort->store, annotations))
    return PTN_END;
  for (; sort->annotation < sort->count; sort->annotation++) {
    if (sort->criteria[sort->annotation].criterion != ANNOTATION)
      continue;
    ptn_status status = read_annotations (sort, s);
    if (status != PTN_END)
      return status;
  }
  return PTN_END;
}

static int
compare_value (const struct sort *sort, enum criterion c, union value a, union value b) {
  if (!is_string (c))
    return a.number < b.number ? -1 : a.number > b.number;
  int order =
      memcmp (sort->strings->str + a.offset, sort->strings->str + b.offset, MIN (a.size, b.size));
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static gint
compare (gconstpointer left, gconstpointer right, gpointer user) {
  const struct sort *sort = user;
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  const union value *values = (const union value *)(void *)sort->values->data;
  for (unsigned i = 0; i < sort->count; i++) {
    int order =
        compare_value (sort, sort->criteria[i].criterion, values[(size_t)a * sort->count + i],
                       values[(size_t)b * sort->count + i]);
    if (order != 0)
      return sort->criteria[i].reverse ? -order : order;
  }
  return a < b ? -1 : a > b; /* by message number, section 3 */
}

void
sort_order (struct sort *sort, GArray *uids) {
  guint count = sort->uids->len;
  g_autoptr (GArray) places = g_array_sized_new (FALSE, FALSE, sizeof (uint32_t), count);
  for (uint32_t i = 0; i < count; i++)
    g_array_append_val (places, i);
  g_array_sort_with_data (places, compare, sort);
  g_array_set_size (uids, 0);
  for (guint i = 0; i < count; i++)
    g_array_append_val (uids,
                        g_array_index (sort->uids, uint32_t, g_array_index (places, uint32_t, i)));
}

void
command_sort (struct session *s, struct reader *r) {
  struct search_work *work = search_work_new (s);
  work->word = "SORT";
  if (!reader_space (r) || !results_parse (r, &work->results)
      || !(work->sort = sort_parse (r, session_comparator (s))) || !reader_space (r)) {
    answer_syntax (s, r);
    return;
  }
  if (search_parsed (s, program_parse_criteria (work->program, r), r))
    search_start (s, NULL);
}
