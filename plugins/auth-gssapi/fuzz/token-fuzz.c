/* SPDX-License-Identifier: Apache-2.0 */
/* token-fuzz.c - octets of the network as a first token, as a principal's name, and as the client's
 * choice of a layer.  The first octet says which.  Nobody is ever let in. */
#include "../names.h"
#include "../negotiation.h"

#include <glib.h>
#include <krb5.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char *folder, *path, *replay;
static struct rules *rules;
static struct keytab *keytab;

static void
make_keytab (void) {
  krb5_context context;
  krb5_keytab table;
  krb5_keytab_entry entry = { .vno = 1 };
  g_autofree char *name = g_strconcat ("WRFILE:", path, NULL);
  g_assert_cmpint (krb5_init_context (&context), ==, 0);
  g_assert_cmpint (krb5_kt_resolve (context, name, &table), ==, 0);
  krb5_parse_name (context, "imap/mail.example.test@EXAMPLE.TEST", &entry.principal);
  krb5_c_make_random_key (context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &entry.key);
  g_assert_cmpint (krb5_kt_add_entry (context, table, &entry), ==, 0);
  krb5_free_keytab_entry_contents (context, &entry);
  krb5_kt_close (context, table);
  krb5_free_context (context);
}

static void
clean_up (void) {
  unlink (path);
  unlink (replay);
  rmdir (folder);
}

static void
set_up (void) {
  g_autofree char *fault = NULL;
  folder = g_dir_make_tmp ("token-fuzz-XXXXXX", NULL);
  path = g_build_filename (folder, "keytab", NULL);
  replay = g_build_filename (folder, "replay", NULL);
  atexit (clean_up);
  make_keytab ();
  rules = rules_new (&(struct rules_input){ .keytab_path = path, .replay_path = replay });
  keytab = keytab_read (path, &fault);
  g_assert_nonnull (keytab);
}

static void
try_token (bool layers, struct ptn_bytes token) {
  const struct negotiation_input input = { .rules = rules,
                                           .keytab = keytab,
                                           .layers = layers,
                                           .service = "imap",
                                           .host = "mail.example.test" };
  struct negotiation *n = negotiation_new (&input);
  struct ptn_bytes challenge;
  for (unsigned i = 0; i < 3; i++)
    if (negotiation_step (n, token, &challenge) == PTN_END)
      g_error ("somebody was let in");
  negotiation_unref (n);
}

static void
try_names (const char *text) {
  const char *const words[] = { "EXAMPLE.TEST", "A=B", "C=@d", NULL };
  char *user, *realm, *authcid, *domain;
  realm_fault (text);
  if (principal_split (text, &user, &realm))
    return;
  if (realm_map (words, user, realm, &authcid, &domain)) {
    g_free (authcid);
    g_free (domain);
  }
  g_free (user);
  g_free (realm);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  if (!rules)
    set_up ();
  if (size == 0)
    return 0;
  const struct ptn_bytes rest = { data + 1, size - 1 };
  g_autofree char *text = g_strndup (rest.data, rest.size);
  char *authzid;
  switch (*data % 4) {
  case 0:
  case 1:
    try_token (*data % 4, rest);
    break;
  case 2:
    try_names (text);
    break;
  default:
    layer_choice (rest, &authzid);
    g_free (authzid);
    token_is_ntlm (rest);
  }
  return 0;
}
