/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - verify_password and with_secret. */
#include "kit.h"

#include "common/password/md4.h"

#include <stdio.h>
#include <time.h>

#define VERIFY "auth.h, verify_password"

RULE (right_password, "password.right", "The right password is right", VERIFY, HAS_PASSWORD, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++)
    must_do (verify_text (f, account (i), password_of (i)), "verify_password of %s", account (i));
}

RULE (wrong_password, "password.wrong", "A wrong password is PTN_E_AUTHENTICATION", VERIFY,
      HAS_PASSWORD, 0) {
  const char *own = account (0), *password = password_of (0);
  g_autofree char *longer = g_strconcat (password, "x", NULL);
  g_autofree char *shorter = g_strndup (password, strlen (password) - 1);
  const char *const wrong[] = { "wrong-zq7", longer, shorter, "\xff", " ", own };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    if (strcmp (wrong[i], password) != 0 && *wrong[i])
      must_give (verify_text (f, own, wrong[i]), PTN_E_AUTHENTICATION,
                 "verify_password of %s with wrong password %zu", own, i + 1);
  if (facts.accounts[1] && strcmp (password, password_of (1)) != 0)
    must_give (verify_text (f, own, password_of (1)), PTN_E_AUTHENTICATION,
               "verify_password of %s with another's password", own);
}

RULE (empty_password, "password.empty", "An empty password is never right",
      VERIFY "; LDAP and others take it for no password at all", HAS_PASSWORD, 0) {
  for (unsigned i = 0; facts.accounts[i]; i++)
    must_give (verify (f, account (i), "", 0), PTN_E_AUTHENTICATION,
               "verify_password of %s with an empty password", account (i));
}

RULE (odd_passwords, "password.odd",
      "A password is octets: a NUL ends nothing, length is no excuse", VERIFY, HAS_PASSWORD, 0) {
  const char *own = account (0), *password = password_of (0);
  const size_t size = strlen (password);
  g_autofree char *behind = g_malloc0 (size + 2);
  memcpy (behind, password, size);
  must_give (verify (f, own, behind, size + 1), PTN_E_AUTHENTICATION,
             "verify_password with the password and a NUL behind it");
  behind[size + 1] = 'x';
  must_give (verify (f, own, behind, size + 2), PTN_E_AUTHENTICATION,
             "verify_password with the password, a NUL and an x");
  must_give (verify (f, own, "", 1), PTN_E_AUTHENTICATION, "verify_password with one NUL");
  g_autofree char *longest = g_strnfill (100000, 'x');
  must_give (verify_text (f, own, longest), PTN_E_AUTHENTICATION,
             "verify_password with 100,000 octets");
}

RULE (unknown_user, "password.unknown", "A user who is not there has no right password", VERIFY,
      HAS_PASSWORD, 0) {
  const ptn_status status = verify_text (f, MISSING, password_of (0));
  must (status == PTN_E_NOT_FOUND || status == PTN_E_AUTHENTICATION,
        "verify_password of a user who is not there: gives %s", status_name (status));
}

RULE (nobody, "password.nobody", "For the user NULL every password is PTN_E_AUTHENTICATION",
      "auth.h: \"For NULL the work of a check is done on nothing\"", HAS_PASSWORD, 0) {
  must_give (verify_text (f, NULL, password_of (0)), PTN_E_AUTHENTICATION,
             "verify_password of NULL");
  must_give (verify_text (f, NULL, "x"), PTN_E_AUTHENTICATION, "verify_password of NULL");
}

#define TIMES 9
#define NOTICEABLE_MS 2.0

static double
milliseconds (struct fixture *f, const char *user) {
  double took[TIMES];
  for (int i = 0; i < TIMES; i++) {
    struct timespec begun, ended;
    g_autofree char *guess = g_strdup_printf ("wrong-%d", i);
    clock_gettime (CLOCK_MONOTONIC, &begun);
    verify_text (f, user, guess);
    clock_gettime (CLOCK_MONOTONIC, &ended);
    took[i] =
        (double)(ended.tv_sec - begun.tv_sec) * 1e3 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e6;
  }
  for (int i = 0; i < TIMES; i++)
    for (int j = i + 1; j < TIMES; j++)
      if (took[j] < took[i]) {
        const double held = took[i];
        took[i] = took[j];
        took[j] = held;
      }
  return took[TIMES / 2];
}

RULE (nobody_takes_as_long, "password.nobody-time",
      "The work for NULL takes about as long as that for a wrong password",
      "auth.h: \"equal time\"", HAS_PASSWORD, 0) {
  for (int tries = 1;; tries++) { /* a busy machine is no finding */
    const double known = milliseconds (f, account (0)), none = milliseconds (f, NULL);
    if (known < NOTICEABLE_MS || (none > known / 3 && none < known * 3))
      return;
    must (tries < 8,
          "a wrong password takes %.1f ms, the user NULL %.1f ms: who measures knows who is there",
          known, none);
  }
}

static void
check_state (struct fixture *f, const char *option, const char *value, ptn_status wanted) {
  const struct pair pair = pair_of (option, value);
  must_give (verify_text (f, pair.first, pair.second), wanted,
             "verify_password of %s with the right password", pair.first);
  must_give (verify_text (f, pair.first, "wrong-zq7"), PTN_E_AUTHENTICATION,
             "verify_password of %s with a wrong password", pair.first);
}

RULE (expired_password, "password.expired",
      "PTN_E_PASSWORD_EXPIRED is told of the right password only", VERIFY, HAS_PASSWORD, 0) {
  check_state (f, "--expired NAME:PASSWORD", facts.expired, PTN_E_PASSWORD_EXPIRED);
}

RULE (disabled_account, "password.disabled", "PTN_E_DISABLED is told of the right password only",
      VERIFY, HAS_PASSWORD, 0) {
  check_state (f, "--disabled NAME:PASSWORD", facts.disabled, PTN_E_DISABLED);
}

RULE (no_password, "password.none", "PTN_CREDENTIALS_NO_PASSWORD: always PTN_E_UNSUPPORTED",
      "auth.h, PTN_CREDENTIALS_NO_PASSWORD", HAS_NO_PASSWORD, 0) {
  if (!CAN (f->credentials, verify_password))
    return;
  must_give (verify_text (f, account (0), password_of (0)), PTN_E_UNSUPPORTED, "verify_password");
}

RULES (directory_password, &right_password_rule, &wrong_password_rule, &empty_password_rule,
       &odd_passwords_rule, &unknown_user_rule, &nobody_rule, &nobody_takes_as_long_rule,
       &expired_password_rule, &disabled_account_rule, &no_password_rule);

/* ---- with_secret ------------------------------------------------------------------------- */

#define SECRET "auth.h, with_secret"

struct used {
  bool (*is_right) (const char *password, struct ptn_bytes secret);
  const char *password;
  ptn_status say;  /* when there is no is_right */
  GThread *thread; /* that makes the call */
  bool stepping;   /* inside of with_secret */
  unsigned times, right;
};

static ptn_status
use (void *argument, struct ptn_bytes secret) {
  struct used *used = argument;
  must (used->stepping && used->thread == g_thread_self (),
        "`use` was called outside of the call of with_secret, or by another thread");
  must (secret.data && secret.size, "`use` was given an empty secret");
  used->times++;
  if (!used->is_right)
    return used->say;
  const bool right = used->is_right (used->password, secret);
  used->right += right;
  return right ? PTN_OK : PTN_E_AUTHENTICATION;
}

static ptn_status
with_secret (struct fixture *f, const char *user, const char *scheme, struct used *used) {
  const struct ptn_credentials *credentials = f->credentials;
  struct ptn_call held = CALL (&f->actor);
  unsigned times = 0;
  ptn_status status;
  used->thread = g_thread_self ();
  actor_call (&f->actor, "credentials->with_secret", __FILE__, __LINE__);
  do {
    used->stepping = true;
    status = credentials->with_secret (f->credentials_instance, &held, &f->request, "", user,
                                       scheme, use, used);
    used->stepping = false;
    if (status == PTN_PENDING)
      actor_wait (&f->actor, &times);
  } while (status == PTN_PENDING);
  END (&f->actor, held);
  return status;
}

static bool
is_plain (const char *password, struct ptn_bytes secret) {
  return secret.size == strlen (password) && memcmp (secret.data, password, secret.size) == 0;
}

static bool
is_nt (const char *password, struct ptn_bytes secret) {
  unsigned char digest[16];
  glong units;
  gunichar2 *text = g_utf8_to_utf16 (password, -1, NULL, &units, NULL);
  if (!text)
    return false;
  for (glong i = 0; i < units; i++)
    text[i] = GUINT16_TO_LE (text[i]);
  md4 (text, (size_t)units * 2, digest);
  g_free (text);
  return secret.size == sizeof digest && memcmp (secret.data, digest, sizeof digest) == 0;
}

static size_t
mac (GChecksumType type, const void *key, size_t key_size, const void *text, size_t size,
     guint8 *out) {
  GHmac *hmac = g_hmac_new (type, key, key_size);
  gsize length = 64;
  g_hmac_update (hmac, text, (gssize)size);
  g_hmac_get_digest (hmac, out, &length);
  g_hmac_unref (hmac);
  return length;
}

/* RFC 5803: "SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER", computed as RFC 5802 says. */
static bool
is_scram (GChecksumType type, const char *prefix, const char *password, struct ptn_bytes secret) {
  g_autofree char *text = g_strndup (secret.data, secret.size);
  g_auto (GStrv) parts = g_strsplit_set (text, "$:", -1);
  if (g_strv_length (parts) != 5 || strcmp (parts[0], prefix) != 0)
    return false;
  gsize salt_size, stored_size, server_size, size;
  g_autofree guchar *salt = g_base64_decode (parts[2], &salt_size);
  g_autofree guchar *stored = g_base64_decode (parts[3], &stored_size);
  g_autofree guchar *server = g_base64_decode (parts[4], &server_size);
  guint8 last[64], salted[64], key[64];
  g_autofree guchar *first = g_malloc0 (salt_size + 4);
  memcpy (first, salt, salt_size);
  first[salt_size + 3] = 1;
  size = mac (type, password, strlen (password), first, salt_size + 4, last);
  memcpy (salted, last, size);
  for (guint64 i = 1; i < g_ascii_strtoull (parts[1], NULL, 10); i++) {
    mac (type, password, strlen (password), last, size, last);
    for (gsize j = 0; j < size; j++)
      salted[j] ^= last[j];
  }
  mac (type, salted, size, "Client Key", 10, key);
  GChecksum *checksum = g_checksum_new (type);
  gsize length = sizeof last;
  g_checksum_update (checksum, key, (gssize)size);
  g_checksum_get_digest (checksum, last, &length);
  g_checksum_free (checksum);
  mac (type, salted, size, "Server Key", 10, key);
  return stored_size == size && memcmp (stored, last, size) == 0 && server_size == size
         && memcmp (server, key, size) == 0;
}

static bool
is_scram_1 (const char *password, struct ptn_bytes secret) {
  return is_scram (G_CHECKSUM_SHA1, "SCRAM-SHA-1", password, secret);
}

static bool
is_scram_256 (const char *password, struct ptn_bytes secret) {
  return is_scram (G_CHECKSUM_SHA256, "SCRAM-SHA-256", password, secret);
}

static const struct {
  uint32_t bit;
  const char *scheme;
  bool (*is_right) (const char *, struct ptn_bytes);
} schemes[] = { { HAS_PLAIN, "PLAIN", is_plain },
                { HAS_NT, "NT", is_nt },
                { HAS_SCRAM_SHA_1, "SCRAM-SHA-1", is_scram_1 },
                { HAS_SCRAM_SHA_256, "SCRAM-SHA-256", is_scram_256 } };

/* Not every account must have every scheme; one of them must have it. */
static void
check_scheme (struct fixture *f, size_t which) {
  unsigned found = 0;
  for (unsigned i = 0; facts.accounts[i]; i++) {
    struct used used = { .is_right = schemes[which].is_right, .password = password_of (i) };
    const ptn_status status = with_secret (f, account (i), schemes[which].scheme, &used);
    if (status == PTN_E_NOT_FOUND) {
      must_be (used.times, 0, "secrets used in a call that gave PTN_E_NOT_FOUND");
      continue;
    }
    must_do (status, "with_secret of %s, %s: %u secrets, and none is made of the password",
             account (i), schemes[which].scheme, used.times);
    must_be (used.right, 1, "secrets that are right, of %s", account (i));
    found++;
  }
  if (!found)
    cannot_run ("no --account has a %s secret", schemes[which].scheme);
}

RULE (plain_secrets, "secret.plain", "A PLAIN secret is the password", SECRET, HAS_PLAIN, 0) {
  check_scheme (f, 0);
}

RULE (nt_secrets, "secret.nt", "An NT secret is the 16 octets of the NT hash", SECRET, HAS_NT, 0) {
  check_scheme (f, 1);
}

RULE (scram_1_secrets, "secret.scram-sha-1", "A SCRAM-SHA-1 secret has the form of RFC 5803",
      SECRET, HAS_SCRAM_SHA_1, 0) {
  check_scheme (f, 2);
}

RULE (scram_256_secrets, "secret.scram-sha-256", "A SCRAM-SHA-256 secret has the form of RFC 5803",
      SECRET, HAS_SCRAM_SHA_256, 0) {
  check_scheme (f, 3);
}

/* A user and a scheme of which there is a secret. */
static const char *
find_secret (struct fixture *f, const char **scheme) {
  for (size_t which = 0; which < G_N_ELEMENTS (schemes); which++)
    for (unsigned i = 0; f->has & schemes[which].bit && facts.accounts[i]; i++) {
      struct used used = { .say = PTN_OK };
      if (with_secret (f, account (i), schemes[which].scheme, &used) == PTN_OK) {
        *scheme = schemes[which].scheme;
        return account (i);
      }
    }
  cannot_run ("no --account has a secret");
}

RULE (refused_secrets, "secret.refused",
      "While `use` says PTN_E_AUTHENTICATION the next secret is tried; then that is the answer",
      SECRET, HAS_SECRETS, 0) {
  const char *scheme, *user = find_secret (f, &scheme);
  struct used used = { .say = PTN_E_AUTHENTICATION };
  must_give (with_secret (f, user, scheme, &used), PTN_E_AUTHENTICATION,
             "with_secret of %s, whose secrets are all refused", user);
  must (used.times >= 1, "`use` was not called");
}

RULE (last_word, "secret.last-word",
      "`use` is called until it says something else than PTN_E_AUTHENTICATION, and not again",
      SECRET, HAS_SECRETS, 0) {
  static const ptn_status words[] = { PTN_OK, PTN_E_INVALID, PTN_E_TEMPORARY };
  const char *scheme, *user = find_secret (f, &scheme);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    struct used used = { .say = words[i] };
    must_give (with_secret (f, user, scheme, &used), words[i],
               "with_secret of %s, where `use` says so", user);
    must_be (used.times, 1, "calls of `use`");
  }
}

RULE (no_such_secret, "secret.unknown",
      "Nobody of that name, or no secret of that scheme: PTN_E_NOT_FOUND, and nothing is used",
      SECRET, HAS_SECRETS, 0) {
  const char *scheme, *user = find_secret (f, &scheme);
  struct used used = { .say = PTN_OK };
  must_give (with_secret (f, MISSING, scheme, &used), PTN_E_NOT_FOUND,
             "with_secret of a user who is not there");
  must_be (used.times, 0, "calls of `use`");
  const ptn_status status = with_secret (f, user, "X-NO-SUCH-SCHEME", &used);
  must (status == PTN_E_NOT_FOUND || status == PTN_E_UNSUPPORTED,
        "with_secret of a scheme that there is not: gives %s", status_name (status));
  must_be (used.times, 0, "calls of `use`");
}

RULE (nobodys_secret, "secret.nobody", "For the user NULL nothing is used: PTN_E_AUTHENTICATION",
      SECRET, HAS_SECRETS, 0) {
  struct used used = { .say = PTN_OK };
  for (size_t which = 0; which < G_N_ELEMENTS (schemes); which++)
    if (f->has & schemes[which].bit) {
      must_give (with_secret (f, NULL, schemes[which].scheme, &used), PTN_E_AUTHENTICATION,
                 "with_secret of NULL, %s", schemes[which].scheme);
      must_be (used.times, 0, "calls of `use`");
    }
}

RULES (directory_secret, &plain_secrets_rule, &nt_secrets_rule, &scram_1_secrets_rule,
       &scram_256_secrets_rule, &refused_secrets_rule, &last_word_rule, &no_such_secret_rule,
       &nobodys_secret_rule);
