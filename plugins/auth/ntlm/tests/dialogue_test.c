/* SPDX-License-Identifier: Apache-2.0 */
/* dialogue_test.c - NTLM through postern.login/1: stored hashes, a domain that takes its time, and
 * clients that give up, come too early or too late. */
#include "../../tests/fixture.h"
#include "octets.h"

/* Of "Password", [MS-NLMP] 4.2.2.1.2. */
#define HASH "{NT}a4f49c406510bdcab6824ee7c30fd852"
#define OTHER_HASH "{NT}0123456789abcdef0123456789abcdef"

static const unsigned char nt_hash[16] = { 0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca,
                                           0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52 };
/* [MS-NLMP] 4.2.4.2.3, as fake-domain.c has it. */
static const char session_key[] = "8de40ccadbc14a82f15cb0ad0de95ca3";
static const char negotiate[] = "4e544c4d53535000 01000000 07820800";

static const char people[] = "[alice]\npassword = " HASH "\n"
                             "[two]\npassword = " OTHER_HASH "\npassword = " HASH "\n"
                             "[plain]\npassword = {PLAIN}Password\n"
                             "[remote]\n[old]\npassword = " HASH "\nexpired = yes\n";
static const char *const iwa[] = { "integrated_windows_authentication=yes", NULL };
static const char *const chain[] = { "failure_delay=0",
                                     "credentials=directory-file:directory-file+fake-domain",
                                     NULL };

struct dialogue {
  struct fixture *f;
  void *exchange;
  struct ptn_call call;
  GByteArray *negotiate, *challenge;
  const struct ptn_identity *identity;
};

static const struct ptn_login *
login_of (const struct dialogue *d) {
  return d->f->login.table;
}

static ptn_status
step (struct dialogue *d, struct ptn_bytes response) {
  struct ptn_bytes challenge = { NULL, 0 };
  const ptn_status status =
      HARNESS_AWAIT (d->f->task, login_of (d)->step (d->exchange, &d->call, response, &challenge,
                                                     &d->identity));
  if (status == PTN_OK) {
    g_byte_array_set_size (d->challenge, 0);
    g_byte_array_append (d->challenge, challenge.data, (guint)challenge.size);
  }
  return status;
}

static struct dialogue
begin (struct fixture *f) {
  struct dialogue d = { .f = f,
                        .call = { .task = f->task },
                        .negotiate = octets_from_hex (negotiate),
                        .challenge = g_byte_array_new () };
  assert_int_equal (login_of (&d)->start (f->login.instance, &d.call, &f->request, "NTLM",
                                          &d.exchange),
                    PTN_OK);
  return d;
}

static void
end (struct dialogue *d) {
  login_of (d)->finish (d->exchange);
  d->f->host->call_end (&d->call);
  g_byte_array_unref (d->negotiate);
  g_byte_array_unref (d->challenge);
}

static void
append_name (GByteArray *array, const char *name) {
  ntlm_text_append_unicode (array, name, NTLM_AS_IS);
}

static void
hmac (const unsigned char key[16], const GByteArray *data, unsigned char out[16]) {
  GHmac *made = g_hmac_new (G_CHECKSUM_MD5, key, 16);
  gsize size = 16;
  g_hmac_update (made, data->data, data->len);
  g_hmac_get_digest (made, out, &size);
  g_hmac_unref (made);
}

/* NTLMv2 of "Password" to the challenge, with these AV pairs (in hex).  The LM response beside it is
 * nobody's business. */
static GByteArray *
answer_with (const struct dialogue *d, const char *user, const char *workstation,
             const char *pairs) {
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autofree char *hex =
      g_strdup_printf ("0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000 %s 00000000",
                       pairs);
  g_autoptr (GByteArray) blob = octets_from_hex (hex);
  unsigned char key[16], proof[16];
  assert_true (ntlm_ntowf_v2 (nt_hash, user, NTLM_UPPER, "", key));
  g_byte_array_append (data, d->challenge->data + 24, 8);
  g_byte_array_append (data, blob->data, blob->len);
  hmac (key, data, proof);
  GByteArray *fields[6] = { g_byte_array_new (), g_byte_array_new (), g_byte_array_new (),
                            g_byte_array_new (), g_byte_array_new (), g_byte_array_new () };
  g_byte_array_append (fields[0], (const guint8 *)"an LM response of 24 .. ", 24);
  g_byte_array_append (fields[1], proof, 16);
  g_byte_array_append (fields[1], blob->data, blob->len);
  append_name (fields[3], user);
  append_name (fields[4], workstation);
  return octets_authenticate_of (88, NTLM_UNICODE, fields);
}

/* With a MIC under mic_key, if there is one. */
static GByteArray *
answer (const struct dialogue *d, const char *user, const char *workstation, const char *mic_key) {
  GByteArray *made = answer_with (d, user, workstation, mic_key ? "0600040002000000" : "");
  if (mic_key) {
    g_autoptr (GByteArray) raw_key = octets_from_hex (mic_key);
    g_autoptr (GByteArray) all = g_byte_array_new ();
    g_byte_array_append (all, d->negotiate->data, d->negotiate->len);
    g_byte_array_append (all, d->challenge->data, d->challenge->len);
    g_byte_array_append (all, made->data, made->len);
    hmac (raw_key->data, all, made->data + NTLM_MIC_OFFSET);
  }
  return made;
}

static ptn_status
log_in (struct fixture *f, const char *user, const char *workstation, const char *mic_key) {
  struct dialogue d = begin (f);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
  g_autoptr (GByteArray) message = answer (&d, user, workstation, mic_key);
  const ptn_status status = step (&d, octets_bytes (message));
  if (status == PTN_END)
    assert_string_equal (d.identity->account, user);
  end (&d);
  return status;
}

static void
stored_hashes (void **state) {
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=0", NULL }, iwa);
  assert_int_equal (log_in (f, "alice", "WS", NULL), PTN_END);
  assert_int_equal (log_in (f, "two", "WS", NULL), PTN_END);
  assert_int_equal (log_in (f, "plain", "WS", NULL), PTN_END);
  assert_int_equal (log_in (f, "old", "WS", NULL), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (log_in (f, "remote", "RIGHT", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "nobody", "WS", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "alice", "WS", session_key),
                    PTN_E_AUTHENTICATION); /* another's MIC */
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "(MIC)"));
  assert_int_equal (harness_metric (f->harness, "fake_domain_asked"), 0);
  fixture_free (f);
}

static void
a_domain_is_asked (void **state) {
  struct fixture *f = fixture_new (people, chain, iwa);
  assert_int_equal (log_in (f, "alice", "WS", NULL), PTN_END);
  assert_int_equal (harness_metric (f->harness, "fake_domain_asked"), 0);
  assert_int_equal (log_in (f, "remote", "RIGHT", NULL), PTN_END);
  assert_int_equal (log_in (f, "remote", "RIGHT", session_key), PTN_END);
  assert_int_equal (log_in (f, "remote", "RIGHT", "00000000000000000000000000000000"),
                    PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "remote", "KEYLESS", session_key), PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "remote", "WRONG", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "remote", "OLD", NULL), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (log_in (f, "remote", "OFF", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (log_in (f, "remote", "DOWN", NULL), PTN_E_TEMPORARY);
  assert_int_equal (harness_metric (f->harness, "fake_domain_asked"), 8);
  assert_int_equal (log_in (f, "nobody", "RIGHT", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, "fake_domain_nobody"), 1);
  fixture_free (f);
}

/* The client goes away while the domain is asked. */
static void
giving_up (void **state) {
  struct fixture *f = fixture_new (people, chain, iwa);
  for (int rounds = 1; rounds <= 2; rounds++) {
    struct dialogue d = begin (f);
    assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
    g_autoptr (GByteArray) message = answer (&d, "remote", "RIGHT", NULL);
    for (int i = 0; i < rounds; i++) {
      struct ptn_bytes challenge;
      assert_int_equal (login_of (&d)->step (d.exchange, &d.call, octets_bytes (message),
                                             &challenge, &d.identity),
                        PTN_PENDING);
      harness_wait (f->task);
    }
    end (&d);
  }
  struct dialogue fresh = begin (f);
  end (&fresh);
  struct dialogue challenged = begin (f);
  assert_int_equal (step (&challenged, octets_bytes (challenged.negotiate)), PTN_OK);
  end (&challenged);
  fixture_free (f);
}

static void
empty_challenge (void **state) {
  struct fixture *f = fixture_new (people, chain, iwa);
  for (int i = 0; i < 2; i++) { /* no initial response, and one of no octets */
    struct dialogue d = begin (f);
    assert_int_equal (step (&d, (struct ptn_bytes){ i ? "" : NULL, 0 }), PTN_OK);
    assert_int_equal (d.challenge->len, 0);
    assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
    g_autoptr (GByteArray) message = answer (&d, "alice", "WS", NULL);
    assert_int_equal (step (&d, octets_bytes (message)), PTN_END);
    assert_int_equal (step (&d, octets_bytes (message)), PTN_E_INVALID);
    end (&d);
  }
  struct dialogue d = begin (f);
  assert_int_equal (step (&d, (struct ptn_bytes){ NULL, 0 }), PTN_OK);
  assert_int_equal (step (&d, (struct ptn_bytes){ "", 0 }), PTN_E_INVALID); /* asked twice */
  end (&d);
  fixture_free (f);
}

static void
out_of_order (void **state) {
  struct fixture *f = fixture_new (people, chain, iwa);
  struct dialogue d = begin (f);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_E_INVALID);
  end (&d);
  d = begin (f);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
  g_autoptr (GByteArray) message = answer (&d, "alice", "WS", NULL);
  end (&d);
  d = begin (f); /* the answer to another challenge */
  assert_int_equal (step (&d, octets_bytes (message)), PTN_E_INVALID);
  end (&d);
  d = begin (f);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
  assert_int_equal (step (&d, octets_bytes (message)), PTN_E_AUTHENTICATION);
  end (&d);
  d = begin (f);
  assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
  assert_int_equal (step (&d, (struct ptn_bytes){ NULL, 0 }), PTN_E_INVALID);
  end (&d);
  fixture_free (f);
}

/* [MS-NLMP] 3.2.5.1.2: no name and no response, or an LM response of one zero octet; or the flag. */
static void
anonymous (void **state) {
  struct fixture *f = fixture_new (people, chain, iwa);
  for (int how = 0; how < 3; how++) {
    struct dialogue d = begin (f);
    assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
    g_autoptr (GByteArray) lm = octets_from_hex ("00");
    g_autoptr (GByteArray) message =
        how < 2 ? octets_authenticate (88, NTLM_UNICODE, (GByteArray *const[6]){ how ? lm : NULL })
                : answer (&d, "alice", "WS", NULL);
    if (how == 2)
      message->data[61] |= NTLM_ANONYMOUS >> 8;
    assert_int_equal (step (&d, octets_bytes (message)), PTN_E_AUTHENTICATION);
    g_autofree char *log = harness_log_take (f->harness);
    assert_non_null (strstr (log, "anonymous is always refused"));
    end (&d);
  }
  fixture_free (f);
}

/* ---- Extended protection ----------------------------------------------------------------- */

static void
set_channel (struct fixture *f, const char *hash, bool tls) {
  fixture_address (f, "192.0.2.1", tls);
  harness_stream_set_property (f->stream, "test.binding.tls-server-end-point", hash);
}

/* 16 octets of MsvAvChannelBindings that are right for "hash", wrong, zeros, or not there. */
static char *
bindings_pair (char what) {
  unsigned char octets[16] = { 0 };
  if (what == '-')
    return g_strdup ("");
  if (what == 'r' || what == 'w')
    assert_true (
        ntlm_binding_hash ("tls-server-end-point", (struct ptn_bytes){ "hash", 4 }, octets));
  octets[15] ^= what == 'w';
  GString *hex = g_string_new ("0a001000");
  for (size_t i = 0; i < sizeof octets; i++)
    g_string_append_printf (hex, "%02x", octets[i]);
  return g_string_free (hex, FALSE);
}

static void
channels (void **state) {
  static const struct {
    const char *setting;
    const char *hash; /* of our certificate; NULL: it has none (Ed25519) */
    bool tls;
    const char *good; /* which of "rwz-" may log in; NULL: NTLM is not offered */
  } cases[] = {
    { "extended_protection=none", "hash", true, "rwz-" },
    { "extended_protection=none", NULL, false, "rwz-" },
    { "extended_protection=allow", "hash", true, "rz-" },
    { "extended_protection=allow", NULL, true, "rwz-" }, /* nobody can tell */
    { "extended_protection=allow", NULL, false, "z-" },
    { "extended_protection=require", "hash", true, "r" },
    { "extended_protection=require", NULL, true, NULL },
    { "extended_protection=require", NULL, false, NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *const settings[] = { iwa[0], cases[i].setting, NULL };
    struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=0", NULL }, settings);
    set_channel (f, cases[i].hash, cases[i].tls);
    if (!cases[i].good)
      assert_int_equal (fixture_sasl (f, "NTLM", "", 0, NULL), PTN_E_UNSUPPORTED);
    for (const char *what = "rwz-"; cases[i].good && *what; what++) {
      struct dialogue d = begin (f);
      g_autofree char *pair = bindings_pair (*what);
      assert_int_equal (step (&d, octets_bytes (d.negotiate)), PTN_OK);
      g_autoptr (GByteArray) message = answer_with (&d, "alice", "WS", pair);
      const ptn_status status = step (&d, octets_bytes (message));
      if (status != (strchr (cases[i].good, *what) ? PTN_END : PTN_E_AUTHENTICATION))
        fail_msg ("%s, %s, %d, %c: %d", cases[i].setting, cases[i].hash, cases[i].tls, *what,
                  (int)status);
      end (&d);
    }
    fixture_free (f);
  }
}

static void
offered_where_it_can_be_verified (void **state) {
  static const struct {
    const char *settings[3];
    bool offered;
  } cases[] = {
    { { "integrated_windows_authentication=yes" }, true },
    { { "integrated_windows_authentication=no" }, false },
    { { "sasl_mechanisms=NTLM PLAIN" }, false }, /* that switch and no other */
    { { "integrated_windows_authentication=yes", "extended_protection=require" }, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct fixture *f = fixture_new (people, chain, cases[i].settings);
    const struct ptn_login *login = f->login.table;
    struct ptn_call call = { .task = f->task };
    void *exchange;
    const ptn_status status =
        login->start (f->login.instance, &call, &f->request, "NTLM", &exchange);
    assert_int_equal (status, cases[i].offered ? PTN_OK : PTN_E_UNSUPPORTED);
    if (status == PTN_OK)
      login->finish (exchange);
    fixture_free (f);
  }
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (stored_hashes), cmocka_unit_test (a_domain_is_asked),
    cmocka_unit_test (giving_up),     cmocka_unit_test (empty_challenge),
    cmocka_unit_test (out_of_order),  cmocka_unit_test (offered_where_it_can_be_verified),
    cmocka_unit_test (anonymous),     cmocka_unit_test (channels),
  };
  fixture_directory_module = argv[1];
  fixture_auth_module = argv[2];
  fixture_extra_module = argv[3];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
