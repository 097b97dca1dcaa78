/* SPDX-License-Identifier: Apache-2.0 */
/* gss_ntlm.c - the client's side of NTLM by libgssapi and gss-ntlmssp, for tests/auth/clients.
 *
 * gss-ntlm DOMAIN USER; the password is in the file that NTLM_USER_FILE names.  Reads "YR", and
 * writes "YR MESSAGE"; reads "TT CHALLENGE", and writes "KK MESSAGE": the words of Samba's helpers.
 * Messages are in base64. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_OID_desc ntlmssp = { 10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" };

static void
die (const char *where, OM_uint32 major, OM_uint32 minor) {
  fprintf (stderr, "gss-ntlm: %s: %x %x\n", where, major, minor);
  exit (1);
}

static gss_name_t
import (const char *text, gss_OID type) {
  OM_uint32 minor;
  gss_buffer_desc buffer = { strlen (text), (void *)(size_t)text };
  gss_name_t name;
  OM_uint32 major = gss_import_name (&minor, &buffer, type, &name);
  if (GSS_ERROR (major))
    die (text, major, minor);
  return name;
}

int
main (int argc, char **argv) {
  char line[8192], text[8192], user[512];
  unsigned char octets[8192];
  OM_uint32 major, minor;
  gss_ctx_id_t context = GSS_C_NO_CONTEXT;
  gss_cred_id_t credentials;
  gss_OID_set_desc mechanisms = { 1, &ntlmssp };
  if (argc != 3)
    return 2;
  snprintf (user, sizeof user, "%s\\%s", argv[1], argv[2]);
  gss_name_t us = import (user, GSS_C_NT_USER_NAME);
  gss_name_t them = import ("imap@mail.example.test", GSS_C_NT_HOSTBASED_SERVICE);
  major = gss_acquire_cred (&minor, us, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE, &credentials,
                            NULL, NULL);
  if (GSS_ERROR (major))
    die ("credentials", major, minor);
  while (fgets (line, sizeof line, stdin)) {
    gss_buffer_desc input = { 0, NULL }, output = { 0, NULL };
    line[strcspn (line, "\r\n")] = '\0';
    if (strncmp (line, "TT ", 3) == 0) {
      const size_t length = strlen (line + 3);
      const int size = EVP_DecodeBlock (octets, (unsigned char *)line + 3, (int)length);
      if (size < 0)
        die ("base64", 0, 0);
      input.value = octets;
      input.length = (size_t)size - (length && line[2 + length] == '=')
                     - (length > 1 && line[1 + length] == '=');
    }
    major = gss_init_sec_context (&minor, credentials, &context, them, &ntlmssp, 0, 0, NULL, &input,
                                  NULL, &output, NULL, NULL);
    if (GSS_ERROR (major))
      die ("context", major, minor);
    if (output.length > sizeof text / 4 * 3 - 4)
      die ("too long", 0, 0);
    EVP_EncodeBlock ((unsigned char *)text, output.value, (int)output.length);
    printf ("%s %s\n", major == GSS_S_COMPLETE ? "KK" : "YR", text);
    fflush (stdout);
    gss_release_buffer (&minor, &output);
  }
  return 0;
}
