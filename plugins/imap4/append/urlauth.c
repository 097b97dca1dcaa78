/* SPDX-License-Identifier: Apache-2.0 */
/* urlauth.c - GENURLAUTH and RESETKEY (RFC 4467): who has a message lets others read it by a URL.
 *
 * A URL is good as long as two keys are: that of its mailbox and that of its account, 32 random
 * octets each, kept as annotations that no client sees, and made when they are first needed.  RESETKEY
 * makes new ones, and all URLs made with the old ones are void. */
#include "append/locate.h"
#include "commands.h"
#include "mailbox/names.h"

#include <sys/random.h>

struct minting {
  struct locate locate;
  GPtrArray *rumps; /* const char *, of the reader */
  guint at;
  bool finding; /* locate was started */
  GString *answer;
  /* RESETKEY, and keys that are missing. */
  struct ptn_change *change;
  struct ptn_id mailbox;
  unsigned wanted; /* 1: of the mailbox, 2: of the account */
  unsigned char key[URL_KEY_SIZE];
  const char *name; /* RESETKEY's mailbox */
};

static void
minting_free (struct session *s, void *work) {
  struct minting *m = work;
  locate_clear (s, &m->locate);
  if (m->change)
    s->imap4->store->end (m->change);
  g_ptr_array_unref (m->rumps);
  g_string_free (m->answer, TRUE);
  explicit_bzero (m->key, sizeof m->key);
  g_free (m);
}

static struct minting *
minting_new (struct session *s) {
  struct minting *m = g_new0 (struct minting, 1);
  m->rumps = g_ptr_array_new ();
  m->answer = g_string_new (NULL);
  s->work = m;
  s->work_free = minting_free;
  return m;
}

/* --- keys ----------------------------------------------------------------------------------------- */

/* Gives the wanted ones a new value, one after the other, in one change. */
static ptn_status
make_keys (struct session *s, struct minting *m) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status = PTN_OK;
  if (!m->change) {
    status = store->begin (s->user->account, &s->call, NULL, &m->change);
    if (status != PTN_OK)
      return status;
    s->imap4->host->call_end (&s->call);
  }
  while (m->wanted & 3) {
    unsigned one = m->wanted & 1 ? 1 : 2;
    if (!(m->wanted & 4) && getrandom (m->key, sizeof m->key, 0) != sizeof m->key)
      return PTN_E_TEMPORARY;
    m->wanted |= 4; /* the same octets while it is pending */
    status = store->annotate (m->change, &s->call, one == 1 ? &m->mailbox : NULL,
                              (struct ptn_uid_set){ NULL, 0 }, URL_KEY_NAME,
                              (struct ptn_bytes){ m->key, sizeof m->key });
    if (status != PTN_OK)
      return status;
    s->imap4->host->call_end (&s->call);
    m->wanted &= ~(one | 4u);
  }
  status = store->commit (m->change, &s->call);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  store->end (m->change);
  m->change = NULL;
  return status;
}

/* --- GENURLAUTH -------------------------------------------------------------------------------------- */

static void
add_url (struct minting *m, const char *rump) {
  g_autofree char *token = url_token (m->locate.keys, rump, strlen (rump));
  g_string_append_printf (m->answer, " \"%s:internal:%s\"", rump, token);
}

static ptn_status generate (struct session *s);

static ptn_status
make_missing (struct session *s) {
  struct minting *m = s->work;
  ptn_status status = make_keys (s, m);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "no key can be kept for this mailbox");
    return PTN_OK;
  }
  s->resume = generate; /* reads them */
  return PTN_OK;
}

static ptn_status
generate (struct session *s) {
  struct minting *m = s->work;
  if (m->at == m->rumps->len) {
    put_format (&s->out, "* GENURLAUTH%s\r\n", m->answer->str);
    answer_ok (s, NULL, "GENURLAUTH completed");
    return PTN_OK;
  }
  const char *rump = m->rumps->pdata[m->at];
  struct locate *l = &m->locate;
  if (!m->finding) {
    struct imap_url url;
    /* RFC 4467 section 6.1: a whole URL of the user's own, without a token yet. */
    bool good = url_parse (rump, &url);
    bool rump_of_ours = good && url.host && url.user && url.access && !url.token;
    if (good)
      url_clear (&url);
    if (!rump_of_ours || strpbrk (rump, "\"\\") || !locate_start (s, l, rump, false)) {
      locate_clear (s, l);
      answer_bad (s, "expected a URL of a message of your own with ;URLAUTH= at its end");
      return PTN_OK;
    }
    m->finding = true;
  }
  ptn_status status = locate_step (s, l);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "there is no such mailbox");
    return PTN_OK;
  }
  unsigned missing = 3u & ~l->keys_found;
  if (missing) {
    m->mailbox = l->mailbox;
    m->wanted = missing;
    s->resume = make_missing;
  } else {
    add_url (m, rump);
    m->at++;
  }
  m->finding = false;
  locate_clear (s, l);
  return PTN_OK;
}

/* A URL is good for longer than somebody may be a reader, and for mail that is still to come. */
void
command_genurlauth (struct session *s, struct reader *r) {
  struct minting *m = minting_new (s);
  do {
    const char *rump = reader_space (r) ? reader_astring (r, NULL) : NULL;
    const char *mechanism = rump && reader_space (r) ? reader_keyword (r) : NULL;
    if (!mechanism) {
      answer_syntax (s, r);
      return;
    }
    if (strcmp (mechanism, "INTERNAL") != 0) {
      answer_no (s, "URLMECH INTERNAL", "this mechanism is not offered");
      return;
    }
    g_ptr_array_add (m->rumps, (gpointer)(guintptr)rump);
  } while (reader_peek (r) == ' ');
  if (!reader_end (r))
    answer_syntax (s, r);
  else if (s->user->reads)
    answer_no (s, "NOPERM", "only who may change this mailbox gives others access to it");
  else
    s->resume = generate;
}

/* --- RESETKEY ---------------------------------------------------------------------------------------- */

static ptn_status
reset (struct session *s) {
  struct minting *m = s->work;
  ptn_status status = make_keys (s, m);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    answer_failure (s, status, "the key cannot be changed");
  else
    answer_ok (s, "URLMECH INTERNAL", "RESETKEY completed");
  return PTN_OK;
}

static ptn_status
find_mailbox (struct session *s) {
  struct minting *m = s->work;
  const struct ptn_mailbox *row;
  ptn_status status = mailbox_status (s, m->name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "there is no such mailbox");
    return PTN_OK;
  }
  m->mailbox = row->id;
  m->wanted = 1;
  s->imap4->host->call_end (&s->call);
  s->resume = reset;
  return PTN_OK;
}

/* RFC 4467 section 6.2: without a mailbox those of all. */
void
command_resetkey (struct session *s, struct reader *r) {
  struct minting *m = minting_new (s);
  bool read = true;
  if (reader_peek (r) >= 0)
    read = reader_space (r) && (m->name = reader_mailbox (r));
  while (read && reader_peek (r) == ' ') {
    const char *mechanism = reader_space (r) ? reader_keyword (r) : NULL;
    read =
        mechanism && (strcmp (mechanism, "INTERNAL") == 0 || reader_fail (r, "unknown mechanism"));
  }
  if (!read || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  m->wanted = 2;
  s->resume = m->name ? find_mailbox : reset;
}
