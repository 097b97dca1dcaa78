/* SPDX-License-Identifier: Apache-2.0 */
/* gss.c - see gss.h. */
#include "gss.h"

#include <com_err.h>
#include <glib.h>
#include <krb5.h>
#include <stdbool.h>
#include <string.h>

/* ---- Credentials ------------------------------------------------------------------------- */

static gss_OID_desc kerberos = { 9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_OID_desc spnego = { 6, (void *)"\x2b\x06\x01\x05\x05\x02" };

static OM_uint32
import_name (const char *service, const char *principal, gss_name_t *name, OM_uint32 *minor) {
  const char *text = principal ? principal : service;
  *name = GSS_C_NO_NAME;
  if (!text)
    return GSS_S_COMPLETE;
  gss_buffer_desc buffer = { strlen (text), (void *)text };
  gss_OID type = principal ? (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME : GSS_C_NT_HOSTBASED_SERVICE;
  return gss_import_name (minor, &buffer, type, name);
}

OM_uint32
acceptor_open (const char *keytab, const char *replay, const char *service, const char *principal,
               gss_cred_id_t *credential, OM_uint32 *minor) {
  gss_OID_desc both[] = { kerberos, spnego };
  gss_OID_set_desc wanted = { 2, both }, within_spnego = { 1, &kerberos };
  gss_key_value_element_desc elements[] = { { "keytab", keytab }, { "rcache", replay } };
  const gss_key_value_set_desc store = { replay ? 2 : 1, elements };
  gss_name_t name;
  OM_uint32 ignored;
  *credential = GSS_C_NO_CREDENTIAL;
  OM_uint32 major = import_name (service, principal, &name, minor);
  if (GSS_ERROR (major))
    return major;
  major = gss_acquire_cred_from (minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT, &store,
                                 credential, NULL, NULL);
  gss_release_name (&ignored, &name);
  if (!GSS_ERROR (major))
    major = gss_set_neg_mechs (minor, *credential, &within_spnego);
  if (GSS_ERROR (major))
    gss_release_cred (&ignored, credential);
  return major;
}

/* ---- Errors ------------------------------------------------------------------------------ */

#define ADVICE_CLOCK "compare the clocks of client, KDC and this server: NTP"
#define ADVICE_KEY                                                                       \
  "make a keytab with this service's key: the client asked for a name that it does not " \
  "have (README.md, \"Keytabs\")"
#define ADVICE_STALE                                                                        \
  "the service's key was changed: export the keytab again; a client that still has an old " \
  "ticket gets a new one by logging in again"
#define ADVICE_ENCTYPE                                                           \
  "keytab and KDC must have an AES key of the service: in Active Directory set " \
  "msDS-SupportedEncryptionTypes to 24 and export the keytab again"
#define ADVICE_OTHER                                                                        \
  "the client's ticket is for another service or host: let it use the name that stands in " \
  "the keytab, or set accept = any"
#define ADVICE_FILE \
  "the server must be able to read the keytab, and to write to its state directory"
#define ADVICE_REPLAY "the replay cache must be in a folder that the server may write to"

struct meaning {
  krb5_error_code code;
  ptn_status status;
  const char *advice;
};

static const struct meaning meanings[] = {
  /* Ours. */
  { KRB5_KT_NOTFOUND, PTN_E_TEMPORARY, ADVICE_KEY },
  { KRB5KRB_AP_ERR_NOKEY, PTN_E_TEMPORARY, ADVICE_KEY },
  { KRB5KRB_AP_ERR_NOT_US, PTN_E_TEMPORARY, ADVICE_KEY },
  { KRB5_KT_KVNONOTFOUND, PTN_E_TEMPORARY, ADVICE_STALE },
  { KRB5KRB_AP_ERR_BADKEYVER, PTN_E_TEMPORARY, ADVICE_STALE },
  { KRB5_RC_IO, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_EOF, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_IO, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_MALLOC, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_PERM, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_SPACE, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_IO_UNKNOWN, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { KRB5_RC_UNKNOWN, PTN_E_TEMPORARY, ADVICE_REPLAY },
  { ENOMEM, PTN_E_TEMPORARY, NULL },
  { EMFILE, PTN_E_TEMPORARY, NULL },
  { ENFILE, PTN_E_TEMPORARY, NULL },
  { EIO, PTN_E_TEMPORARY, ADVICE_FILE },
  { ENOSPC, PTN_E_TEMPORARY, ADVICE_FILE },
  { EROFS, PTN_E_TEMPORARY, ADVICE_FILE },
  { EACCES, PTN_E_TEMPORARY, ADVICE_FILE },
  { EPERM, PTN_E_TEMPORARY, ADVICE_FILE },
  { ENOENT, PTN_E_TEMPORARY, ADVICE_FILE },
  /* The client's, or both's. */
  { KRB5KRB_AP_WRONG_PRINC, PTN_E_AUTHENTICATION, ADVICE_OTHER },
  { KRB5KRB_AP_ERR_SKEW, PTN_E_AUTHENTICATION, ADVICE_CLOCK },
  { KRB5KRB_AP_ERR_TKT_NYV, PTN_E_AUTHENTICATION, ADVICE_CLOCK },
  { KRB5KRB_AP_ERR_TKT_EXPIRED, PTN_E_AUTHENTICATION, NULL },
  { KRB5KRB_AP_ERR_REPEAT, PTN_E_AUTHENTICATION, NULL },
  { KRB5KRB_AP_ERR_BAD_INTEGRITY, PTN_E_AUTHENTICATION, ADVICE_STALE },
  { KRB5KRB_AP_ERR_MODIFIED, PTN_E_AUTHENTICATION, ADVICE_STALE },
  { KRB5_NOPERM_ETYPE, PTN_E_AUTHENTICATION, ADVICE_ENCTYPE },
  { KRB5_BAD_ENCTYPE, PTN_E_AUTHENTICATION, ADVICE_ENCTYPE },
  { KRB5_PROG_ETYPE_NOSUPP, PTN_E_AUTHENTICATION, ADVICE_ENCTYPE },
};

/* One code, KRB5KRB_AP_ERR_NOT_US, stands for several things. */
static const struct {
  const char *text;
  ptn_status status;
  const char *advice;
} tellings[] = {
  { "does not match server principal", PTN_E_AUTHENTICATION, ADVICE_OTHER },
  { "using keytab key for", PTN_E_AUTHENTICATION, ADVICE_OTHER },
  { "keytab is likely out of date", PTN_E_TEMPORARY, ADVICE_STALE },
  { "cannot decrypt ticket", PTN_E_AUTHENTICATION, ADVICE_STALE },
  { "not found in keytab", PTN_E_TEMPORARY, ADVICE_KEY },
};

/* libgssapi gives a code that two mechanisms have used a number of its own (from 100,000 on) for the
 * second: then its text is all that tells. */
static bool
is_meant (const struct meaning *meaning, OM_uint32 minor, const char *text) {
  if ((OM_uint32)meaning->code == minor)
    return true;
  const char *usual = error_message (meaning->code);
  return minor >= 100000 && minor < 200000 && g_str_has_prefix (text, usual);
}

static void
judge (struct fault *fault, OM_uint32 minor) {
  for (size_t i = 0; i < G_N_ELEMENTS (tellings); i++)
    if (strstr (fault->text, tellings[i].text)) {
      fault->status = tellings[i].status;
      fault->advice = tellings[i].advice;
      return;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (is_meant (&meanings[i], minor, fault->text)) {
      fault->status = meanings[i].status;
      fault->advice = meanings[i].advice;
      return;
    }
}

/* Another's text goes into a log line: one line of it. */
static void
append_printable (struct fault *fault, const gss_buffer_desc *text) {
  g_autofree char *valid = g_utf8_make_valid (text->value, (gssize)text->length);
  for (char *at = valid; *at; at++)
    if ((unsigned char)*at < ' ')
      *at = ' ';
  if (*fault->text)
    g_strlcat (fault->text, ": ", sizeof fault->text);
  g_strlcat (fault->text, valid, sizeof fault->text);
}

static void
append_status (struct fault *fault, OM_uint32 code, int type) {
  OM_uint32 minor, more = 0;
  do {
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (GSS_ERROR (gss_display_status (&minor, code, type, GSS_C_NO_OID, &more, &text)))
      return;
    append_printable (fault, &text);
    gss_release_buffer (&minor, &text);
  } while (more);
}

void
fault_of (OM_uint32 major, OM_uint32 minor, struct fault *fault) {
  const OM_uint32 routine = GSS_ROUTINE_ERROR (major);
  *fault = (struct fault){ .status = PTN_E_AUTHENTICATION };
  if (routine == GSS_S_DEFECTIVE_TOKEN)
    fault->status = PTN_E_INVALID;
  else if (routine == GSS_S_NO_CRED) {
    fault->status = PTN_E_TEMPORARY;
    fault->advice = ADVICE_KEY;
  }
  /* What the mechanism says is more than the class it puts it in, if it says anything. */
  if (minor)
    append_status (fault, minor, GSS_C_MECH_CODE);
  if (!*fault->text || strcmp (fault->text, error_message (0)) == 0) {
    *fault->text = '\0';
    append_status (fault, major, GSS_C_GSS_CODE);
  }
  judge (fault, minor);
}
