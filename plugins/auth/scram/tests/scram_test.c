/* SPDX-License-Identifier: Apache-2.0 */
/* scram_test.c - SCRAM and CRAM-MD5 as a listener offers them, with accounts of a file: keys and
 * passwords in clear, names that nobody has, channel binding, and sessions that go away. */
#include "auth/tests/fixture.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/cram/response.h"
#include "auth/scram/dialogue.h"
#include "auth/scram/invention.h"
#include "common/base64.h"

#define KEYS                                                                                   \
  "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
  "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const char people[] = "[alice]\npassword = " KEYS "\n" /* pencil */
                             "[bob]\npassword = {PLAIN}p\xc3\xa9ncil\ndelegates = alice\n"
                             "[old]\npassword = {PLAIN}pencil\nexpired = yes\n"
                             "[off]\npassword = " KEYS "\ndisabled = yes\n"
                             "[nothing]\n"
                             "[stra\xc3\x9f"
                             "e]\npassword = " KEYS "\n";
static const char *const no_delay[] = { "failure_delay=0", NULL };
static const char *const listener[] = { "sasl_mechanisms=SCRAM-SHA-256-PLUS SCRAM-SHA-256 "
                                        "SCRAM-SHA-1 CRAM-MD5",
                                        NULL };

static struct fixture *
begin (void) {
  return fixture_new (people, no_delay, listener);
}

/* ---- A client ---------------------------------------------------------------------------- */

struct dialogue {
  struct fixture *fixture;
  struct ptn_call call;
  void *exchange;
  const struct scram_hash *hash;
  const struct ptn_identity *identity;
  char *header, *bare, *challenge; /* of the exchange so far */
  const char *bound;               /* the channel binding, or NULL */
};

static void
open_dialogue (struct dialogue *d, struct fixture *f, const char *mechanism) {
  const struct ptn_login *login = f->login.table;
  *d = (struct dialogue){ .fixture = f, .call = { .task = f->task } };
  d->hash = strncmp (mechanism, "SCRAM-SHA-1", 11) == 0 && mechanism[11] != '2' ? &scram_sha_1
                                                                                : &scram_sha_256;
  assert_int_equal (login->start (f->login.instance, &d->call, &f->request, mechanism,
                                  &d->exchange),
                    PTN_OK);
}

static void
close_dialogue (struct dialogue *d) {
  const struct ptn_login *login = d->fixture->login.table;
  login->finish (d->exchange);
  d->fixture->host->call_end (&d->call);
  g_free (d->header);
  g_free (d->bare);
  g_free (d->challenge);
}

static ptn_status
say (struct dialogue *d, const char *response, struct ptn_bytes *challenge) {
  const struct ptn_login *login = d->fixture->login.table;
  const struct ptn_bytes octets = { response, response ? strlen (response) : 0 };
  return HARNESS_AWAIT (d->fixture->task,
                        login->step (d->exchange, &d->call, octets, challenge, &d->identity));
}

/* The first message, in two pieces; keeps the answer. */
static ptn_status
first (struct dialogue *d, const char *header, const char *user) {
  struct ptn_bytes challenge;
  d->header = g_strdup (header);
  d->bare = g_strdup_printf ("n=%s,r=abc", user);
  g_autofree char *message = g_strconcat (d->header, d->bare, NULL);
  const ptn_status status = say (d, message, &challenge);
  if (status == PTN_OK)
    d->challenge = g_strndup (challenge.data, challenge.size);
  return status;
}

static char *
field (const struct dialogue *d, const char *name) {
  g_auto (GStrv) fields = g_strsplit (d->challenge, ",", 3);
  for (size_t i = 0; fields[i]; i++)
    if (strncmp (fields[i], name, 2) == 0)
      return g_strdup (fields[i] + 2);
  fail_msg ("%s is not in %s", name, d->challenge);
  return NULL;
}

static char *
encoded (const void *octets, size_t size) {
  char *text = g_malloc (BASE64_ENCODED_MAX (size));
  base64_encode (octets, size, text);
  return text;
}

static struct scram_salt
told_salt (const struct dialogue *d) {
  g_autofree char *text = field (d, "s="), *count = field (d, "i=");
  struct scram_salt salt = { .iterations = (unsigned)atoi (count) };
  unsigned char octets[SCRAM_SALT_LIMIT + 2];
  size_t size;
  assert_true (base64_decode (text, strlen (text), octets, &size));
  memcpy (salt.octets, octets, size);
  salt.size = (unsigned)size;
  return salt;
}

/* Proves the password; *verifier: what the server must prove. */
static char *
final_message (const struct dialogue *d, const char *password, char **verifier) {
  const unsigned size = d->hash->size;
  const EVP_MD *md = size == 20 ? EVP_sha1 () : EVP_sha256 ();
  const struct scram_salt salt = told_salt (d);
  unsigned char salted[32], client[32], stored[32], server[32], signature[32];
  g_autofree char *nonce = field (d, "r=");
  g_autofree char *binding = g_strconcat (d->header, d->bound, NULL);
  g_autofree char *c = encoded (binding, strlen (binding));
  g_autofree char *without = g_strdup_printf ("c=%s,r=%s", c, nonce);
  g_autofree char *all = g_strdup_printf ("%s,%s,%s", d->bare, d->challenge, without);
  PKCS5_PBKDF2_HMAC (password, (int)strlen (password), salt.octets, (int)salt.size,
                     (int)salt.iterations, md, (int)size, salted);
  HMAC (md, salted, (int)size, (const void *)"Client Key", 10, client, NULL);
  HMAC (md, salted, (int)size, (const void *)"Server Key", 10, server, NULL);
  EVP_Digest (client, size, stored, NULL, md, NULL);
  HMAC (md, stored, (int)size, (const void *)all, strlen (all), signature, NULL);
  for (unsigned i = 0; i < size; i++)
    client[i] ^= signature[i];
  HMAC (md, server, (int)size, (const void *)all, strlen (all), signature, NULL);
  g_autofree char *p = encoded (client, size), *v = encoded (signature, size);
  *verifier = g_strconcat ("v=", v, NULL);
  return g_strdup_printf ("%s,p=%s", without, p);
}

static ptn_status
prove (struct dialogue *d, const char *password) {
  g_autofree char *verifier = NULL;
  g_autofree char *message = final_message (d, password, &verifier);
  struct ptn_bytes last;
  const ptn_status status = say (d, message, &last);
  if (status == PTN_END) {
    assert_int_equal (last.size, strlen (verifier));
    assert_memory_equal (last.data, verifier, last.size);
  }
  return status;
}

static ptn_status
whole (struct fixture *f, const char *mechanism, const char *header, const char *user,
       const char *password, char **who) {
  struct dialogue d;
  open_dialogue (&d, f, mechanism);
  ptn_status status = first (&d, header, user);
  if (status == PTN_OK)
    status = prove (&d, password);
  if (status == PTN_END && who)
    *who = g_strdup_printf ("%s %s", d.identity->authcid, d.identity->account);
  close_dialogue (&d);
  return status;
}

static void
logs (struct fixture *f, const char *text) {
  g_autofree char *log = harness_log_take (f->harness);
  if (!strstr (log, text))
    fail_msg ("\"%s\" is not in: %s", text, log);
}

/* ---- Passwords --------------------------------------------------------------------------- */

static void
right_and_wrong (void **state) {
  struct fixture *f = begin ();
  static const struct {
    const char *mechanism, *user, *password;
    ptn_status status;
  } rows[] = {
    { "SCRAM-SHA-256", "alice", "pencil", PTN_END },
    { "SCRAM-SHA-256", "ALICE@example.test", "pencil", PTN_END },
    { "SCRAM-SHA-256", "alice", "pencils", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "bob", "p\xc3\xa9ncil", PTN_END },
    { "SCRAM-SHA-1", "bob", "p\xc3\xa9ncil", PTN_END },
    { "SCRAM-SHA-1", "bob", "pencil", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-1", "alice", "pencil", PTN_E_AUTHENTICATION }, /* no such key */
    { "SCRAM-SHA-256", "nothing", "", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "nobody", "", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "nobody", "nobody", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "old", "pencil", PTN_E_PASSWORD_EXPIRED },
    { "SCRAM-SHA-256", "old", "pencils", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "off", "pencil", PTN_E_AUTHENTICATION },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const ptn_status status =
        whole (f, rows[i].mechanism, "n,,", rows[i].user, rows[i].password, NULL);
    if (status != rows[i].status)
      fail_msg ("%s %s %s: %d", rows[i].mechanism, rows[i].user, rows[i].password, status);
  }
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "reason=unknown user"));
  assert_non_null (strstr (log, "reason=account is disabled"));
  assert_non_null (strstr (log, "reason=wrong password"));
  assert_non_null (strstr (log, "reason=neither keys nor a password in clear are stored"));
  assert_non_null (strstr (log, "mechanism=SCRAM-SHA-1"));
  assert_null (strstr (log, "pencil"));
  fixture_free (f);
}

static void
authorization_identity (void **state) {
  struct fixture *f = begin ();
  g_autofree char *who = NULL, *as_bob = NULL;
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "alice", "pencil", &who), PTN_END);
  assert_string_equal (who, "alice alice");
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,a=bob,", "alice", "pencil", &as_bob), PTN_END);
  assert_string_equal (as_bob, "alice bob");
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,a=alice,", "bob", "p\xc3\xa9ncil", NULL),
                    PTN_E_AUTHENTICATION);
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,a=nobody,", "alice", "pencil", NULL),
                    PTN_E_AUTHENTICATION);
  fixture_free (f);
}

static void
without_initial_response (void **state) {
  struct fixture *f = begin ();
  struct dialogue d;
  struct ptn_bytes challenge;
  open_dialogue (&d, f, "SCRAM-SHA-256");
  assert_int_equal (say (&d, NULL, &challenge), PTN_OK);
  assert_int_equal (challenge.size, 0);
  assert_int_equal (first (&d, "n,,", "alice"), PTN_OK);
  assert_int_equal (prove (&d, "pencil"), PTN_END);
  close_dialogue (&d);
  open_dialogue (&d, f, "SCRAM-SHA-256");
  assert_int_equal (say (&d, NULL, &challenge), PTN_OK);
  assert_int_equal (say (&d, NULL, &challenge), PTN_E_INVALID);
  close_dialogue (&d);
  open_dialogue (&d, f, "SCRAM-SHA-256");
  assert_int_equal (say (&d, "n,,n=alice,r=x,m=1", &challenge), PTN_E_INVALID);
  close_dialogue (&d);
  logs (f, "reason=extensions-not-supported");
  fixture_free (f);
}

/* ---- What an unknown name is told -------------------------------------------------------- */

static char *
told (struct fixture *f, const char *user) {
  struct dialogue d;
  open_dialogue (&d, f, "SCRAM-SHA-256");
  assert_int_equal (first (&d, "n,,", user), PTN_OK);
  g_autofree char *salt = field (&d, "s="), *count = field (&d, "i="), *nonce = field (&d, "r=");
  assert_int_equal (strlen (nonce), 3 + 24);
  close_dialogue (&d);
  return g_strconcat (salt, " ", count, NULL);
}

static void
inventions_stay (void **state) {
  struct fixture *f = begin ();
  g_autofree char *alice = told (f, "alice"), *nobody = told (f, "nobody");
  g_autofree char *again = told (f, "nobody"), *spelt = told (f, "EXAMPLE\\NOBODY");
  g_autofree char *other = told (f, "somebody"), *bob = told (f, "bob");
  assert_string_equal (alice, "W22ZaJ0SNY7soEsUEjb6gQ== 4096");
  assert_int_equal (strlen (nobody), strlen (alice));
  assert_string_equal (nobody, again);
  assert_string_equal (nobody, spelt);
  assert_string_not_equal (nobody, other);
  assert_int_equal (strlen (bob), strlen (nobody)); /* whose password is stored in clear */
  assert_true (g_str_has_suffix (bob, "== 4096"));
  fixture_free (f);
}

/* Every way to write a name, some of which can be nobody's. */
static const char *const forms[] = {
  "%s",
  "EXAMPLE\\%s",
  "example/%s",
  "example.test\\%s",
  "%s@example.test",
  "%s@EXAMPLE.org",
  "%s@example.test/bob",
  "EXAMPLE/%s/bob",
  "%s@example.test/not-there",
  "EXAMPLE\\%s\\not-there",
  "%s@example.test/guest",
  "%s@elsewhere.test",
  "OTHER\\%s",
  "OTHER\\%s@example.test",
  "%s@@example.test",
  "%s/",
  "/%s",
  " %s",
  "%s+x",
};

/* What is told of all forms of a name. */
static char **
told_of_forms (struct fixture *f, const char *name) {
  char **all = g_new0 (char *, 2 * G_N_ELEMENTS (forms) + 1);
  g_autofree char *upper = g_utf8_strup (name, -1);
  for (size_t i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_auto (GStrv) pieces = g_strsplit (forms[i], "%s", 2);
    g_autofree char *lower_form = g_strconcat (pieces[0], name, pieces[1], NULL);
    g_autofree char *upper_form = g_strconcat (pieces[0], upper, pieces[1], NULL);
    all[2 * i] = told (f, lower_form);
    all[2 * i + 1] = told (f, upper_form);
  }
  return all;
}

/* Which forms of a name have one salt must not depend on whether somebody has the name. */
static void
must_look_alike (struct fixture *f, const char *name, const char *other) {
  g_auto (GStrv) one = told_of_forms (f, name);
  g_auto (GStrv) two = told_of_forms (f, other);
  for (size_t i = 0; one[i]; i++)
    for (size_t k = 0; k < i; k++)
      if (g_str_equal (one[i], one[k]) != g_str_equal (two[i], two[k]))
        fail_msg ("%s and %s differ in \"%s\" (%zu) and \"%s\" (%zu)", name, other, forms[i / 2],
                  i % 2, forms[k / 2], k % 2);
  for (size_t i = 0; one[i]; i++)
    assert_int_equal (strlen (one[i]), strlen (two[i]));
}

static void
spellings_do_not_tell (void **state) {
  struct fixture *f = begin ();
  must_look_alike (f, "alice", "nobody");
  must_look_alike (f, "bob", "nobody");
  must_look_alike (f, "off", "nobody");
  must_look_alike (f, "nothing", "nobody");
  must_look_alike (f,
                   "stra\xc3\x9f"
                   "e",
                   "ma\xc3\x9f"
                   "e");
  fixture_free (f);
}

/* Where accounts are called by their addresses, one name in two domains is two users. */
static void
addresses_do_not_tell (void **state) {
  static const char hosted[] = "[bob]\npassword = {PLAIN}x\n"
                               "[carol@example.org]\npassword = " KEYS "\n"
                               "[dave@example.test]\npassword = " KEYS "\n"
                               "[erin@example.org]\npassword = {PLAIN}x\n";
  struct fixture *f = fixture_new (hosted, no_delay, listener);
  must_look_alike (f, "carol", "nobody");
  must_look_alike (f, "dave", "nobody");
  must_look_alike (f, "erin", "nobody");
  fixture_free (f);
}

/* Is it decided at once how this login ends, without any work in the lane? */
static bool
decided_at_once (struct fixture *f, const char *user, const char *password) {
  const struct ptn_login *login = f->login.table;
  struct dialogue d;
  struct ptn_bytes challenge;
  g_autofree char *verifier = NULL;
  open_dialogue (&d, f, "SCRAM-SHA-256");
  assert_int_equal (first (&d, "n,,", user), PTN_OK);
  g_autofree char *message = final_message (&d, password, &verifier);
  const struct ptn_bytes octets = { message, strlen (message) };
  g_free (harness_log_take (f->harness));
  const ptn_status status = login->step (d.exchange, &d.call, octets, &challenge, &d.identity);
  g_autofree char *log = harness_log_take (f->harness);
  close_dialogue (&d);
  assert_true (status == PTN_PENDING || status == PTN_END);
  return strstr (log, "login.") != NULL;
}

/* The lane may be done before it is looked, but not each time. */
static bool
goes_through_the_lane (struct fixture *f, const char *user, const char *password) {
  for (int i = 0; i < 50; i++)
    if (!decided_at_once (f, user, password))
      return true;
  return false;
}

/* The right password of who is turned away is no quicker than a wrong one. */
static void
disabled_accounts_cost_the_same (void **state) {
  struct fixture *f = begin ();
  assert_false (goes_through_the_lane (f, "alice", "pencil"));
  assert_true (goes_through_the_lane (f, "alice", "pencils"));
  assert_true (goes_through_the_lane (f, "off", "pencil"));
  assert_true (goes_through_the_lane (f, "off", "pencils"));
  assert_true (goes_through_the_lane (f, "nobody", "pencil"));
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "off", "pencil", NULL), PTN_E_AUTHENTICATION);
  logs (f, "reason=account is disabled");
  fixture_free (f);
}

/* A mailbox that is nobody's is wrong after the proof, and only then. */
static void
unknown_mailboxes (void **state) {
  struct fixture *f = begin ();
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "alice@example.test/bob", "pencil", NULL),
                    PTN_END);
  g_free (harness_log_take (f->harness));
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "alice@example.test/x", "pencil", NULL),
                    PTN_E_AUTHENTICATION);
  logs (f, "reason=unknown mailbox");
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "alice@example.test/x", "pencils", NULL),
                    PTN_E_AUTHENTICATION);
  logs (f, "reason=wrong password");
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "EXAMPLE/nobody/x", "pencil", NULL),
                    PTN_E_AUTHENTICATION);
  logs (f, "reason=unknown user");
  assert_int_equal (whole (f, "SCRAM-SHA-256", "n,,", "old@example.test/x", "pencil", NULL),
                    PTN_E_AUTHENTICATION); /* and not that it has expired */
  fixture_free (f);
}

static void
secret_is_kept (void **state) {
  g_autofree char *folder = g_dir_make_tmp ("scram-test-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "scram-secret", NULL);
  unsigned char one[SCRAM_SECRET], two[SCRAM_SECRET];
  struct scram_salt first_salt, second_salt;
  assert_null (scram_secret_load (folder, one));
  assert_null (scram_secret_load (folder, two));
  assert_memory_equal (one, two, sizeof one);
  scram_salt_invent (one, &scram_sha_256, "a", 4096, &first_salt);
  scram_salt_invent (two, &scram_sha_256, "a", 4096, &second_salt);
  assert_true (scram_salt_equal (&first_salt, &second_salt));
  scram_salt_invent (two, &scram_sha_1, "a", 4096, &second_salt);
  assert_false (scram_salt_equal (&first_salt, &second_salt));
  assert_true (g_file_set_contents (file, "short", -1, NULL)); /* damaged: a new one */
  assert_null (scram_secret_load (folder, two));
  assert_memory_not_equal (one, two, sizeof one);
  assert_int_equal (unlink (file), 0);
  assert_int_equal (rmdir (folder), 0);
  g_autofree char *why = scram_secret_load (folder, two);
  assert_non_null (why);
}

/* ---- Channel binding --------------------------------------------------------------------- */

static void
plus (void **state) {
  struct fixture *f = begin ();
  struct dialogue d;
  const struct ptn_login *login = f->login.table;
  void *exchange;
  assert_int_equal (login->start (f->login.instance, &(struct ptn_call){ .task = f->task },
                                  &f->request, "SCRAM-SHA-256-PLUS", &exchange),
                    PTN_E_UNSUPPORTED);
  assert_int_equal (whole (f, "SCRAM-SHA-256", "y,,", "alice", "pencil", NULL), PTN_END);

  harness_stream_set_property (f->stream, "test.binding.tls-exporter", "unique");
  open_dialogue (&d, f, "SCRAM-SHA-256-PLUS");
  d.bound = "unique";
  assert_int_equal (first (&d, "p=tls-exporter,,", "alice"), PTN_OK);
  assert_int_equal (prove (&d, "pencil"), PTN_END);
  close_dialogue (&d);
  logs (f, "detail=tls-exporter");
  open_dialogue (&d, f, "SCRAM-SHA-256-PLUS");
  d.bound = "uniqve";
  assert_int_equal (first (&d, "p=tls-exporter,,", "alice"), PTN_OK);
  assert_int_equal (prove (&d, "pencil"), PTN_E_AUTHENTICATION);
  close_dialogue (&d);
  logs (f, "reason=channel-bindings-dont-match");
  static const struct {
    const char *mechanism, *header, *reason;
    ptn_status status;
  } rows[] = {
    { "SCRAM-SHA-256-PLUS", "n,,", "reason=other-error", PTN_E_INVALID },
    { "SCRAM-SHA-256-PLUS", "p=tls-unique,,", "reason=unsupported-channel-binding-type",
      PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "reason=unsupported-channel-binding-type",
      PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "p=tls-exporter,,", "reason=channel-binding-not-supported",
      PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-256", "y,,", "reason=server-does-support-channel-binding", PTN_E_AUTHENTICATION },
    { "SCRAM-SHA-1", "y,,", "login.success", PTN_END }, /* its -PLUS is not offered here */
    { "SCRAM-SHA-256", "n,,", "login.success", PTN_END },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *user = i == 5 ? "bob" : "alice";
    assert_int_equal (whole (f, rows[i].mechanism, rows[i].header, user,
                             i == 5 ? "p\xc3\xa9ncil" : "pencil", NULL),
                      rows[i].status);
    logs (f, rows[i].reason);
  }
  fixture_free (f);
}

/* ---- Sessions that go away --------------------------------------------------------------- */

static void
given_up (void **state) {
  struct fixture *f = begin ();
  const struct ptn_login *login = f->login.table;
  for (unsigned when = 0; when < 3; when++) {
    struct dialogue d;
    struct ptn_bytes challenge;
    g_autofree char *verifier = NULL;
    open_dialogue (&d, f, "SCRAM-SHA-1");
    if (when > 0)
      assert_int_equal (first (&d, "n,,", "bob"), PTN_OK);
    if (when > 1) { /* the lane works for nobody then */
      g_autofree char *message = final_message (&d, "p\xc3\xa9ncil", &verifier);
      const ptn_status status =
          login->step (d.exchange, &d.call, (struct ptn_bytes){ message, strlen (message) },
                       &challenge, &d.identity);
      assert_true (status == PTN_PENDING || status == PTN_END); /* if the lane was that quick */
    }
    close_dialogue (&d);
  }
  fixture_free (f);
}

/* ---- CRAM-MD5 ---------------------------------------------------------------------------- */

static ptn_status
cram (struct fixture *f, const char *user, const char *password) {
  struct dialogue d;
  struct ptn_bytes challenge;
  unsigned char digest[16];
  open_dialogue (&d, f, "CRAM-MD5");
  assert_int_equal (say (&d, NULL, &challenge), PTN_OK);
  assert_memory_equal (challenge.data, "<", 1);
  HMAC (EVP_md5 (), password, (int)strlen (password), challenge.data, challenge.size, digest, NULL);
  g_autoptr (GString) response = g_string_new (user);
  g_string_append_c (response, ' ');
  for (unsigned i = 0; i < 16; i++)
    g_string_append_printf (response, "%02x", digest[i]);
  const ptn_status status = say (&d, response->str, &challenge);
  close_dialogue (&d);
  return status;
}

static void
cram_md5 (void **state) {
  struct fixture *f = begin ();
  struct dialogue d;
  struct ptn_bytes challenge;
  assert_int_equal (cram (f, "bob", "p\xc3\xa9ncil"), PTN_END);
  assert_int_equal (cram (f, "bob", "pencil"), PTN_E_AUTHENTICATION);
  assert_int_equal (cram (f, "nobody", "pencil"), PTN_E_AUTHENTICATION);
  assert_int_equal (cram (f, "alice", "pencil"), PTN_E_AUTHENTICATION); /* not in clear */
  assert_int_equal (cram (f, "old", "pencil"), PTN_E_PASSWORD_EXPIRED);
  open_dialogue (&d, f, "CRAM-MD5");
  assert_int_equal (say (&d, "bob 00000000000000000000000000000000", &challenge), PTN_E_INVALID);
  close_dialogue (&d);
  fixture_free (f);
}

static void
cram_responses (void **state) {
  /* RFC 2195 section 2 */
  static const char whole[] = "tim b913a602c7eda7a495b4e6e7334d3890";
  static const char asked[] = "<1896.697170952@postoffice.reston.mci.net>";
  unsigned char digest[CRAM_DIGEST];
  char *user;
  assert_true (cram_response_parse ((struct ptn_bytes){ whole, sizeof whole - 1 }, &user, digest));
  assert_string_equal (user, "tim");
  assert_true (cram_response_matches (digest, asked, (struct ptn_bytes){ "tanstaaftanstaaf", 16 }));
  assert_false (
      cram_response_matches (digest, asked, (struct ptn_bytes){ "tanstaaftanstaag", 16 }));
  g_free (user);
  for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
    g_autofree char *exact = g_memdup2 (whole, cut ? cut : 1);
    assert_false (cram_response_parse ((struct ptn_bytes){ exact, cut }, &user, digest));
    assert_null (user);
  }
  static const char *const bad[] = {
    " b913a602c7eda7a495b4e6e7334d3890",       "tim B913A602C7EDA7A495B4E6E7334D3890",
    "tim b913a602c7eda7a495b4e6e7334d389g",    "tim\tb913a602c7eda7a495b4e6e7334d3890",
    "t\x01m b913a602c7eda7a495b4e6e7334d3890", "\xff b913a602c7eda7a495b4e6e7334d3890",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (
        cram_response_parse ((struct ptn_bytes){ bad[i], strlen (bad[i]) }, &user, digest));
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (right_and_wrong),
    cmocka_unit_test (authorization_identity),
    cmocka_unit_test (without_initial_response),
    cmocka_unit_test (inventions_stay),
    cmocka_unit_test (spellings_do_not_tell),
    cmocka_unit_test (addresses_do_not_tell),
    cmocka_unit_test (unknown_mailboxes),
    cmocka_unit_test (disabled_accounts_cost_the_same),
    cmocka_unit_test (secret_is_kept),
    cmocka_unit_test (plus),
    cmocka_unit_test (given_up),
    cmocka_unit_test (cram_md5),
    cmocka_unit_test (cram_responses),
  };
  fixture_directory_module = argv[1];
  fixture_auth_module = argv[2];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
