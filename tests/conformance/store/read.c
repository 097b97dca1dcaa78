/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - the octets of messages. */
#include "kit.h"

#include <unistd.h>

RULE (octets_kept, "read.octets",
      "The octets of a message are kept as they came, whatever they are",
      "store.h: \"RFC822.SIZE: exactly what read gives\"", 0, 0) {
  static const size_t sizes[] = { 0, 1, 2, 4095, 4096, 65535, 65536, 65537, 1048576, 3000001 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *data = g_malloc (sizes[i] + 1), *read = NULL;
    size_t size = 0;
    for (size_t at = 0; at < sizes[i]; at++) /* every octet, NUL and CR and LF too */
      data[at] = (char)((at * 7 + at / 251) & 0xff);
    uint32_t uid = deliver_octets (f, ANN, "INBOX", data, sizes[i]);
    must_do (read_message (f, "INBOX", uid, 0, UINT64_MAX, &read, &size),
             "read of a message of %zu octets", sizes[i]);
    must_hold (read, size, data, sizes[i], "a message of %zu octets", sizes[i]);
    must_be (row_of (f, "INBOX", uid).octets, sizes[i], "octets in the row of fetch");
  }
}

RULE (text_kept, "read.text", "Text is kept octet for octet: bare CR and LF, dots, NUL, no end",
      "store.h: the store does not know MIME or lines", 0, 0) {
  static const struct {
    const char *data;
    size_t size;
  } texts[] = {
    { "a\nb\n", 4 },   { "a\rb\r", 4 },       { ".\r\n..\r\n", 7 }, { "From me\nFrom you\n", 17 },
    { "a\0b\r\n", 5 }, { "\r\n\r\n\r\n", 6 }, { "\n", 1 },          { "\xff\xfe\x80", 3 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *read = NULL;
    size_t size = 0;
    uint32_t uid = deliver_octets (f, ANN, "INBOX", texts[i].data, texts[i].size);
    must_do (read_message (f, "INBOX", uid, 0, UINT64_MAX, &read, &size), "read");
    must_hold (read, size, texts[i].data, texts[i].size, "a message");
  }
}

RULE (parts, "read.part",
      "read gives the part that offset and length say, and nothing behind the "
      "end",
      "store.h: \"The octets of a message, or a part of them\"", 0, 0) {
  enum { SIZE = 200000 };
  g_autofree char *text = g_malloc0 (SIZE + 1);
  for (int i = 0; i < SIZE; i++)
    text[i] = (char)('a' + i % 23);
  deliver (f, ANN, "INBOX", text);
  static const struct {
    uint64_t offset, length;
  } parts[] = { { 0, 0 },          { 0, 1 },
                { 5, 10 },         { 0, UINT64_MAX },
                { 199999, 5 },     { 200000, 5 },
                { 900000, 5 },     { UINT64_MAX, UINT64_MAX },
                { 65530, 100 },    { 1, 131073 },
                { 131072, 65536 }, { 7, UINT64_MAX },
                { 100, 0 },        { UINT64_MAX - 3, 10 } };
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *data = NULL;
    size_t size = 0;
    uint64_t start = MIN (parts[i].offset, SIZE), wanted = MIN (parts[i].length, SIZE - start);
    g_autofree char *what = g_strdup_printf ("read of 200000 octets with offset %" G_GUINT64_FORMAT
                                             " and length %" G_GUINT64_FORMAT,
                                             parts[i].offset, parts[i].length);
    must_do (read_message (f, "INBOX", 1, parts[i].offset, parts[i].length, &data, &size), "%s",
             what);
    must_hold (data, size, text + start, wanted, "%s", what);
  }
}

RULE (empty_message, "read.empty", "A message of no octets can be kept and read",
      "store.h, read and append", 0, 0) {
  uint32_t uid = deliver (f, ANN, "INBOX", "");
  must_have_text (f, "INBOX", uid, "");
  must_be (status_of (f, "INBOX").messages, 1, "messages");
  must_be (status_of (f, "INBOX").octets, 0, "octets");
}

RULE (length_told, "read.length", "A source tells the length of the part it gives, or -1",
      "stream.h, struct ptn_source: length", 0, 0) {
  struct ptn_source *source = NULL;
  deliver (f, ANN, "INBOX", "0123456789\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  must_do (DO (f, f->store->read (f->account, &call, &id, 1, 4, UINT64_MAX, &source)), "read");
  must (source->length == 8 || source->length == -1,
        "length of a source over the octets 4 to 12 is %lld, must be 8, or -1",
        (long long)source->length);
  source_close (source); /* unread */
}

RULE (read_missing, "read.missing", "read of a UID that is not there, or no more: PTN_E_EXPUNGED",
      "store.h, read: \"PTN_E_EXPUNGED\"", 0, 0) {
  struct ptn_source *source = NULL;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "y\r\n");
  expunge (f, "INBOX", UID (1));
  struct ptn_id id = id_of (f, "INBOX");
  static const uint32_t uids[] = { 1, 3, 0, UINT32_MAX };
  for (size_t i = 0; i < G_N_ELEMENTS (uids); i++)
    must_give (DO (f, f->store->read (f->account, &call, &id, uids[i], 0, 1, &source)),
               PTN_E_EXPUNGED, "read of UID %u", uids[i]);
}

RULE (survives_expunge, "read.outlives-expunge",
      "An open source survives the expunge of its "
      "message",
      "store.h: \"The source outlives the call, and an expunge that comes later\"", 0, 0) {
  static const size_t sizes[] = { 20, 100000, 2000000 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *text = g_strnfill (sizes[i], (char)('a' + i)), *read = NULL;
    size_t size = 0;
    uint32_t uid = deliver (f, ANN, "INBOX", text);
    struct ptn_id id = id_of (f, "INBOX");
    struct ptn_source *source = NULL;
    must_do (DO (f, f->store->read (f->account, &call, &id, uid, 0, UINT64_MAX, &source)), "read");
    expunge (f, "INBOX", UID (uid));
    deliver (f, ANN, "other", "something in between\r\n");
    must_do (source_drain (f, source, 65536, &read, &size),
             "a source of %zu octets whose message was expunged", sizes[i]);
    must_hold (read, size, text, sizes[i], "a source whose message was expunged");
  }
}

RULE (survives_remove, "read.outlives-mailbox",
      "An open source survives the removal of its mailbox", "store.h, read", 0, 0) {
  g_autofree char *text = g_strnfill (100000, 'q'), *read = NULL;
  size_t size = 0;
  deliver (f, ANN, "a", text);
  struct ptn_id id = id_of (f, "a");
  struct ptn_source *source = NULL;
  must_do (DO (f, f->store->read (f->account, &call, &id, 1, 0, UINT64_MAX, &source)), "read");
  must_do (drop (f, "a"), "remove the mailbox");
  must_do (source_drain (f, source, 65536, &read, &size), "a source whose mailbox was removed");
  must_hold (read, size, text, 100000, "a source whose mailbox was removed");
}

RULE (small_pieces, "read.pieces", "A source gives 1 to `max` octets a read",
      "stream.h: \"PTN_OK and 1..max octets\"", 0, 0) {
  static const size_t most[] = { 1, 7, 4096 };
  g_autofree char *text = g_strnfill (5000, 'q');
  deliver (f, ANN, "INBOX", text);
  struct ptn_id id = id_of (f, "INBOX");
  for (size_t i = 0; i < G_N_ELEMENTS (most); i++) {
    g_autofree char *data = NULL;
    size_t size = 0;
    struct ptn_source *source = NULL;
    must_do (DO (f, f->store->read (f->account, &call, &id, 1, 0, UINT64_MAX, &source)), "read");
    must_do (source_drain (f, source, most[i], &data, &size), "reads of %zu octets", most[i]);
    must_hold (data, size, text, 5000, "a message read %zu octets at a time", most[i]);
  }
}

RULE (skipping, "read.skip", "skip, where a source has it, passes over that many octets",
      "stream.h, struct ptn_source_ops: skip", 0, 0) {
  struct ptn_source *source = NULL;
  g_autofree char *text = g_malloc0 (100001), *data = NULL;
  size_t size = 0;
  for (int i = 0; i < 100000; i++)
    text[i] = (char)('a' + i % 23);
  deliver (f, ANN, "INBOX", text);
  struct ptn_id id = id_of (f, "INBOX");
  must_do (DO (f, f->store->read (f->account, &call, &id, 1, 10, UINT64_MAX, &source)), "read");
  if (!PTN_CAN (source->ops, skip)) {
    source_close (source);
    cannot_run ("the sources of this store have no skip; it is optional");
  }
  must_do (HELD (f, source->ops->skip (source, f->task, 70000)), "skip of 70000 octets");
  source->length = -1;
  must_do (source_drain (f, source, 65536, &data, &size), "the rest of the source");
  must_hold (data, size, text + 70010, 100000 - 70010, "what comes after a skip");
}

RULE (two_sources, "read.several", "Several sources of one account are read turn by turn",
      "base.h: calls on different objects do overlap", 0, 0) {
  struct ptn_source *sources[3];
  GString *texts[3];
  deliver (f, ANN, "INBOX", "aaaaaaaaaa");
  deliver (f, ANN, "INBOX", "bbbbbbbbbb");
  struct ptn_id id = id_of (f, "INBOX");
  for (uint32_t i = 0; i < 3; i++) {
    texts[i] = g_string_new (NULL);
    must_do (DO (f, f->store->read (f->account, &call, &id, 1 + i % 2, 0, UINT64_MAX, &sources[i])),
             "read");
  }
  for (int round = 0; round < 10; round++)
    for (int i = 0; i < 3; i++) {
      struct ptn_chunk chunk = { .fd = -1 };
      if (texts[i]->len == 10)
        continue;
      must_do (HELD (f, sources[i]->ops->read (sources[i], f->task, 1, &chunk)), "a read of 1");
      char octet = 0;
      if (chunk.data)
        octet = *(const char *)chunk.data;
      else if (pread (chunk.fd, &octet, 1, chunk.file_offset) != 1)
        octet = '?';
      g_string_append_c (texts[i], octet);
      if (chunk.release)
        chunk.release (chunk.owner);
    }
  for (int i = 0; i < 3; i++) {
    must_read (texts[i]->str, i % 2 ? "bbbbbbbbbb" : "aaaaaaaaaa", "what source %d gave", i);
    source_close (sources[i]);
    g_string_free (texts[i], TRUE);
  }
}

RULE (giant, "read.giant", "A message of 64 MiB is kept, read, and read in part",
      "store.h, read: no limit but the store's memory and disk is named", 0, 0) {
  enum { SIZE = 64 * 1024 * 1024 };
  g_autofree char *data = g_malloc (SIZE), *read = NULL, *part = NULL;
  size_t size = 0;
  for (size_t at = 0; at < SIZE; at += 4096)
    memset (data + at, (int)(at / 4096 % 251), 4096);
  uint32_t uid = deliver_octets (f, ANN, "INBOX", data, SIZE);
  must_do (read_message (f, "INBOX", uid, SIZE - 5000, 5000, &part, &size), "read of its end");
  must_hold (part, size, data + SIZE - 5000, 5000, "the last 5000 octets of 64 MiB");
  must_do (read_message (f, "INBOX", uid, 0, UINT64_MAX, &read, &size), "read of all");
  must_hold (read, size, data, SIZE, "a message of 64 MiB");
}

RULES (read, &octets_kept_rule, &text_kept_rule, &parts_rule, &empty_message_rule,
       &length_told_rule, &read_missing_rule, &survives_expunge_rule, &survives_remove_rule,
       &small_pieces_rule, &skipping_rule, &two_sources_rule, &giant_rule);
