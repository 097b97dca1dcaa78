/* SPDX-License-Identifier: Apache-2.0 */
/* load_tls.c - a TLS 1.3 client (RFC 8446) that does as little as a server lets it, because it runs
 * on the cores of the server it measures.
 *
 * NOT SAFE, on purpose: it verifies neither the certificate nor CertificateVerify (a load generator
 * trusts its own server), uses one X25519 key pair for the whole run, and does not wipe secrets.  It
 * does check the server's Finished and every record's tag, so a wrong server is still found.
 *
 * TLS_AES_128_GCM_SHA256 and X25519 only, full handshakes only: tickets are skipped;
 * HelloRetryRequest, CertificateRequest and KeyUpdate end the program. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_*: a context that is copied by assignment */
#include "load_tls.h"
#include "load.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HASH = 32, KEY = 16, IV = 12, TAG = 16, HEADER = 5, SHARE = 32, RANDOM = 32, HELLO = 144 };
enum { PLAIN_LIMIT = 16384, RECORD_LIMIT = PLAIN_LIMIT + 256, MESSAGE_LIMIT = 32768 };
enum { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, NEW_SESSION_TICKET = 4, ENCRYPTED_EXTENSIONS = 8 };
enum { CERTIFICATE = 11, CERTIFICATE_REQUEST = 13, CERTIFICATE_VERIFY = 15, FINISHED = 20 };

struct direction {
  EVP_CIPHER_CTX *cipher;
  uint64_t sequence;
  uint8_t iv[IV];
};

/* HMAC-SHA256 with its key's two blocks already hashed. */
struct hmac {
  SHA256_CTX inner, outer;
};

/* What only the handshake needs; kept in a list of spare ones between handshakes. */
struct handshake {
  struct handshake *next;
  struct direction in, out;
  SHA256_CTX transcript;
  struct hmac master, client_finished, server_finished;
  unsigned expected; /* index into flight */
  size_t size;       /* octets in `message` */
  uint8_t message[MESSAGE_LIMIT];
};

struct load_tls {
  struct direction in, out;
  struct handshake *handshake; /* NULL when it is done */
  uint8_t *kept;               /* an unfinished record */
  uint8_t *pending;            /* records for the socket */
  size_t kept_size, pending_size, pending_at;
  uint32_t skip; /* octets of a ticket to come */
  uint8_t head[4], head_size;
  bool hello, ended, drained;
};

static const uint8_t flight[] = { ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED };
static const uint8_t zeros[HASH];
static uint8_t empty_hash[HASH];
static struct hmac handshake_salt; /* "derived" of the early secret */
static EVP_CIPHER *aes_128_gcm;
static EVP_PKEY_CTX *exchange;
static EVP_PKEY *peer; /* the share of the server that answered last */
static struct handshake *spare;

static void
must (int result, const char *what) {
  if (result != 1)
    load_die ("OpenSSL: %s failed", what);
}

/* --- key schedule, RFC 8446 section 7.1 --------------------------------------------------- */

static void
hmac_key (struct hmac *hmac, const uint8_t key[HASH]) {
  uint8_t block[SHA256_CBLOCK];
  for (unsigned i = 0; i < sizeof block; i++)
    block[i] = (i < HASH ? key[i] : 0) ^ 0x36;
  SHA256_Init (&hmac->inner);
  SHA256_Update (&hmac->inner, block, sizeof block);
  for (unsigned i = 0; i < sizeof block; i++)
    block[i] ^= 0x36 ^ 0x5c;
  SHA256_Init (&hmac->outer);
  SHA256_Update (&hmac->outer, block, sizeof block);
}

static void
hmac_sum (const struct hmac *hmac, const uint8_t *data, size_t size, uint8_t into[HASH]) {
  SHA256_CTX hash = hmac->inner;
  uint8_t sum[HASH];
  SHA256_Update (&hash, data, size);
  SHA256_Final (sum, &hash);
  hash = hmac->outer;
  SHA256_Update (&hash, sum, sizeof sum);
  SHA256_Final (into, &hash);
}

/* HKDF-Expand-Label of at most one hash. */
static void
expand (const struct hmac *secret, const char *label, const uint8_t *context, size_t room,
        uint8_t *into) {
  uint8_t info[64], sum[HASH];
  size_t size = 0, length = strlen (label);
  info[size++] = 0;
  info[size++] = (uint8_t)room;
  info[size++] = (uint8_t)(6 + length);
  memcpy (info + size, "tls13 ", 6);
  memcpy (info + size + 6, label, length);
  size += 6 + length;
  info[size++] = context ? HASH : 0;
  if (context) {
    memcpy (info + size, context, HASH);
    size += HASH;
  }
  info[size++] = 1; /* HKDF-Expand's block number */
  hmac_sum (secret, info, size, sum);
  memcpy (into, sum, room);
}

/* The next secret of the same kind as `secret`, as the key of an HMAC. */
static void
expand_key (const struct hmac *secret, const char *label, const uint8_t *context,
            struct hmac *into) {
  uint8_t value[HASH];
  expand (secret, label, context, sizeof value, value);
  hmac_key (into, value);
}

static void
extract (const struct hmac *salt, const uint8_t input[HASH], struct hmac *into) {
  uint8_t value[HASH];
  hmac_sum (salt, input, HASH, value);
  hmac_key (into, value);
}

static void
transcript_now (const struct handshake *handshake, uint8_t into[HASH]) {
  SHA256_CTX copy = handshake->transcript;
  SHA256_Final (into, &copy);
}

/* Traffic keys of one direction. */
static void
direction_key (struct direction *direction, const struct hmac *traffic, int encrypt) {
  uint8_t key[KEY];
  const EVP_CIPHER *cipher = NULL;
  expand (traffic, "key", NULL, sizeof key, key);
  expand (traffic, "iv", NULL, sizeof direction->iv, direction->iv);
  if (!direction->cipher) {
    direction->cipher = EVP_CIPHER_CTX_new ();
    cipher = aes_128_gcm;
  }
  must (EVP_CipherInit_ex2 (direction->cipher, cipher, key, NULL, encrypt, NULL), "a record key");
  direction->sequence = 0;
}

/* --- records, RFC 8446 section 5.2 ---------------------------------------------------------- */

static void
next_nonce (struct direction *direction, int encrypt) {
  uint8_t nonce[IV];
  memcpy (nonce, direction->iv, IV);
  for (unsigned i = 0; i < 8; i++)
    nonce[IV - 1 - i] ^= (uint8_t)(direction->sequence >> (8 * i));
  direction->sequence++;
  must (EVP_CipherInit_ex2 (direction->cipher, NULL, NULL, nonce, encrypt, NULL), "a nonce");
}

/* Writes a record into `into`; returns its octets. */
static size_t
record_seal (struct direction *out, uint8_t type, const void *data, size_t size, uint8_t *into) {
  size_t length = size + 1 + TAG;
  int wrote, last;
  into[0] = RECORD_DATA;
  into[1] = into[2] = 3;
  into[3] = (uint8_t)(length >> 8);
  into[4] = (uint8_t)length;
  next_nonce (out, 1);
  must (EVP_EncryptUpdate (out->cipher, NULL, &wrote, into, HEADER), "AES-GCM");
  must (EVP_EncryptUpdate (out->cipher, into + HEADER, &wrote, data, (int)size), "AES-GCM");
  must (EVP_EncryptUpdate (out->cipher, into + HEADER + size, &last, &type, 1), "AES-GCM");
  must (EVP_EncryptFinal_ex (out->cipher, into + HEADER + size + 1, &last), "AES-GCM");
  must (EVP_CIPHER_CTX_ctrl (out->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, into + HEADER + size + 1),
        "a record's tag");
  return HEADER + length;
}

/* Opens the record with a body of `length` octets; returns those of its plaintext. */
static size_t
record_open (struct direction *in, const uint8_t *record, size_t length, uint8_t *into,
             uint8_t *type) {
  int wrote, last;
  uint8_t tag[TAG];
  if (length < TAG + 1)
    load_die ("TLS: a record of only %zu octets", length);
  size_t size = length - TAG;
  memcpy (tag, record + HEADER + size, TAG);
  next_nonce (in, 0);
  must (EVP_DecryptUpdate (in->cipher, NULL, &wrote, record, HEADER), "AES-GCM");
  must (EVP_DecryptUpdate (in->cipher, into, &wrote, record + HEADER, (int)size), "AES-GCM");
  must (EVP_CIPHER_CTX_ctrl (in->cipher, EVP_CTRL_AEAD_SET_TAG, TAG, tag), "a record's tag");
  if (EVP_DecryptFinal_ex (in->cipher, into + size, &last) != 1)
    load_die ("TLS: a record's tag is wrong (record %llu)", (unsigned long long)in->sequence - 1);
  while (size && !into[size - 1])
    size--; /* padding */
  if (!size)
    load_die ("TLS: a record without a type");
  *type = into[--size];
  return size;
}

static void
queue (struct load_tls *tls, const uint8_t *data, size_t size) {
  size_t left = tls->pending_size - tls->pending_at;
  uint8_t *all = malloc (left + size);
  if (!all)
    load_die ("no memory");
  if (left)
    memcpy (all, tls->pending + tls->pending_at, left);
  memcpy (all + left, data, size);
  free (tls->pending);
  tls->pending = all;
  tls->pending_at = 0;
  tls->pending_size = left + size;
}

/* --- handshake ---------------------------------------------------------------------------- */

/* The ClientHello of all connections, but for its random (at octet 6) and share (at its end). */
static uint8_t hello_message[HELLO] = /* RFC 8446 section 4.1.2 */
    "\1\0\0\214\3\3"
    "................................"
    "\0\0\2\x13\x01\1\0\0\141"              /* no session id; TLS_AES_128_GCM_SHA256; extensions: */
    "\0\0\0\16\0\14\0\0\11localhost"        /* server_name */
    "\0\12\0\4\0\2\0\35"                    /* supported_groups: x25519 */
    "\0\15\0\14\0\12\4\3\5\3\10\7\10\4\4\1" /* ECDSA, Ed25519, RSA-PSS, RSA */
    "\0\53\0\3\2\3\4\0\55\0\2\1\1"          /* TLS 1.3; a server may send tickets */
    "\0\63\0\46\0\44\0\35\0\40";            /* key_share: x25519, 32 octets */

void
load_tls_prepare (void) {
  struct hmac zero, early;
  uint8_t share[SHARE];
  size_t size = sizeof share;
  aes_128_gcm = EVP_CIPHER_fetch (NULL, "AES-128-GCM", NULL);
  EVP_PKEY *key = EVP_PKEY_Q_keygen (NULL, NULL, "X25519");
  if (!aes_128_gcm || !key)
    load_die ("OpenSSL: no AES-128-GCM or no X25519");
  must (EVP_PKEY_get_raw_public_key (key, share, &size), "the key share");
  exchange = EVP_PKEY_CTX_new (key, NULL);
  must (EVP_PKEY_derive_init (exchange), "X25519");
  EVP_PKEY_free (key);
  peer = EVP_PKEY_new_raw_public_key (EVP_PKEY_X25519, NULL, share, size);
  must (peer != NULL, "a key share");
  SHA256 (NULL, 0, empty_hash);
  hmac_key (&zero, zeros);
  extract (&zero, zeros, &early);
  expand_key (&early, "derived", empty_hash, &handshake_salt);
  memcpy (hello_message + HELLO - SHARE, share, SHARE);
}

static uint16_t
get16 (const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

/* Finds the server's key share in a whole ServerHello message, RFC 8446 section 4.1.3. */
static const uint8_t *
parse_server_hello (const uint8_t *message, size_t size) {
  static const uint8_t retry[RANDOM] = /* SHA-256 of "HelloRetryRequest" */
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
      "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
  const uint8_t *share = NULL;
  bool version = false;
  size_t at = 4 + 2 + RANDOM;
  if (size < at + 1 + 2 + 1 + 2 || get16 (message + 4) != 0x0303)
    load_die ("TLS: a malformed ServerHello");
  if (memcmp (message + 6, retry, RANDOM) == 0)
    load_die ("TLS: the server answers with HelloRetryRequest: it does not take X25519");
  if (message[at] != 0)
    load_die ("TLS: a session id in ServerHello: not a TLS 1.3 server?");
  if (get16 (message + at + 1) != 0x1301 || message[at + 3] != 0)
    load_die ("TLS: the server chose the cipher suite %04x", get16 (message + at + 1));
  if (get16 (message + at + 4) != size - (at + 6))
    load_die ("TLS: a malformed ServerHello");
  at += 6;
  while (size - at >= 4) {
    unsigned type = get16 (message + at), length = get16 (message + at + 2);
    const uint8_t *value = message + at + 4;
    if (length > size - at - 4)
      break;
    if (type == 43)
      version = length == 2 && get16 (value) == 0x0304;
    if (type == 51 && length == 4 + SHARE && get16 (value) == 29 && get16 (value + 2) == SHARE)
      share = value + 4;
    at += 4 + length;
  }
  if (at != size || !version || !share)
    load_die ("TLS: no TLS 1.3 or no X25519 share in ServerHello");
  return share;
}

static void
server_hello (struct handshake *handshake, const uint8_t *message, size_t size) {
  const uint8_t *share = parse_server_hello (message, size);
  uint8_t shared[SHARE], hash[HASH];
  size_t length = sizeof shared;
  struct hmac secret, salt, client, server;
  must (EVP_PKEY_set1_encoded_public_key (peer, share, SHARE), "the server's key share");
  must (EVP_PKEY_derive_set_peer_ex (exchange, peer, 0), "X25519");
  must (EVP_PKEY_derive (exchange, shared, &length), "X25519");

  SHA256_Update (&handshake->transcript, message, size);
  transcript_now (handshake, hash);
  extract (&handshake_salt, shared, &secret);
  expand_key (&secret, "c hs traffic", hash, &client);
  expand_key (&secret, "s hs traffic", hash, &server);
  direction_key (&handshake->out, &client, 1);
  direction_key (&handshake->in, &server, 0);
  expand_key (&client, "finished", NULL, &handshake->client_finished);
  expand_key (&server, "finished", NULL, &handshake->server_finished);
  expand_key (&secret, "derived", empty_hash, &salt);
  extract (&salt, zeros, &handshake->master);
}

/* The server's Finished: checks it, queues ours, changes to the application's keys. */
static void
finished (struct load_tls *tls, const uint8_t *message, size_t size) {
  struct handshake *handshake = tls->handshake;
  uint8_t hash[HASH], sum[HASH], ours[4 + HASH] = { FINISHED, 0, 0, HASH };
  uint8_t record[HEADER + sizeof ours + 1 + TAG];
  struct hmac traffic;
  transcript_now (handshake, hash);
  hmac_sum (&handshake->server_finished, hash, sizeof hash, sum);
  if (size != 4 + HASH || CRYPTO_memcmp (message + 4, sum, HASH) != 0)
    load_die ("TLS: the server's Finished is wrong");
  SHA256_Update (&handshake->transcript, message, size);
  transcript_now (handshake, hash);
  hmac_sum (&handshake->client_finished, hash, sizeof hash, ours + 4);
  queue (tls, record, record_seal (&handshake->out, RECORD_HANDSHAKE, ours, sizeof ours, record));
  expand_key (&handshake->master, "c ap traffic", hash, &traffic);
  direction_key (&tls->out, &traffic, 1);
  expand_key (&handshake->master, "s ap traffic", hash, &traffic);
  direction_key (&tls->in, &traffic, 0);
}

static void
handshake_release (struct load_tls *tls) {
  if (!tls->handshake)
    return;
  tls->handshake->next = spare;
  spare = tls->handshake;
  tls->handshake = NULL;
}

/* One whole message of the server's flight. */
static void
handshake_message (struct load_tls *tls, const uint8_t *message, size_t size) {
  struct handshake *handshake = tls->handshake;
  if (!tls->hello) {
    if (message[0] != SERVER_HELLO)
      load_die ("TLS: message %u instead of ServerHello", message[0]);
    server_hello (handshake, message, size);
    tls->hello = true;
    return;
  }
  if (message[0] == CERTIFICATE_REQUEST)
    load_die ("TLS: the server asks for a client certificate");
  if (message[0] != flight[handshake->expected])
    load_die ("TLS: message %u instead of %u", message[0], flight[handshake->expected]);
  handshake->expected++;
  if (message[0] == FINISHED)
    finished (tls, message, size);
  else
    SHA256_Update (&handshake->transcript, message, size);
}

/* Octets of handshake messages, which need not begin or end with records. */
static void
handshake_octets (struct load_tls *tls, const uint8_t *data, size_t size) {
  struct handshake *handshake = tls->handshake;
  size_t at = 0;
  if (size > sizeof handshake->message - handshake->size)
    load_die ("TLS: a handshake message of more than %u octets", MESSAGE_LIMIT);
  memcpy (handshake->message + handshake->size, data, size);
  handshake->size += size;
  while (handshake->size - at >= 4) {
    const uint8_t *message = handshake->message + at;
    size_t length = 4 + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
    if (length > handshake->size - at)
      break;
    at += length;
    handshake_message (tls, message, length);
    /* Both are followed by other keys, RFC 8446 section 5.1. */
    if ((message[0] == SERVER_HELLO || message[0] == FINISHED) && at != handshake->size)
      load_die ("TLS: octets after message %u in its record", message[0]);
    if (message[0] == FINISHED) {
      handshake_release (tls);
      return;
    }
  }
  handshake->size -= at;
  memmove (handshake->message, handshake->message + at, handshake->size);
}

/* Handshake messages after the handshake: steps over tickets. */
static void
late_octets (struct load_tls *tls, const uint8_t *data, size_t size) {
  while (size) {
    if (tls->skip) {
      size_t step = size < tls->skip ? size : tls->skip;
      tls->skip -= (uint32_t)step;
      data += step;
      size -= step;
      continue;
    }
    tls->head[tls->head_size++] = *data++;
    size--;
    if (tls->head_size < 4)
      continue;
    if (tls->head[0] != NEW_SESSION_TICKET)
      load_die ("TLS: message %u (24: KeyUpdate) after the handshake", tls->head[0]);
    tls->skip = (uint32_t)tls->head[1] << 16 | (uint32_t)tls->head[2] << 8 | tls->head[3];
    tls->head_size = 0;
  }
}

/* One whole record; returns the octets of application data it put into `into`. */
static size_t
take_record (struct load_tls *tls, const uint8_t *record, size_t length, uint8_t *into) {
  uint8_t type = record[0];
  const uint8_t *data = record + HEADER;
  if (type == RECORD_CCS && tls->handshake)
    return 0;
  if (tls->hello && type == RECORD_DATA) {
    struct direction *in = tls->handshake ? &tls->handshake->in : &tls->in;
    length = record_open (in, record, length, into, &type);
    data = into;
  } else if (type != RECORD_ALERT && (tls->hello || type != RECORD_HANDSHAKE))
    load_die ("TLS: an unprotected record of type %u", type);
  switch (type) {
  case RECORD_DATA:
    if (tls->handshake)
      load_die ("TLS: data within the handshake");
    return length;
  case RECORD_HANDSHAKE:
    if (tls->handshake)
      handshake_octets (tls, data, length);
    else
      late_octets (tls, data, length);
    return 0;
  case RECORD_ALERT:
    if (length != 2 || data[1] != 0)
      load_die ("TLS: the server's alert %u (40: X25519 or AES-128-GCM, 70: TLS 1.3 refused)",
                length == 2 ? data[1] : 0);
    tls->ended = true;
    return 0;
  default:
    load_die ("TLS: a record of type %u", type);
  }
}

/* --- connections ------------------------------------------------------------------------ */

struct load_tls *
load_tls_start (struct load_tls *tls) {
  struct handshake *handshake = spare;
  uint8_t record[HEADER + HELLO] = { RECORD_HANDSHAKE, 3, 1 };
  if (!tls)
    tls = calloc (1, sizeof *tls);
  if (handshake)
    spare = handshake->next;
  else
    handshake = calloc (1, sizeof *handshake);
  if (!tls || !handshake)
    load_die ("no memory");
  tls->handshake = handshake;
  handshake->expected = 0;
  handshake->size = 0;
  must (RAND_bytes (hello_message + 6, RANDOM), "random octets");
  SHA256_Init (&handshake->transcript);
  SHA256_Update (&handshake->transcript, hello_message, HELLO);
  record[4] = HELLO;
  memcpy (record + HEADER, hello_message, HELLO);
  queue (tls, record, HEADER + HELLO);
  return tls;
}

void
load_tls_end (struct load_tls *tls) {
  struct direction in = tls->in, out = tls->out;
  handshake_release (tls);
  free (tls->kept);
  free (tls->pending);
  *tls = (struct load_tls){ .in = in, .out = out };
}

/* Keeps the octets of an unfinished record for the next read. */
static void
keep (struct load_tls *tls, const uint8_t *data, size_t size) {
  free (tls->kept);
  tls->kept = NULL;
  tls->kept_size = size;
  if (!size)
    return;
  tls->kept = malloc (size);
  if (!tls->kept)
    load_die ("no memory");
  memcpy (tls->kept, data, size);
}

ssize_t
load_tls_read (struct load_tls *tls, int fd, char *into, size_t room) {
  static uint8_t raw[256 * 1024];
  size_t have = tls->kept_size, at = 0, wrote = 0;
  if (tls->ended)
    return 0;
  if (have)
    memcpy (raw, tls->kept, have);
  /* A record is longer than its plaintext: what is read fits into `into`. */
  size_t asked = (room < sizeof raw ? room : sizeof raw) - have;
  ssize_t got = recv (fd, raw + have, asked, 0);
  tls->drained = got < (ssize_t)asked;
  if (got < 0 && errno != EAGAIN)
    load_die ("recv: %s (TLS)", strerror (errno));
  if (got <= 0)
    return got;
  have += (size_t)got;
  while (!tls->ended && have - at >= HEADER) {
    size_t length = get16 (raw + at + 3);
    if (length > RECORD_LIMIT)
      load_die ("TLS: a record of %zu octets", length);
    if (have - at - HEADER < length)
      break;
    wrote += take_record (tls, raw + at, length, (uint8_t *)into + wrote);
    at += HEADER + length;
  }
  keep (tls, raw + at, have - at);
  return wrote ? (ssize_t)wrote : tls->ended ? 0 : -1;
}

bool
load_tls_drained (const struct load_tls *tls) {
  return tls->drained && !tls->ended;
}

/* Octets the socket takes of `data`. */
static size_t
send_some (int fd, const uint8_t *data, size_t size) {
  ssize_t sent = send (fd, data, size, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN)
    load_die ("send: %s (TLS)", strerror (errno));
  return sent < 0 ? 0 : (size_t)sent;
}

bool
load_tls_pending (const struct load_tls *tls) {
  return tls->pending != NULL;
}

bool
load_tls_flush (struct load_tls *tls, int fd) {
  if (!tls->pending)
    return true;
  tls->pending_at +=
      send_some (fd, tls->pending + tls->pending_at, tls->pending_size - tls->pending_at);
  if (tls->pending_at < tls->pending_size)
    return false;
  free (tls->pending);
  tls->pending = NULL;
  tls->pending_at = tls->pending_size = 0;
  return true;
}

ssize_t
load_tls_write (struct load_tls *tls, int fd, const char *data, size_t size) {
  static uint8_t records[8 * (HEADER + PLAIN_LIMIT + 1 + TAG)];
  size_t filled = 0, taken = 0;
  if (tls->handshake)
    load_die ("TLS: a dialog speaks before the server");
  if (!load_tls_flush (tls, fd))
    return -1;
  for (unsigned i = 0; i < 8 && taken < size; i++) {
    size_t part = size - taken < PLAIN_LIMIT ? size - taken : PLAIN_LIMIT;
    filled += record_seal (&tls->out, RECORD_DATA, data + taken, part, records + filled);
    taken += part;
  }
  size_t sent = send_some (fd, records, filled);
  if (sent < filled)
    queue (tls, records + sent, filled - sent);
  return (ssize_t)taken;
}
