/* SPDX-License-Identifier: Apache-2.0 */
/* load_auth.c - logins over POP3 by SASL, right and wrong ones, for the load generator.
 *
 * --mechanism NAME, or "password" for USER and PASS.  With --wrong every attempt fails: half of the
 * names exist, the others are new each time.  NTLM is NTLMv2 with the hash of --nt-hash (computed
 * outside: OpenSSL has no MD4 any more); SCRAM is only good for failures, its proof is made up. */
#include "load.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 2 /* on one connection: the third failure would end it */
#define MESSAGE_MAX 2048

static uint64_t invented;

struct bytes {
  unsigned char data[MESSAGE_MAX];
  size_t size;
};

static void
add (struct bytes *to, const void *data, size_t size) {
  if (size > sizeof to->data - to->size)
    load_die ("a message of the dialog is too long");
  memcpy (to->data + to->size, data, size);
  to->size += size;
}

static void
add_text (struct bytes *to, const char *text) {
  add (to, text, strlen (text));
}

static void
add_wide (struct bytes *to, const char *text) {
  for (; *text; text++)
    add (to, (const char[]){ *text, 0 }, 2);
}

static void
name_of (struct conn *conn, char *name, size_t size) {
  if (load.wrong && conn->total % 2) {
    snprintf (name, size, "x%llu", (unsigned long long)invented++);
    return;
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf (name, size, load.user_format, conn->user);
#pragma GCC diagnostic pop
}

static void
send_base64 (struct conn *conn, const char *before, const struct bytes *message) {
  char text[64 + MESSAGE_MAX * 4 / 3 + 8];
  size_t size = strlen (before);
  memcpy (text, before, size);
  size += (size_t)EVP_EncodeBlock ((unsigned char *)text + size, message->data, (int)message->size);
  memcpy (text + size, "\r\n", 2);
  conn_send (conn, text, size + 2);
}

/* ---- NTLM -------------------------------------------------------------------------------- */

/* RFC 2104; cheaper than OpenSSL's own: the client must not cost more than the server. */
static void
hmac_md5 (const unsigned char *key, const struct bytes *data, unsigned char *out) {
  static EVP_MD *type;
  static EVP_MD_CTX *context;
  unsigned char inner[16];
  if (!type) {
    type = EVP_MD_fetch (NULL, "MD5", NULL);
    context = EVP_MD_CTX_new ();
  }
  for (int round = 0; round < 2; round++) {
    unsigned char block[64];
    memset (block, round ? 0x5c : 0x36, sizeof block);
    for (int i = 0; i < 16; i++)
      block[i] ^= key[i];
    EVP_DigestInit_ex2 (context, type, NULL);
    EVP_DigestUpdate (context, block, sizeof block);
    EVP_DigestUpdate (context, round ? inner : data->data, round ? sizeof inner : data->size);
    EVP_DigestFinal_ex (context, round ? out : inner, NULL);
  }
}

/* Of --nt-hash; read once, so that the client costs less. */
static const unsigned char *
nt_hash (void) {
  static unsigned char hash[16];
  static bool read;
  for (int i = 0; i < 16 && !read; i++) {
    unsigned octet;
    if (!load.nt_hash || sscanf (load.nt_hash + 2 * i, "%2x", &octet) != 1)
      load_die ("--nt-hash wants 32 hexadecimal digits");
    hash[i] = (unsigned char)octet;
  }
  read = true;
  return hash;
}

static void
ntlm_first (struct bytes *message) {
  add (message, "NTLMSSP\0\1\0\0\0\7\x82\x88\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
}

static unsigned
u16 (const unsigned char *at) {
  return at[0] | (unsigned)at[1] << 8;
}

/* A field's descriptor at `at` in the head: the payload follows 64 octets of head. */
static void
put_field (struct bytes *head, size_t size, size_t *offset) {
  const unsigned char field[8] = { (unsigned char)size,
                                   (unsigned char)(size >> 8),
                                   (unsigned char)size,
                                   (unsigned char)(size >> 8),
                                   (unsigned char)*offset,
                                   (unsigned char)(*offset >> 8),
                                   (unsigned char)(*offset >> 16),
                                   0 };
  add (head, field, sizeof field);
  *offset += size;
}

static void
ntlm_third (const struct bytes *challenge, const char *name, struct bytes *message) {
  unsigned char hash[16], key[16], proof[16];
  char upper[64];
  size_t length = strlen (name), at;
  struct bytes wide = { .size = 0 }, sent = { .size = 0 }, blob = { .size = 0 },
               all = { .size = 0 };
  if (challenge->size < 48)
    load_die ("the challenge of NTLM is too short");
  const size_t info = u16 (challenge->data + 40), where = u16 (challenge->data + 44);
  if (where + info > challenge->size)
    load_die ("the challenge of NTLM is broken");
  memcpy (hash, nt_hash (), sizeof hash);
  hash[0] ^= load.wrong;
  for (at = 0; at <= length; at++)
    upper[at] = (char)(name[at] >= 'a' && name[at] <= 'z' ? name[at] - 32 : name[at]);
  add_wide (&wide, upper);
  add_wide (&sent, name);
  hmac_md5 (hash, &wide, key);
  add (&blob,
       "\1\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
       "clientno\0\0\0\0",
       28);
  add (&blob, challenge->data + where, info);
  add (&blob, "\0\0\0\0", 4);
  add (&all, challenge->data + 24, 8);
  add (&all, blob.data, blob.size);
  hmac_md5 (key, &all, proof);
  add (message, "NTLMSSP\0\3\0\0\0", 12);
  size_t offset = 64;
  put_field (message, 24, &offset);
  put_field (message, 16 + blob.size, &offset);
  put_field (message, 0, &offset);
  put_field (message, sent.size, &offset);
  put_field (message, 0, &offset);
  put_field (message, 0, &offset);
  add (message, "\1\x82\x88\0", 4);
  add (message, (const char[24]){ 0 }, 24);
  add (message, proof, 16);
  add (message, blob.data, blob.size);
  add (message, sent.data, sent.size);
}

/* ---- The mechanisms ---------------------------------------------------------------------- */

static void
begin (struct conn *conn) {
  struct bytes message = { .size = 0 };
  char name[64], line[64];
  const char *mechanism = load.mechanism;
  name_of (conn, name, sizeof name);
  snprintf (conn->name, sizeof conn->name, "%s", name);
  conn->answered = 0;
  conn->total++;
  if (strcmp (mechanism, "password") == 0) {
    conn_printf (conn, "USER %s\r\n", name);
    return;
  }
  snprintf (line, sizeof line, "AUTH %s ", mechanism);
  if (strcmp (mechanism, "PLAIN") == 0) {
    add (&message, "", 1);
    add (&message, name, strlen (name) + 1);
    add_text (&message, load.password);
    add_text (&message, load.wrong ? "x" : "");
  } else if (strncmp (mechanism, "SCRAM", 5) == 0) {
    add_text (&message, "n,,n=");
    add_text (&message, name);
    add_text (&message, ",r=ofTheClient");
  } else if (strcmp (mechanism, "NTLM") == 0)
    ntlm_first (&message);
  else if (strcmp (mechanism, "XOAUTH2") == 0) {
    add_text (&message, "user=");
    add_text (&message, name);
    add_text (&message, "\1auth=Bearer ");
    add_text (&message, load.password);
    add_text (&message, "\1\1");
  } else if (strcmp (mechanism, "OAUTHBEARER") == 0) {
    add_text (&message, "n,a=");
    add_text (&message, name);
    add_text (&message, ",\1auth=Bearer ");
    add_text (&message, load.password);
    add_text (&message, "\1\1");
  } else { /* LOGIN, CRAM-MD5: the server speaks first */
    conn_printf (conn, "AUTH %s\r\n", mechanism);
    return;
  }
  send_base64 (conn, line, &message);
}

static void
answer_scram (const struct bytes *challenge, struct bytes *message) {
  const unsigned char *comma = memchr (challenge->data, ',', challenge->size);
  if (!comma)
    load_die ("a challenge of SCRAM without commas");
  add_text (message, "c=biws,");
  add (message, challenge->data, (size_t)(comma - challenge->data));
  add_text (message, ",p=");
  add_text (message, strstr (load.mechanism, "SHA-1")
                         ? "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
                         : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}

static void
respond (struct conn *conn, const struct bytes *challenge) {
  struct bytes message = { .size = 0 };
  const char *mechanism = load.mechanism;
  const unsigned round = conn->answered++;
  if (strcmp (mechanism, "LOGIN") == 0) {
    add_text (&message, round == 0 ? conn->name : load.password);
    add_text (&message, round && load.wrong ? "x" : "");
  } else if (strcmp (mechanism, "CRAM-MD5") == 0) {
    add_text (&message, conn->name);
    add_text (&message, " 00112233445566778899aabbccddeeff");
  } else if (strncmp (mechanism, "SCRAM", 5) == 0)
    answer_scram (challenge, &message);
  else if (strcmp (mechanism, "NTLM") == 0)
    ntlm_third (challenge, conn->name, &message);
  else
    add (&message, "\1", 1); /* OAuth: what is wrong was told, this ends it */
  send_base64 (conn, "", &message);
}

/* ---- The dialog -------------------------------------------------------------------------- */

static void
take_challenge (struct conn *conn, const char *data, size_t size) {
  struct bytes challenge = { .size = 0 };
  while (size && (data[size - 1] == '\r' || data[size - 1] == '\n'))
    size--;
  if (size > sizeof challenge.data)
    load_die ("a challenge of %zu octets", size);
  int decoded = EVP_DecodeBlock (challenge.data, (const unsigned char *)data, (int)size);
  if (decoded < 0)
    load_die ("a challenge that is not base64");
  challenge.size =
      (size_t)decoded - (size && data[size - 1] == '=') - (size > 1 && data[size - 2] == '=');
  respond (conn, &challenge);
}

static void
leave (struct conn *conn) {
  conn_printf (conn, "QUIT\r\n");
  conn->step = 2;
}

/* steps: 0 the greeting is awaited, 1 in an attempt, 2 behind QUIT */
static size_t
sasl_input (struct conn *conn, const char *data, size_t size) {
  const char *lf = memchr (data, '\n', size);
  if (!lf)
    return 0;
  const size_t taken = (size_t)(lf - data) + 1;
  const bool good = size > 2 && memcmp (data, "+OK", 3) == 0;
  if (conn->step == 0) {
    conn->step = 1;
    conn->asked = 0;
    begin (conn);
  } else if (conn->step == 2) {
    if (!load.wrong)
      load_count (conn);
    conn_close (conn);
    conn->user =
        load.first_user + 1 + (conn->user - load.first_user - 1 + load.connections) % load.users;
    load.finished = load.count && load.done >= load.count;
    load.stopping = load.finished;
  } else if (data[0] == '+' && data[1] == ' ')
    take_challenge (conn, data + 2, taken - 2);
  else if (good && strcmp (load.mechanism, "password") == 0 && conn->answered == 0) {
    conn->answered++;
    conn_printf (conn, "PASS %s%s\r\n", load.password, load.wrong ? "x" : "");
  } else if (good == load.wrong)
    load_die ("%s of %s: %.*s", load.mechanism, conn->name, (int)(taken - 1), data);
  else if (!load.wrong)
    leave (conn);
  else {
    load_count (conn);
    conn->began = load_now ();
    if (++conn->asked < ATTEMPTS)
      begin (conn);
    else
      leave (conn);
  }
  return taken;
}

const struct load_mode mode_pop3_sasl = { .name = "pop3-sasl", .input = sasl_input };

bool
load_auth_option (const char *name, const char *value) {
  if (strcmp (name, "--mechanism") == 0)
    load.mechanism = value;
  else if (strcmp (name, "--nt-hash") == 0)
    load.nt_hash = value;
  else if (strcmp (name, "--wrong") == 0)
    load.wrong = strcmp (value, "yes") == 0;
  else
    return false;
  return true;
}
