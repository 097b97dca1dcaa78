/* SPDX-License-Identifier: Apache-2.0 */
/* locate.c - see locate.h.  Each step of it is a function; `next` is the one to go on with. */
#include "append/locate.h"

#include "mailbox/names.h"

#define DIGEST_MOST (8u << 20) /* of a mail whose digest the store could not keep */

static ptn_status read_octets (struct session *s, struct locate *l);

char *
url_token (const unsigned char keys[2 * URL_KEY_SIZE], const char *rump, size_t size) {
  return g_compute_hmac_for_data (G_CHECKSUM_SHA256, keys, 2 * (gsize)URL_KEY_SIZE,
                                  (const guchar *)rump, size);
}

/* In a time that does not tell where they differ; how long a token is everybody knows. */
static bool
same_token (const char *right, const char *given) {
  const size_t size = strlen (right);
  unsigned char different = 0;
  if (strlen (given) != size)
    return false;
  for (size_t i = 0; i < size; i++)
    different |= (unsigned char)(right[i] ^ g_ascii_tolower (given[i]));
  return !different;
}

/* --- the octets ------------------------------------------------------------------------------------ */

static ptn_status
make_digest (struct session *s, struct locate *l) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status;
  if (!l->scan) {
    status = store->read (l->account, &s->call, &l->mailbox, l->url.uid, 0, UINT64_MAX, &l->scan);
    if (status != PTN_OK)
      return status;
    l->builder = mime_builder_new ();
  }
  for (;;) {
    struct ptn_chunk chunk = { .fd = -1 };
    char piece[16384];
    status = l->scan->ops->read (l->scan, s->task, 64u << 10, &chunk);
    if (status != PTN_OK)
      break;
    for (size_t done = 0; done < chunk.size && status == PTN_OK;) {
      ssize_t got = (ssize_t)chunk.size;
      if (!chunk.data)
        got = pread (chunk.fd, piece, MIN (sizeof piece, chunk.size - done),
                     chunk.file_offset + (int64_t)done);
      if (got <= 0)
        status = PTN_E_TEMPORARY;
      else
        mime_builder_feed (l->builder, chunk.data ? chunk.data : piece, (size_t)got);
      done += got > 0 ? (size_t)got : 0;
    }
    if (chunk.release)
      chunk.release (chunk.owner);
    if (status != PTN_OK)
      break;
  }
  if (status != PTN_END)
    return status;
  l->scan->ops->close (l->scan);
  l->scan = NULL;
  s->imap4->host->call_end (&s->call);
  struct ptn_bytes made = mime_builder_finish (l->builder, DIGEST_MOST);
  g_clear_pointer (&l->digest, g_bytes_unref);
  l->digest = g_bytes_new (made.data, made.size);
  mime_builder_free (&l->builder);
  l->next = read_octets;
  return PTN_OK;
}

/* Which octets of the message; false: there is no such section.  *unknown: the digest must be made. */
static bool
find_range (struct locate *l, struct mime_range *range, bool *unknown) {
  struct mime_digest digest;
  struct mime_section section = { 0 };
  uint32_t path[MIME_SECTION_DEPTH];
  gsize size = 0;
  const void *data = l->digest ? g_bytes_get_data (l->digest, &size) : NULL;
  *range = (struct mime_range){ 0, l->octets, 0 };
  *unknown = false;
  if (!l->url.section && !l->needs_digest)
    return true;
  bool open = mime_digest_open ((struct ptn_bytes){ data, size }, &digest) == PTN_OK;
  *unknown = !open || !mime_digest_has (&digest, MIME_PARTS)
             || (l->needs_digest && !mime_digest_has (&digest, MIME_STRUCTURE));
  if (*unknown || !l->url.section)
    return true;
  return mime_section_parse (l->url.section, strlen (l->url.section), path, &section)
         && mime_digest_section (&digest, &section, range) == PTN_OK;
}

static ptn_status
read_octets (struct session *s, struct locate *l) {
  struct mime_range range;
  bool unknown;
  if (!find_range (l, &range, &unknown))
    return PTN_E_NOT_FOUND;
  if (unknown) {
    l->next = make_digest;
    return PTN_OK;
  }
  if (l->url.partial) {
    uint64_t skipped = MIN (l->url.offset, range.size);
    range.offset += skipped;
    range.size -= skipped;
    if (l->url.length)
      range.size = MIN (range.size, l->url.length);
  }
  l->size = range.size;
  l->part = range.part;
  ptn_status status = s->imap4->store->read (l->account, &s->call, &l->mailbox, l->url.uid,
                                             range.offset, range.size, &l->source);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_EXPUNGED)
    status = PTN_E_NOT_FOUND;
  s->imap4->host->call_end (&s->call);
  l->next = NULL;
  return status;
}

/* --- the message ------------------------------------------------------------------------------------- */

static ptn_status
read_row (struct session *s, struct locate *l) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_message *row;
  size_t count = 0;
  ptn_status status = store->next_messages (l->cursor, &s->call, &row, 1, &count);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && count) {
    l->octets = row->octets;
    if (row->items & PTN_FETCH_DIGEST)
      l->digest = g_bytes_new (row->digest.data, row->digest.size);
  }
  store->close_cursor (l->cursor);
  l->cursor = NULL;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK || !count)
    return status == PTN_OK || status == PTN_END ? PTN_E_NOT_FOUND : status;
  l->next = read_octets;
  return PTN_OK;
}

static ptn_status
find_row (struct session *s, struct locate *l) {
  l->uid = (struct ptn_uid_range){ l->url.uid, l->url.uid };
  l->fetch = (struct ptn_fetch){ .size = sizeof l->fetch,
                                 .items = PTN_FETCH_SIZE | PTN_FETCH_DIGEST,
                                 .uids = { &l->uid, 1 } };
  ptn_status status =
      s->imap4->store->fetch (l->account, &s->call, &l->mailbox, &l->fetch, &l->cursor);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  l->next = read_row;
  return status;
}

/* --- authorization ------------------------------------------------------------------------------------ */

/* RFC 4467 section 7: may this session use it? */
static bool
access_granted (const struct session *s, const struct imap_url *url) {
  const char *access = url->access;
  if (g_ascii_strcasecmp (access, "anonymous") == 0 || g_ascii_strcasecmp (access, "authuser") == 0)
    return true;
  if (g_ascii_strncasecmp (access, "user+", 5) == 0)
    return g_ascii_strcasecmp (access + 5, s->user->authzid) == 0;
  if (g_ascii_strncasecmp (access, "submit+", 7) != 0)
    return false;
  struct ptn_strings submitters = s->imap4->host->words (s->info->config, "urlauth_submitters");
  for (size_t i = 0; i < submitters.count; i++)
    if (g_ascii_strcasecmp (submitters.items[i], s->user->authzid) == 0)
      return true;
  return false;
}

static ptn_status
verify (struct session *s, struct locate *l) {
  if (l->keys_found != 3)
    return PTN_E_NOT_FOUND;
  g_autofree char *right = url_token (l->keys, l->text, l->url.rump_size);
  if (!same_token (right, l->url.token))
    return PTN_E_NOT_FOUND;
  l->next = find_row;
  return PTN_OK;
}

static ptn_status
read_key (struct session *s, struct locate *l) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status = store->next_annotation (l->cursor, &s->call, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && row->value.size == URL_KEY_SIZE) {
    memcpy (l->keys + (size_t)l->keys_read * URL_KEY_SIZE, row->value.data, URL_KEY_SIZE);
    l->keys_found |= 1u << l->keys_read;
  }
  store->close_cursor (l->cursor);
  l->cursor = NULL;
  s->imap4->host->call_end (&s->call);
  return status == PTN_END ? PTN_OK : status;
}

/* First that of the mailbox, then that of the account. */
static ptn_status
read_keys (struct session *s, struct locate *l) {
  ptn_status status = PTN_OK;
  while (status == PTN_OK && l->keys_read < 2) {
    if (!l->cursor)
      status = s->imap4->store->annotations (l->account, &s->call,
                                             l->keys_read == 0 ? &l->mailbox : NULL,
                                             (struct ptn_uid_set){ NULL, 0 }, 0, URL_KEY_NAME,
                                             &l->cursor);
    if (status == PTN_OK)
      status = read_key (s, l);
    if (status == PTN_OK)
      l->keys_read++;
  }
  if (status != PTN_OK)
    return status;
  l->next = l->url.token ? verify : NULL;
  return PTN_OK;
}

/* --- the mailbox --------------------------------------------------------------------------------------- */

static ptn_status
find_mailbox (struct session *s, struct locate *l) {
  const struct ptn_mailbox *row;
  struct ptn_mailbox_name name;
  const char *text = g_ascii_strcasecmp (l->url.mailbox, "INBOX") == 0 ? "INBOX" : l->url.mailbox;
  if (!mailbox_of (s, text, &name))
    return PTN_E_NOT_FOUND;
  ptn_status status = s->imap4->store->status (l->account, &s->call, name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    s->imap4->host->call_end (&s->call);
    return status <= PTN_E_TEMPORARY ? status : PTN_E_NOT_FOUND;
  }
  l->mailbox = row->id;
  bool same = !l->url.uidvalidity || l->url.uidvalidity == row->uidvalidity;
  s->imap4->host->call_end (&s->call);
  if (!same)
    return PTN_E_NOT_FOUND;
  l->next = l->url.access ? read_keys : find_row;
  return PTN_OK;
}

/* In the name of who made the URL: he gave the right to read this one message. */
static ptn_status
open_other (struct session *s, struct locate *l) {
  ptn_status status =
      s->imap4->store->open (s->imap4->store_instance, &s->call, &l->identity, &l->opened);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK)
    return status <= PTN_E_TEMPORARY ? status : PTN_E_NOT_FOUND;
  l->account = l->opened;
  l->next = find_mailbox;
  return PTN_OK;
}

bool
locate_start (struct session *s, struct locate *l, const char *url, bool authorized) {
  *l = (struct locate){ .text = url };
  if (!url_parse (url, &l->url))
    return false;
  struct imap_url *u = &l->url;
  bool here = !u->host || g_ascii_strcasecmp (u->host, s->info->server_name) == 0;
  bool own = !u->user || g_ascii_strcasecmp (u->user, s->user->name) == 0;
  if (!here || (authorized && (!u->token || !u->host || !u->user)))
    return false;
  if (!u->token) {
    l->account = s->user->account;
    l->next = find_mailbox;
    return own;
  }
  int64_t now = s->imap4->host->realtime_ms () / 1000;
  if (g_ascii_strcasecmp (u->mechanism, "INTERNAL") != 0 || !access_granted (s, u) || !u->user
      || (u->expires && u->expire <= now))
    return false;
  if (own) {
    l->account = s->user->account;
    l->next = find_mailbox;
    return true;
  }
  l->owner = g_utf8_strdown (u->user, -1); /* as stores know accounts */
  l->identity = (struct ptn_identity){ .size = sizeof l->identity,
                                       .authcid = l->owner,
                                       .authzid = l->owner,
                                       .domain = "",
                                       .account = l->owner };
  l->next = open_other;
  return true;
}

ptn_status
locate_step (struct session *s, struct locate *l) {
  ptn_status status = PTN_OK;
  while (status == PTN_OK && l->next)
    status = l->next (s, l);
  return status;
}

void
locate_clear (struct session *s, struct locate *l) {
  const struct ptn_store *store = s->imap4->store;
  s->imap4->host->call_end (&s->call);
  if (l->cursor)
    store->close_cursor (l->cursor);
  if (l->scan)
    l->scan->ops->close (l->scan);
  if (l->source)
    l->source->ops->close (l->source);
  if (l->opened)
    store->close (l->opened);
  if (l->builder)
    mime_builder_free (&l->builder);
  g_clear_pointer (&l->digest, g_bytes_unref);
  url_clear (&l->url);
  g_free (l->owner);
  explicit_bzero (l->keys, sizeof l->keys);
  *l = (struct locate){ 0 };
}

/* --- a source that keeps its account open ------------------------------------------------------------ */

struct lasting {
  struct ptn_source source; /* first */
  struct ptn_source *inner;
  struct ptn_account *account;
  const struct ptn_store *store;
};

static ptn_status
lasting_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct lasting *lasting = (struct lasting *)source;
  return lasting->inner->ops->read (lasting->inner, task, max, chunk);
}

static void
lasting_close (struct ptn_source *source) {
  struct lasting *lasting = (struct lasting *)source;
  lasting->inner->ops->close (lasting->inner);
  if (lasting->account)
    lasting->store->close (lasting->account);
  g_free (lasting);
}

static const struct ptn_source_ops lasting_ops = {
  .size = sizeof lasting_ops,
  .read = lasting_read,
  .close = lasting_close,
};

struct ptn_source *
locate_take_source (struct session *s, struct locate *l) {
  struct lasting *lasting = g_new0 (struct lasting, 1);
  lasting->source = (struct ptn_source){ &lasting_ops, (int64_t)l->size };
  lasting->inner = g_steal_pointer (&l->source);
  lasting->account = g_steal_pointer (&l->opened);
  lasting->store = s->imap4->store;
  return &lasting->source;
}
