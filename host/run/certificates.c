/* SPDX-License-Identifier: Apache-2.0 */
/* certificates.c - see certificates.h. */
#include "run/certificates.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_FILE = 80 * 1024 }; /* two of them fit a message of channel.h */

struct identity { /* of a file's content, as far as stat tells */
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
};

struct pair {
  bool trust;              /* see certificates.h */
  char *certificate, *key; /* key: "" if there is no such file */
  char *certificate_pem, *key_pem;
  struct identity loaded[2]; /* what the PEMs were read from, or was refused */
  struct identity seen[2];   /* at the last look */
};

struct certificates {
  GPtrArray *pairs; /* struct pair */
};

static void
wipe (char **text) {
  if (*text)
    explicit_bzero (*text, strlen (*text));
  g_clear_pointer (text, g_free);
}

static void
pair_free (void *element) {
  struct pair *pair = element;
  wipe (&pair->key_pem);
  g_free (pair->certificate_pem);
  g_free (pair->certificate);
  g_free (pair->key);
  g_free (pair);
}

static void
identify (const char *path, struct identity *identity) {
  struct stat status;
  *identity = (struct identity){ 0 };
  if (stat (path, &status) == 0)
    *identity = (struct identity){ .device = status.st_dev,
                                   .inode = status.st_ino,
                                   .size = status.st_size,
                                   .modified = status.st_mtim };
}

static bool
same_identity (const struct identity *a, const struct identity *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size
         && a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static void
identify_pair (const struct pair *pair, struct identity identities[2]) {
  identify (pair->certificate, &identities[0]);
  identify (pair->key, &identities[1]); /* "" is no file, and stays so */
}

/* The whole file as a string; NULL and *reason. */
static char *
read_file (const char *path, char **reason) {
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  char *text = g_malloc (LARGEST_FILE + 1);
  size_t size = 0;
  ssize_t got = fd < 0 ? -1 : 1;

  while (got > 0 && size < LARGEST_FILE) {
    got = read (fd, text + size, LARGEST_FILE - size);
    if (got > 0)
      size += (size_t)got;
  }
  if (got < 0)
    *reason = g_strdup_printf ("%s: %s", path, g_strerror (errno));
  else if (size == LARGEST_FILE)
    *reason = g_strdup_printf ("%s: larger than %d octets", path, LARGEST_FILE);
  if (fd >= 0)
    close (fd);
  text[size] = '\0';
  if (*reason)
    wipe (&text);
  return text;
}

static int
no_passphrase (char *buffer, int size, int writing, void *user) {
  return -1; /* nobody is there to type it */
}

/* NULL, or what is wrong with the two. */
static char *
check_pair (const char *certificate_pem, const char *key_pem, const struct pair *pair) {
  BIO *certificate_text = BIO_new_mem_buf (certificate_pem, -1);
  BIO *key_text = BIO_new_mem_buf (key_pem, -1);
  X509 *certificate = PEM_read_bio_X509 (certificate_text, NULL, no_passphrase, NULL);
  EVP_PKEY *key = PEM_read_bio_PrivateKey (key_text, NULL, no_passphrase, NULL);
  char *reason = NULL;

  if (!certificate)
    reason = g_strdup_printf ("%s: no certificate in PEM form", pair->certificate);
  else if (!key)
    reason = g_strdup_printf ("%s: no private key in PEM form, or it has a passphrase", pair->key);
  else if (X509_check_private_key (certificate, key) != 1)
    reason = g_strdup_printf ("%s does not belong to %s", pair->key, pair->certificate);
  X509_free (certificate);
  EVP_PKEY_free (key);
  BIO_free (certificate_text);
  BIO_free (key_text);
  ERR_clear_error ();
  return reason;
}

/* NULL, or what is wrong with authorities and revocation lists. */
static char *
check_trust (const char *authorities, const char *lists, const struct pair *pair) {
  const struct tls_trust trust = { .authorities = { authorities, strlen (authorities) },
                                   .revoked = { lists, strlen (lists) },
                                   .label = pair->certificate };
  g_autoptr (GError) error = NULL;
  X509_STORE *store = tls_trust_store (&trust, &error);
  X509_STORE_free (store);
  return store ? NULL : g_strdup (error->message);
}

/* Reads the two; on success they replace what was there.  NULL, or what is wrong. */
static char *
read_pair (struct pair *pair) {
  char *reason = NULL;

  identify_pair (pair, pair->loaded);
  char *certificate_pem = read_file (pair->certificate, &reason);
  char *key_pem = reason ? NULL : *pair->key ? read_file (pair->key, &reason) : g_strdup ("");
  if (!reason)
    reason = pair->trust ? check_trust (certificate_pem, key_pem, pair)
                         : check_pair (certificate_pem, key_pem, pair);
  if (reason) {
    g_free (certificate_pem);
    wipe (&key_pem);
    return reason;
  }
  g_free (pair->certificate_pem);
  wipe (&pair->key_pem);
  pair->certificate_pem = certificate_pem;
  pair->key_pem = key_pem;
  return NULL;
}

struct certificates *
certificates_new (void) {
  struct certificates *certificates = g_new0 (struct certificates, 1);
  certificates->pairs = g_ptr_array_new_with_free_func (pair_free);
  return certificates;
}

void
certificates_free (struct certificates **certificates) {
  if (*certificates)
    g_ptr_array_unref ((*certificates)->pairs);
  g_clear_pointer (certificates, g_free);
}

static struct pair *
find_pair (const GPtrArray *pairs, bool trust, const char *certificate, const char *key) {
  for (guint i = 0; i < pairs->len; i++) {
    struct pair *pair = pairs->pdata[i];
    if (pair->trust == trust && strcmp (pair->certificate, certificate) == 0
        && strcmp (pair->key, key) == 0)
      return pair;
  }
  return NULL;
}

struct loading {
  struct certificates *known;
  GPtrArray *pairs;
  struct config_errors *errors;
  bool good;
};

static void
want_pair (struct loading *loading, const struct config_place *place, bool trust,
           const char *certificate, const char *key) {
  if (!certificate || !key || find_pair (loading->pairs, trust, certificate, key))
    return;
  struct pair *pair = g_new0 (struct pair, 1);
  pair->trust = trust;
  pair->certificate = g_strdup (certificate);
  pair->key = g_strdup (key);
  g_autofree char *reason = read_pair (pair);
  memcpy (pair->seen, pair->loaded, sizeof pair->seen);
  const struct pair *old = find_pair (loading->known->pairs, trust, certificate, key);
  if (reason && old) { /* it has got worse since: what we hold is still good */
    config_warning (loading->errors, place->file, place->line,
                    "%s; the certificate that was read before stays in use", reason);
    pair->certificate_pem = g_strdup (old->certificate_pem);
    pair->key_pem = g_strdup (old->key_pem);
  } else if (reason) {
    config_error (loading->errors, place->file, place->line, "%s", reason);
    loading->good = false;
  }
  g_ptr_array_add (loading->pairs, pair);
}

static void
want_listener (struct loading *loading, const struct config_listener *listener) {
  const char *lists = listener->client_crl ? listener->client_crl : "";
  want_pair (loading, &listener->place, false, listener->certificate, listener->key);
  if (listener->client != CONFIG_CLIENT_NONE)
    want_pair (loading, &listener->place, true, listener->client_ca, lists);
}

bool
certificates_load (struct certificates *certificates, const struct config *config,
                   struct config_errors *errors) {
  struct loading loading = { .known = certificates,
                             .pairs = g_ptr_array_new_with_free_func (pair_free),
                             .errors = errors,
                             .good = true };

  want_pair (&loading, &config->server.place, false, config->server.certificate,
             config->server.key);
  for (size_t i = 0; i < config->listener_count; i++)
    if (config->listeners[i].tls != CONFIG_TLS_NONE && !config->listeners[i].off)
      want_listener (&loading, &config->listeners[i]);
  for (size_t i = 0; i < config->certificate_count; i++)
    want_pair (&loading, &config->certificates[i].place, false, config->certificates[i].certificate,
               config->certificates[i].key);
  if (!loading.good) {
    g_ptr_array_unref (loading.pairs);
    return false;
  }
  g_ptr_array_unref (certificates->pairs);
  certificates->pairs = loading.pairs;
  return true;
}

static void
tell (const struct pair *pair, certificates_each *each, void *user) {
  const struct certificate_pair told = { pair->trust, pair->certificate, pair->key,
                                         pair->certificate_pem, pair->key_pem };
  each (user, &told);
}

void
certificates_for_each (struct certificates *certificates, certificates_each *each, void *user) {
  for (guint i = 0; i < certificates->pairs->len; i++)
    tell (certificates->pairs->pdata[i], each, user);
}

void
certificates_look (struct certificates *certificates, struct logger *logger,
                   certificates_each *each, void *user) {
  for (guint i = 0; i < certificates->pairs->len; i++) {
    struct pair *pair = certificates->pairs->pdata[i];
    struct identity now[2];
    identify_pair (pair, now);
    bool still = same_identity (&now[0], &pair->seen[0]) && same_identity (&now[1], &pair->seen[1]);
    memcpy (pair->seen, now, sizeof now);
    if (!still
        || (same_identity (&now[0], &pair->loaded[0]) && same_identity (&now[1], &pair->loaded[1])))
      continue;
    g_autofree char *reason = read_pair (pair);
    if (reason) {
      logger_event (logger, PTN_LOG_ERROR, "certificate.refused", "certificate", pair->certificate,
                    "key", pair->key, "error", reason, NULL);
    } else {
      logger_event (logger, PTN_LOG_NOTICE, "certificate.changed", "certificate", pair->certificate,
                    "key", pair->key, NULL);
      tell (pair, each, user);
    }
  }
}
