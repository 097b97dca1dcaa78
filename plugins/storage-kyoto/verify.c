/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.c - see verify.h. */
#include "verify.h"

#include "base.h"
#include "big.h"
#include "compact.h"
#include "body.h"
#include "codec.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEMS_MAX = 10000, TRIES = 3 };

void
problem_free (void *argument) {
  struct problem *problem = argument;

  g_free (problem->where);
  g_free (problem->what);
  g_free (problem);
}

void
verify_add (GPtrArray *problems, const struct shard *shard, char *where, const char *format, ...) {
  struct problem *problem;
  va_list arguments;

  if (problems->len >= PROBLEMS_MAX) {
    g_free (where);
    return;
  }
  problem = g_new0 (struct problem, 1);
  problem->shard = shard->number;
  problem->where = where;
  va_start (arguments, format);
  problem->what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_ptr_array_add (problems, problem);
}

static struct position
current_position (struct shard *shard) {
  struct position position;

  pthread_rwlock_rdlock (&shard->index.lock);
  position = shard->index.position;
  pthread_rwlock_unlock (&shard->index.lock);
  return position;
}

GArray *
verify_segments (const struct shard *shard) {
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  struct position position = current_position ((struct shard *)(uintptr_t)shard);
  g_autoptr (GArray) segments = log_segments (shard);

  for (guint i = 0; i < segments->len; i++) {
    uint32_t number = g_array_index (segments, struct segment_info, i).number;

    if (number <= position.segment)
      g_array_append_val (numbers, number);
  }
  return numbers;
}

/* Is what is compressed in the log what its record says? */
static const char *
check_packed (const struct shard *shard, const struct walk_step *step) {
  const struct record *record = &step->record;
  g_autofree uint8_t *out = NULL;
  uint64_t octets;

  if (!step->body || record->codec == CODEC_RAW)
    return NULL;
  if (!codec_known (record->codec))
    return "a body in a codec that this build cannot read";
  if (!codec_octets (step->body, record->stored, &octets) || octets > BODY_INLINE_MAX
      || (record->type == RECORD_DELIVER && octets != record->message.octets))
    return "a compressed body of a wrong size";
  out = g_malloc (octets);
  return codec_unpack (shard->store->codec, record->codec, step->body, record->stored, out, octets)
                 == PTN_OK
             ? NULL
             : "a body that cannot be decompressed";
}

void
verify_segment (struct shard *shard, uint32_t number, uint64_t *lsn, GPtrArray *problems,
                struct verify_counts *counts) {
  g_autofree char *name = segment_name (shard, number);
  g_autofree char *previous = segment_name (shard, number - 1);
  g_autofree char *base = g_path_get_basename (name);
  struct walk *walk = walk_new (shard, number);
  const struct walk_step *step;

  if (!walk && errno == ENOENT)
    return; /* compacted away since it was listed */
  if (!g_file_test (previous, G_FILE_TEST_EXISTS))
    *lsn = 0; /* it was compacted away */
  if (!walk)
    verify_add (problems, shard, g_strdup (base), "cannot be read: %s", g_strerror (errno));
  else if (!walk_header_good (walk))
    verify_add (problems, shard, g_strdup (base), "has a wrong header");
  while (walk && (step = walk_next (walk))) {
    const char *why = step->why ? step->why : check_packed (shard, step);

    if (step->record.lsn > 0) {
      if (!why && *lsn != 0 && step->record.lsn != *lsn)
        why = "a record out of sequence";
      *lsn = step->record.lsn + 1;
      counts->records++;
    }
    if (why)
      verify_add (problems, shard, g_strdup_printf ("%s at %" PRIu64, base, step->at), "%s", why);
  }
  counts->segments++;
  counts->log_octets += walk ? walk_size (walk) : 0;
  walk_free (&walk);
}

struct survey {
  struct shard *shard;
  GPtrArray *problems;
  struct verify_counts *counts;
  GHashTable *mailboxes; /* user<<32|mailbox -> struct mailbox_row: as added up */
  GHashTable *users;     /* user -> struct user_row: as added up */
  GHashTable *bodies;    /* body id -> references as added up */
  GHashTable *segments;  /* number -> struct segment_row: as added up */
  struct key last;
  uint64_t rows;
};

static void *
slot (GHashTable *table, uint64_t key, size_t size) {
  void *value = g_hash_table_lookup (table, &key);

  if (!value) {
    value = g_malloc0 (size);
    g_hash_table_insert (table, g_memdup2 (&key, sizeof key), value);
  }
  return value;
}

static bool
message (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct survey *survey = argument;
  uint64_t user = key_number (key, key_size, AT_USER);
  uint64_t id = user << 32 | key_number (key, key_size, AT_MAILBOX);
  uint32_t uid = key_number (key, key_size, AT_UID);
  struct mailbox_row *mailbox = slot (survey->mailboxes, id, sizeof *mailbox);
  struct user_row *account = slot (survey->users, user, sizeof *account);
  struct message_row row;

  survey->last.size = (uint32_t)MIN (key_size, sizeof survey->last.octets - 1);
  memcpy (survey->last.octets, key, survey->last.size);
  survey->rows++;
  if (!message_row_get (READER (value, size), &row)) {
    verify_add (survey->problems, survey->shard, g_strdup_printf ("uid %u", uid),
                "a message's row makes no sense");
    return true;
  }
  mailbox->messages++;
  mailbox->unseen += !(row.flags & PTN_SEEN);
  mailbox->deleted += (row.flags & PTN_DELETED) != 0;
  mailbox->octets += row.octets;
  mailbox->uid_sum += uid;
  mailbox->uidnext = MAX (mailbox->uidnext, uid + 1);
  mailbox->modseq = MAX (mailbox->modseq, row.modseq);
  account->messages++;
  account->octets += row.octets;
  ++*(uint64_t *)slot (survey->bodies, row.body, sizeof (uint64_t));
  survey->counts->messages++;
  survey->counts->octets += row.octets;
  return true;
}

static bool
mailbox (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct survey *survey = argument;
  uint64_t user = key_number (key, key_size, AT_USER);
  uint64_t id = user << 32 | key_number (key, key_size, AT_MAILBOX);
  const struct mailbox_row *sum = slot (survey->mailboxes, id, sizeof *sum);
  char *where = g_strdup_printf ("account %" PRIu64 " mailbox %u", user, (uint32_t)id);
  struct mailbox_row row;

  if ((uint32_t)id == 0) {
    const struct user_row *account = slot (survey->users, user, sizeof *account);
    struct user_row own;

    survey->counts->accounts++;
    if (!user_row_get (READER (value, size), &own))
      verify_add (survey->problems, survey->shard, where, "the account's row makes no sense");
    else if (own.octets != account->octets || own.messages != account->messages)
      verify_add (survey->problems, survey->shard, where, "the account's counts are wrong");
    else
      g_free (where);
    return true;
  }
  survey->counts->mailboxes++;
  if (!mailbox_row_get (READER (value, size), &row))
    verify_add (survey->problems, survey->shard, where, "the mailbox's row makes no sense");
  else if (row.messages != sum->messages || row.unseen != sum->unseen || row.deleted != sum->deleted
           || row.octets != sum->octets || row.uid_sum != sum->uid_sum)
    verify_add (survey->problems, survey->shard, where,
                "counts %u messages, has %u (or other counts differ)", row.messages, sum->messages);
  else if (row.uidnext < sum->uidnext || row.modseq < sum->modseq)
    verify_add (survey->problems, survey->shard, where, "UIDNEXT or modseq is behind its messages");
  else
    g_free (where);
  return true;
}

/* Is the body where its row says? */
static void
check_place (struct survey *survey, uint64_t id, const struct body_row *row) {
  struct shard *shard = survey->shard;
  struct stat status;

  if (row->attributes & BODY_BIG) {
    struct big_reader *reader = big_reader_new (shard, row);
    g_autofree uint8_t *data = g_malloc (BIG_PIECE);

    for (uint64_t piece = 0; reader && big_reader_size (reader, piece) > 0; piece++)
      if (big_reader_piece (reader, piece, data) != PTN_OK) {
        verify_add (survey->problems, shard, g_strdup_printf ("body %" PRIu64, id),
                    "piece %" PRIu64 " of its file is corrupt", piece);
        break;
      }
    if (!reader)
      verify_add (survey->problems, shard, g_strdup_printf ("body %" PRIu64, id),
                  "its file is missing or damaged");
    big_reader_free (&reader);
  } else {
    struct segment_file *file = segment_take (shard, row->segment);

    if (!file || fstat (file->fd, &status) != 0
        || (uint64_t)status.st_size < row->offset + row->stored)
      verify_add (survey->problems, shard, g_strdup_printf ("body %" PRIu64, id),
                  "lies outside of its segment");
    if (file)
      segment_give (shard, file);
  }
}

struct found_body {
  uint64_t id;
  struct body_row row;
};

static bool
body (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  GArray *found = argument;
  struct found_body body = {
    (uint64_t)key_number (key, key_size, 1) << 32 | key_number (key, key_size, 5), { 0 }
  };

  if (!body_row_get (READER (value, size), &body.row))
    body.row.references = 0;
  g_array_append_val (found, body);
  return true;
}

static void
check_bodies (struct survey *survey, GArray *found) {
  GHashTableIter iterator;
  void *key, *count;

  for (guint i = 0; i < found->len; i++) {
    const struct found_body *one = &g_array_index (found, struct found_body, i);
    const uint64_t *references = g_hash_table_lookup (survey->bodies, &one->id);

    survey->counts->bodies++;
    if (!references || *references != one->row.references)
      verify_add (survey->problems, survey->shard, g_strdup_printf ("body %" PRIu64, one->id),
                  "has %u references, is used by %" PRIu64, one->row.references,
                  references ? *references : 0);
    check_place (survey, one->id, &one->row);
    if (!(one->row.attributes & BODY_BIG)) {
      struct segment_row *sum = slot (survey->segments, one->row.segment, sizeof *sum);

      sum->live += one->row.stored;
      sum->bodies++;
    }
    g_hash_table_remove (survey->bodies, &one->id);
  }
  g_hash_table_iter_init (&iterator, survey->bodies);
  while (g_hash_table_iter_next (&iterator, &key, &count))
    verify_add (survey->problems, survey->shard,
                g_strdup_printf ("body %" PRIu64, *(const uint64_t *)key),
                "messages name it: it is not there");
}

/* Do the counts of live bodies agree with the bodies? */
static bool
segment (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct survey *survey = argument;
  uint64_t number = key_number (key, key_size, 1);
  struct segment_row row = { 0, 0 }, *sum = slot (survey->segments, number, sizeof *sum);

  if (!segment_row_get (READER (value, size), &row) || row.live != sum->live
      || row.bodies != sum->bodies)
    verify_add (survey->problems, survey->shard, g_strdup_printf ("log.%08u", (uint32_t)number),
                "counts %" PRIu64 " live bodies, has %" PRIu64 " (or octets differ)", row.bodies,
                sum->bodies);
  sum->live = sum->bodies = 0;
  return true;
}

static void
check_segments (struct survey *survey) {
  GHashTableIter iterator;
  void *key, *value;

  g_hash_table_iter_init (&iterator, survey->segments);
  while (g_hash_table_iter_next (&iterator, &key, &value)) {
    const struct segment_row *sum = value;

    if (sum->bodies > 0)
      verify_add (survey->problems, survey->shard,
                  g_strdup_printf ("log.%08u", (uint32_t) * (const uint64_t *)key),
                  "has %" PRIu64 " live bodies that are not counted", sum->bodies);
  }
}

static ptn_status
scan_kind (struct shard *shard, enum key_kind kind, size_t limit, const struct key *from,
           index_row *row, void *argument) {
  struct key start, end;

  start.size = end.size = 1;
  start.octets[0] = (uint8_t)kind;
  end.octets[0] = (uint8_t)kind + 1;
  return index_scan (&shard->index, NULL, from ? from : &start, &end, limit, row, argument);
}

/* One attempt; PTN_E_CORRUPT: rows are rotten. */
static ptn_status
survey_run (struct survey *survey) {
  g_autoptr (GArray) bodies = g_array_new (FALSE, FALSE, sizeof (struct found_body));
  struct key from;
  ptn_status status = PTN_OK;

  from.size = 1;
  from.octets[0] = KEY_MESSAGE;
  while (status == PTN_OK) {
    status = scan_kind (survey->shard, KEY_MESSAGE, 4096, &from, message, survey);
    from = survey->last;
    from.octets[from.size++] = 0; /* behind the last row */
  }
  if (status == PTN_END)
    status = scan_kind (survey->shard, KEY_MAILBOX, SIZE_MAX, NULL, mailbox, survey);
  if (status == PTN_END)
    status = scan_kind (survey->shard, KEY_BODY, SIZE_MAX, NULL, body, bodies);
  if (status == PTN_END) {
    check_bodies (survey, bodies);
    status = scan_kind (survey->shard, KEY_SEGMENT, SIZE_MAX, NULL, segment, survey);
  }
  if (status == PTN_END)
    check_segments (survey);
  return status == PTN_END ? verify_kept (survey->shard, survey->problems) : status;
}

bool
verify_index (struct shard *shard, GPtrArray *problems, struct verify_counts *counts) {
  uint32_t base;
  uint64_t lost = base_damage (shard, &base);
  guint before;
  struct verify_counts start = *counts;

  if (lost > 0) {
    verify_add (problems, shard, g_strdup_printf ("base.%08u", base),
                "%" PRIu64 " of its records are damaged: another one is written", lost);
    compactor_poke (shard->store);
  }
  before = problems->len;
  for (int try = 1; try <= TRIES; try++) {
    uint64_t lsn = current_position (shard).lsn;
    struct survey survey = { .shard = shard, .problems = problems, .counts = counts };
    ptn_status status;

    *counts = start;
    survey.mailboxes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
    survey.users = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
    survey.bodies = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
    survey.segments = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
    survey.last.size = 0;
    status = survey_run (&survey);
    g_hash_table_unref (survey.mailboxes);
    g_hash_table_unref (survey.users);
    g_hash_table_unref (survey.bodies);
    g_hash_table_unref (survey.segments);
    if (status == PTN_E_CORRUPT) {
      verify_add (problems, shard, g_strdup ("index"), "a row has a wrong checksum");
      return true;
    }
    /* What changed under our eyes is no problem: look again. */
    if (problems->len == before || current_position (shard).lsn == lsn)
      return true;
    g_ptr_array_set_size (problems, (gint)before);
  }
  return false;
}
