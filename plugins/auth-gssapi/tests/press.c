/* SPDX-License-Identifier: Apache-2.0 */
/* press.c - see press.h.  Tickets are RFC 4120 section 5.3, put together from the inside out. */
#include "press.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <krb5.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MUST(call) g_assert_cmpint ((call), ==, 0)

struct press {
  krb5_context context;
  char *folder, *keytab;
  GHashTable *keys; /* principal -> krb5_keyblock */
  unsigned caches;
};

static void
key_free (void *key) {
  krb5_free_keyblock (NULL, key);
}

struct press *
press_new (void) {
  struct press *press = g_new0 (struct press, 1);
  MUST (krb5_init_context (&press->context));
  press->folder = g_dir_make_tmp ("gssapi-test-XXXXXX", NULL);
  press->keytab = g_build_filename (press->folder, "keytab", NULL);
  press->keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, key_free);
  return press;
}

void
press_free (struct press **handle) {
  struct press *press = *handle;
  g_autoptr (GDir) folder = g_dir_open (press->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (folder));) {
    g_autofree char *path = g_build_filename (press->folder, name, NULL);
    g_unlink (path);
  }
  g_rmdir (press->folder);
  g_hash_table_unref (press->keys);
  krb5_free_context (press->context);
  g_free (press->folder);
  g_free (press->keytab);
  g_free (press);
  *handle = NULL;
}

const char *
press_folder (const struct press *press) {
  return press->folder;
}

const char *
press_keytab (const struct press *press) {
  return press->keytab;
}

static krb5_keyblock *
new_key (struct press *press) {
  krb5_keyblock *key;
  MUST (krb5_init_keyblock (press->context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, 0, &key));
  krb5_free_keyblock_contents (press->context, key);
  MUST (krb5_c_make_random_key (press->context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, key));
  return key;
}

void
press_add (struct press *press, const char *principal) {
  krb5_keyblock *key = new_key (press);
  krb5_keytab table;
  krb5_keytab_entry entry = { .vno = 1, .key = *key };
  g_autofree char *name = g_strconcat ("WRFILE:", press->keytab, NULL);
  MUST (krb5_kt_resolve (press->context, name, &table));
  MUST (krb5_parse_name (press->context, principal, &entry.principal));
  MUST (krb5_kt_add_entry (press->context, table, &entry));
  krb5_free_principal (press->context, entry.principal);
  krb5_kt_close (press->context, table);
  g_hash_table_insert (press->keys, g_strdup (principal), key);
}

/* ---- DER --------------------------------------------------------------------------------- */

static GByteArray *
octets (const void *data, size_t size) {
  return g_byte_array_append (g_byte_array_new (), data, (guint)size);
}

static GByteArray *
tagged (guint8 tag, GByteArray *content) {
  guint8 head[6] = { tag };
  guint length = 2;
  if (content->len < 128) {
    head[1] = (guint8)content->len;
  } else {
    head[1] = 0x83;
    head[2] = (guint8)(content->len >> 16);
    head[3] = (guint8)(content->len >> 8);
    head[4] = (guint8)content->len;
    length = 5;
  }
  return g_byte_array_prepend (content, head, length);
}

#define CONTEXT(number, content) tagged ((guint8)(0xa0 | (number)), content)
#define SEQUENCE(content) tagged (0x30, content)

static GByteArray *
join (GByteArray *first, GByteArray *second) {
  g_byte_array_append (first, second->data, second->len);
  g_byte_array_unref (second);
  return first;
}

static GByteArray *
integer (int value) {
  const guint8 big_endian[4] = { (guint8)(value >> 24), (guint8)(value >> 16), (guint8)(value >> 8),
                                 (guint8)value };
  return tagged (0x02, octets (big_endian, 4));
}

static GByteArray *
string (const krb5_data *data) {
  return tagged (0x1b, octets (data->data, data->length));
}

static GByteArray *
name_of (krb5_const_principal principal) {
  GByteArray *parts = g_byte_array_new ();
  for (int i = 0; i < principal->length; i++)
    parts = join (parts, string (&principal->data[i]));
  return SEQUENCE (join (CONTEXT (0, integer (KRB5_NT_PRINCIPAL)), CONTEXT (1, SEQUENCE (parts))));
}

static GByteArray *
moment (int seconds) {
  const time_t when = time (NULL) + seconds;
  struct tm tm;
  char text[32];
  gmtime_r (&when, &tm);
  const size_t length = strftime (text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
  return tagged (0x18, octets (text, length));
}

/* ---- Tickets ----------------------------------------------------------------------------- */

static GByteArray *
inner_part (const struct press_order *order, krb5_const_principal client,
            const krb5_keyblock *session) {
  static const guint8 flags[] = { 0, 0x00, 0x60, 0x00, 0x00 }; /* initial, pre-authenticated */
  GByteArray *key = join (CONTEXT (0, integer (session->enctype)),
                          CONTEXT (1, tagged (0x04, octets (session->contents, session->length))));
  GByteArray *transited =
      join (CONTEXT (0, integer (1)), CONTEXT (1, tagged (0x04, octets ("", 0))));
  GByteArray *part = CONTEXT (0, tagged (0x03, octets (flags, sizeof flags)));
  part = join (part, CONTEXT (1, SEQUENCE (key)));
  part = join (part, CONTEXT (2, string (&client->realm)));
  part = join (part, CONTEXT (3, name_of (client)));
  part = join (part, CONTEXT (4, SEQUENCE (transited)));
  part = join (part, CONTEXT (5, moment (order->starts)));
  part = join (part, CONTEXT (6, moment (order->starts)));
  part = join (part, CONTEXT (7, moment (order->ends ? order->ends : 3600)));
  if (order->padding) {
    g_autofree guint8 *padding = g_malloc0 (order->padding);
    GByteArray *datum = join (CONTEXT (0, integer (4711)),
                              CONTEXT (1, tagged (0x04, octets (padding, order->padding))));
    part = join (part, CONTEXT (10, SEQUENCE (SEQUENCE (datum))));
  }
  return tagged (0x63, SEQUENCE (part));
}

static GByteArray *
encrypted (struct press *press, GByteArray *clear, const krb5_keyblock *key, int kvno) {
  size_t length;
  MUST (krb5_c_encrypt_length (press->context, key->enctype, clear->len, &length));
  g_autofree char *cipher = g_malloc (length);
  krb5_enc_data out = { .ciphertext = { .length = (unsigned)length, .data = cipher } };
  krb5_data in = { .length = clear->len, .data = (char *)clear->data };
  MUST (krb5_c_encrypt (press->context, key, KRB5_KEYUSAGE_KDC_REP_TICKET, NULL, &in, &out));
  g_byte_array_unref (clear);
  GByteArray *data = join (CONTEXT (0, integer (key->enctype)), CONTEXT (1, integer (kvno)));
  return SEQUENCE (join (data, CONTEXT (2, tagged (0x04, octets (cipher, length)))));
}

static GByteArray *
print_ticket (struct press *press, const struct press_order *order, krb5_const_principal client,
              krb5_const_principal server, const krb5_keyblock *session) {
  krb5_keyblock *stranger = order->other_key ? new_key (press) : NULL;
  const char *service = order->service ? order->service : "imap/mail.example.test@" PRESS_REALM;
  const krb5_keyblock *key = stranger ? stranger : g_hash_table_lookup (press->keys, service);
  g_assert_nonnull (key);
  GByteArray *ticket = CONTEXT (0, integer (5));
  ticket = join (ticket, CONTEXT (1, string (&server->realm)));
  ticket = join (ticket, CONTEXT (2, name_of (server)));
  ticket = join (ticket, CONTEXT (3, encrypted (press, inner_part (order, client, session), key,
                                                order->kvno ? order->kvno : 1)));
  if (stranger)
    krb5_free_keyblock (press->context, stranger);
  return tagged (0x61, SEQUENCE (ticket));
}

/* A cache in memory with the one ticket in it; for the client it is always good. */
static char *
print_cache (struct press *press, const struct press_order *order, const char *service) {
  krb5_principal client, server;
  krb5_ccache cache;
  char *name = g_strdup_printf ("MEMORY:press%p-%u", (void *)press, press->caches++);
  krb5_keyblock *session = new_key (press);
  MUST (krb5_parse_name (press->context, order->client ? order->client : "alice@" PRESS_REALM,
                         &client));
  MUST (krb5_parse_name (press->context, service, &server));
  GByteArray *ticket = print_ticket (press, order, client, server, session);
  krb5_creds creds = { .client = client, .server = server, .keyblock = *session };
  creds.times.authtime = creds.times.starttime = (krb5_timestamp)time (NULL) - 3600;
  creds.times.endtime = creds.times.authtime + 2 * 3600;
  creds.ticket = (krb5_data){ .length = ticket->len, .data = (char *)ticket->data };
  MUST (krb5_cc_resolve (press->context, name, &cache));
  /* A cache keeps by how much the clock differed when it was made, and clients go by it. */
  MUST (krb5_set_real_time (press->context, (krb5_timestamp)(time (NULL) + order->clock), 0));
  MUST (krb5_cc_initialize (press->context, cache, client));
  MUST (krb5_cc_store_cred (press->context, cache, &creds));
  krb5_cc_close (press->context, cache);
  g_byte_array_unref (ticket);
  krb5_free_keyblock (press->context, session);
  krb5_free_principal (press->context, client);
  krb5_free_principal (press->context, server);
  return name;
}

/* ---- Clients ----------------------------------------------------------------------------- */

static gss_OID_desc kerberos = { 9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_OID_desc negotiate = { 6, (void *)"\x2b\x06\x01\x05\x05\x02" };

static void
must_gss (OM_uint32 major) {
  if (GSS_ERROR (major))
    g_error ("the client: major %x", major);
}

void
client_init (struct client *client, struct press *press, const struct press_order *order) {
  static const struct press_order usual = { NULL };
  const struct press_order *wanted = order ? order : &usual;
  const char *service = wanted->name      ? wanted->name
                        : wanted->service ? wanted->service
                                          : "imap/mail.example.test@" PRESS_REALM;
  g_autofree char *cache = print_cache (press, wanted, service);
  gss_key_value_element_desc element = { "ccache", cache };
  const gss_key_value_set_desc store = { 1, &element };
  gss_OID_desc both[] = { kerberos, negotiate };
  gss_OID_set_desc mechanisms = { 2, both };
  gss_buffer_desc name = { strlen (service), (void *)service };
  OM_uint32 minor;
  *client = (struct client){ .flags = GSS_C_MUTUAL_FLAG };
  must_gss (gss_import_name (&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &client->target));
  must_gss (gss_acquire_cred_from (&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
                                   GSS_C_INITIATE, &store, &client->credential, NULL, NULL));
  gss_buffer_desc none = GSS_C_EMPTY_BUFFER;
  if (!wanted->flags)
    must_gss (gss_set_cred_option (&minor, &client->credential,
                                   (gss_OID)GSS_KRB5_CRED_NO_CI_FLAGS_X, &none));
}

void
client_clear (struct client *client) {
  OM_uint32 minor;
  gss_release_buffer (&minor, &client->output);
  gss_delete_sec_context (&minor, &client->context, GSS_C_NO_BUFFER);
  gss_release_cred (&minor, &client->credential);
  gss_release_name (&minor, &client->target);
}

struct ptn_bytes
client_token (struct client *client, struct ptn_bytes challenge) {
  gss_buffer_desc input = { challenge.size, (void *)challenge.data };
  struct gss_channel_bindings_struct binding = { 0 };
  if (client->binding)
    binding.application_data =
        (gss_buffer_desc){ strlen (client->binding), (void *)client->binding };
  OM_uint32 minor;
  gss_release_buffer (&minor, &client->output);
  const OM_uint32 major =
      gss_init_sec_context (&minor, client->credential, &client->context, client->target,
                            client->spnego ? &negotiate : &kerberos, client->flags, 0,
                            client->binding ? &binding : GSS_C_NO_CHANNEL_BINDINGS, &input, NULL,
                            &client->output, NULL, NULL);
  must_gss (major);
  client->done = !(major & GSS_S_CONTINUE_NEEDED);
  return (struct ptn_bytes){ client->output.value, client->output.length };
}

struct ptn_bytes
client_choose (struct client *client, struct ptn_bytes challenge, unsigned char offer[4],
               const void *choice, size_t size) {
  gss_buffer_desc input = { challenge.size, (void *)challenge.data };
  gss_buffer_desc offered, answer = { size, (void *)choice };
  OM_uint32 minor;
  must_gss (gss_unwrap (&minor, client->context, &input, &offered, NULL, NULL));
  g_assert_cmpuint (offered.length, ==, 4);
  memcpy (offer, offered.value, 4);
  gss_release_buffer (&minor, &offered);
  gss_release_buffer (&minor, &client->output);
  must_gss (
      gss_wrap (&minor, client->context, 0, GSS_C_QOP_DEFAULT, &answer, NULL, &client->output));
  return (struct ptn_bytes){ client->output.value, client->output.length };
}
