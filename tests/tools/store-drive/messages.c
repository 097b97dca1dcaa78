/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - what can be read of messages: views, rows, octets, annotations. */
#include "drive.h"

ptn_status
run_view (struct session *s) {
  bool rows = word_is (s, 2, "rows");

  PASS (take_mailbox (s));
  if (s->stage == 2) {
    PASS (s->drive->store->view (s->account, &s->call, &s->id[0], &s->view));
    s->limit = (uint64_t)(s->drive->host->monotonic_ns () - s->began) / 1000;
    s->stage = 3;
  }
  for (; rows && s->messages < s->view->count; s->messages++) {
    PASS (room_for_more (s));
    put (s, "*");
    put_number (s, s->view->uid[s->messages]);
    put_number (s, s->view->flags[s->messages]);
    put_number (s, s->view->message_modseq[s->messages]);
    put (s, "\n");
  }
  put (s, "OK");
  put_number (s, s->view->count);
  put_number (s, s->view->modseq);
  put_number (s, s->limit);
  for (size_t i = 0; i < s->view->keywords.count; i++)
    put_word (s, s->view->keywords.items[i], strlen (s->view->keywords.items[i]));
  put (s, "\n");
  return PTN_OK;
}

static void
put_row (struct session *s, const struct ptn_message *row) {
  put (s, "*");
  put_number (s, row->uid);
  put_number (s, row->flags);
  put_number (s, row->modseq);
  put_number (s, row->octets);
  put_signed (s, row->internal_date);
  put_signed (s, row->save_date);
  put_number (s, row->unterminated);
  if (s->fetch.items & row->items & PTN_FETCH_IDS) {
    put_id (s, &row->email_id);
    put_id (s, &row->thread_id);
  }
  if (s->fetch.items & row->items & PTN_FETCH_DIGEST)
    put_value (s, row->digest);
  put (s, "\n");
}

/* Of all rows, so that a listing can be compared without being sent. */
static void
add_row (struct session *s, const struct ptn_message *row) {
  s->sum += row->uid + row->flags * 3 + row->modseq * 5 + row->octets * 7
            + (uint64_t)row->internal_date * 11;
}

static ptn_status
open_fetch (struct session *s) {
  if (s->stage == 2) {
    s->fetch = (struct ptn_fetch){ .size = sizeof s->fetch,
                                   .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES
                                            | PTN_FETCH_SIZE };
    if (s->count > 2 ? !set_of (s, 2) : !(g_array_set_size (s->set, 0)))
      return PTN_E_INVALID;
    for (unsigned i = 3; i < s->count; i++)
      if (word_is (s, i, "ids"))
        s->fetch.items |= PTN_FETCH_IDS;
      else if (word_is (s, i, "digest"))
        s->fetch.items |= PTN_FETCH_DIGEST;
      else if (!word_is (s, i, "count") && !number_of (s, i, &s->fetch.changed_since))
        return PTN_E_INVALID;
    s->fetch.uids = (struct ptn_uid_set){ (void *)s->set->data, s->set->len };
    s->stage = 3;
  }
  if (s->stage == 3) {
    PASS (s->drive->store->fetch (s->account, &s->call, &s->id[0], &s->fetch, &s->cursor));
    s->stage = 4;
  }
  return PTN_OK;
}

ptn_status
run_fetch (struct session *s) {
  bool quiet = word_is (s, s->count - 1, "count");
  ptn_status status;
  size_t count;

  PASS (take_mailbox (s));
  PASS (open_fetch (s));
  while ((status = room_for_more (s)) == PTN_OK
         && (status = s->drive->store->next_messages (s->cursor, &s->call, s->rows,
                                                      G_N_ELEMENTS (s->rows), &count))
                == PTN_OK) {
    for (size_t i = 0; i < count; i++)
      if (quiet)
        add_row (s, s->rows[i]);
      else
        put_row (s, s->rows[i]);
    s->messages += count;
  }
  if (status != PTN_END)
    return status;
  put (s, "OK");
  put_number (s, s->messages);
  put_number (s, s->sum);
  put_time (s);
  put (s, "\n");
  return PTN_OK;
}

/* MAILBOX UID [OFFSET LENGTH]: stage 0 to 3, then s->reading is there. */
static ptn_status
open_read (struct session *s) {
  uint64_t uid, offset = 0, length = UINT64_MAX;

  PASS (take_mailbox (s));
  if (s->stage > 2)
    return PTN_OK;
  if (!number_of (s, 2, &uid) || uid > UINT32_MAX || (s->count > 3 && !number_of (s, 3, &offset))
      || (s->count > 4 && !number_of (s, 4, &length)))
    return PTN_E_INVALID;
  PASS (s->drive->store->read (s->account, &s->call, &s->id[0], (uint32_t)uid, offset, length,
                               &s->reading));
  s->stage = 3;
  return PTN_OK;
}

/* The octets of a chunk: those in memory as they are, those in a file read into it. */
static bool
chunk_octets (struct ptn_chunk *chunk, const char **data, char **copy) {
  *copy = NULL;
  *data = chunk->data;
  if (chunk->data)
    return true;
  *copy = g_malloc (chunk->size);
  *data = *copy;
  for (size_t at = 0; at < chunk->size;) {
    ssize_t size =
        pread (chunk->fd, *copy + at, chunk->size - at, (off_t)(chunk->file_offset + (int64_t)at));

    if (size <= 0)
      return false;
    at += (size_t)size;
  }
  return true;
}

typedef void take_octets (struct session *, const char *data, size_t size);

static ptn_status
read_all (struct session *s, size_t piece, take_octets *take) {
  struct ptn_chunk chunk;
  ptn_status status;

  while ((status = room_for_more (s)) == PTN_OK
         && (status = s->reading->ops->read (s->reading, s->task, piece, &chunk)) == PTN_OK) {
    const char *data;
    char *copy;
    bool good = chunk_octets (&chunk, &data, &copy);

    if (good)
      take (s, data, chunk.size);
    s->octets += chunk.size;
    g_free (copy);
    if (chunk.release)
      chunk.release (chunk.owner);
    if (!good)
      return PTN_E_CORRUPT;
  }
  return status == PTN_END ? PTN_OK : status;
}

static void
take_for_peer (struct session *s, const char *data, size_t size) {
  put (s, "+");
  put_number (s, size);
  put (s, "\n");
  g_string_append_len (s->out, data, (gssize)size);
}

static void
take_for_crc (struct session *s, const char *data, size_t size) {
  s->crc = crc_add (s->drive, s->crc, data, size);
}

static void
take_for_sha (struct session *s, const char *data, size_t size) {
  g_checksum_update (s->checksum, (const guchar *)data, (gssize)size);
}

ptn_status
run_read (struct session *s) {
  PASS (open_read (s));
  PASS (read_all (s, 32768, take_for_peer));
  put (s, "OK");
  put_number (s, s->octets);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_crc (struct session *s) {
  PASS (open_read (s));
  PASS (read_all (s, 65536, take_for_crc));
  put (s, "OK");
  put_number (s, s->octets);
  g_string_append_printf (s->out, " %08x\n", s->crc);
  return PTN_OK;
}

ptn_status
run_sha (struct session *s) {
  PASS (open_read (s));
  if (!s->checksum)
    s->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  PASS (read_all (s, 65536, take_for_sha));
  put (s, "OK");
  put_number (s, s->octets);
  put (s, " ");
  put (s, g_checksum_get_string (s->checksum));
  put (s, "\n");
  return PTN_OK;
}

/* --- scan: every octet of a mailbox ------------------------------------------------------ */

static void
take_nothing (struct session *s, const char *data, size_t size) {
  /* One octet of each page, as somebody who looks at it all would fetch it. */
  for (size_t i = 0; i < size; i += 64)
    s->sum += (unsigned char)data[i];
}

ptn_status
run_scan (struct session *s) {
  const struct ptn_store *store = s->drive->store;
  ptn_status status = PTN_OK;
  size_t count;

  PASS (take_mailbox (s));
  PASS (open_fetch (s));
  while (status == PTN_OK) {
    if (!s->reading) {
      if (s->limit == s->messages) { /* the next row */
        status = store->next_messages (s->cursor, &s->call, s->rows, 1, &count);
        if (status != PTN_OK)
          break;
        s->limit += count;
        s->uid = count > 0 ? s->rows[0]->uid : 0;
        if (count == 0)
          continue;
        s->drive->host->call_end (&s->call);
      }
      status = store->read (s->account, &s->call, &s->id[0], s->uid, 0, UINT64_MAX, &s->reading);
      if (status != PTN_OK)
        break;
    }
    status = read_all (s, SIZE_MAX, take_nothing);
    if (status != PTN_OK)
      break;
    s->reading->ops->close (s->reading);
    s->reading = NULL;
    s->messages++;
  }
  if (status != PTN_END)
    return status;
  put (s, "OK");
  put_number (s, s->messages);
  put_number (s, s->octets);
  put_time (s);
  put (s, "\n");
  return PTN_OK;
}

/* --- annotations ------------------------------------------------------------------------ */

ptn_status
run_annotations (struct session *s) {
  const struct ptn_store *store = s->drive->store;
  const struct ptn_annotation *row;
  bool of_account = word_is (s, 1, "-");
  ptn_status status;

  if (of_account && s->stage < 2)
    s->stage = 2;
  PASS (take_mailbox (s));
  if (s->stage == 2) {
    if (!set_of (s, 2))
      return PTN_E_INVALID;
    s->stage = 3;
  }
  if (s->stage == 3) {
    PASS (store->annotations (s->account, &s->call, of_account ? NULL : &s->id[0],
                              (struct ptn_uid_set){ (void *)s->set->data, s->set->len },
                              word_is (s, 2, "all"), s->count > 3 ? s->words[3] : NULL,
                              &s->cursor));
    s->stage = 4;
  }
  while ((status = room_for_more (s)) == PTN_OK
         && (status = store->next_annotation (s->cursor, &s->call, &row)) == PTN_OK) {
    put (s, "*");
    put_number (s, row->uid);
    put_word (s, row->name, strlen (row->name));
    put_value (s, row->value);
    put (s, "\n");
    s->messages++;
  }
  if (status != PTN_END)
    return status;
  put (s, "OK");
  put_number (s, s->messages);
  put (s, "\n");
  return PTN_OK;
}

/* --- what a session remembers, and what the store ------------------------------------------- */

ptn_status
run_vanished (struct session *s) {
  struct ptn_uid_set gone = { NULL, 0 };

  STORE_CAN (s, vanished);
  PASS (take_mailbox (s));
  if (s->stage == 2) {
    if (!number_of (s, 2, &s->limit) || (s->count > 3 && !set_of (s, 3)))
      return PTN_E_INVALID;
    s->uids = (struct ptn_uid_set){ (void *)s->set->data, s->set->len };
    s->stage = 3;
  }
  PASS (s->drive->store->vanished (s->account, &s->call, &s->id[0], s->limit,
                                   s->count > 3 ? &s->uids : NULL, &gone));
  put (s, "OK");
  put_set (s, gone);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_recent (struct session *s) {
  uint32_t first;

  STORE_CAN (s, claim_recent);
  PASS (take_mailbox (s));
  PASS (s->drive->store->claim_recent (s->account, &s->call, &s->id[0], &first));
  put (s, "OK");
  put_number (s, first);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_remember (struct session *s) {
  struct ptn_bytes digest;
  uint64_t uid;

  STORE_CAN (s, remember);
  PASS (take_mailbox (s));
  if (!number_of (s, 2, &uid) || uid > UINT32_MAX || !value_of (s, 3, &digest))
    return PTN_E_INVALID;
  s->drive->store->remember (s->account, &s->id[0], (uint32_t)uid, digest);
  return put_ok (s);
}
