/* SPDX-License-Identifier: Apache-2.0 */
/* negotiation.c - the dialogue; see negotiation.h.  Owns the context, the credentials and all that
 * its identity points to. */
#include "gss.h"
#include "names.h"
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_LIMIT 16 /* Kerberos takes two, SPNEGO three or four */
#define BINDING_PREFIX "tls-server-end-point:"

typedef enum {
  STATE_NEW,      /* nothing has come */
  STATE_CONTEXT,  /* tokens are exchanged */
  STATE_TOLD,     /* the last token was sent: an empty answer follows */
  STATE_CHOOSING, /* "no layer" was offered: the client's choice follows */
  STATE_OVER
} negotiation_state;

struct negotiation {
  gint references;
  struct rules *rules;
  struct keytab *keytab;
  bool layers, require_binding;
  char *service, *host;
  GByteArray *binding; /* prefix and hash; the prefix alone is nobody's; empty: none */

  negotiation_state state;
  unsigned rounds;
  gss_ctx_id_t context;
  gss_cred_id_t credential;
  gss_buffer_desc output; /* what *challenge points to */

  char *principal, *user, *authcid, *domain, *authzid;
  struct ptn_identity identity;
  struct fault fault;
};

/* ---- Life -------------------------------------------------------------------------------- */

struct negotiation *
negotiation_new (const struct negotiation_input *input) {
  struct negotiation *n = g_new0 (struct negotiation, 1);
  n->references = 1;
  n->rules = rules_ref (input->rules);
  n->keytab = keytab_ref (input->keytab);
  n->layers = input->layers;
  n->require_binding = input->require_binding;
  n->service = g_strdup (input->service);
  n->host = g_strdup (input->host);
  n->binding = g_byte_array_new ();
  if (input->server.size || input->no_channel)
    g_byte_array_append (n->binding, (const guint8 *)BINDING_PREFIX, strlen (BINDING_PREFIX));
  if (input->server.size)
    g_byte_array_append (n->binding, input->server.data, (guint)input->server.size);
  n->context = GSS_C_NO_CONTEXT;
  n->credential = GSS_C_NO_CREDENTIAL;
  return n;
}

struct negotiation *
negotiation_ref (struct negotiation *n) {
  g_atomic_int_inc (&n->references);
  return n;
}

void
negotiation_unref (struct negotiation *n) {
  OM_uint32 minor;
  if (!g_atomic_int_dec_and_test (&n->references))
    return;
  gss_release_buffer (&minor, &n->output);
  gss_delete_sec_context (&minor, &n->context, GSS_C_NO_BUFFER);
  gss_release_cred (&minor, &n->credential);
  g_byte_array_unref (n->binding);
  g_free (n->service);
  g_free (n->host);
  g_free (n->principal);
  g_free (n->user);
  g_free (n->authcid);
  g_free (n->domain);
  g_free (n->authzid);
  keytab_unref (n->keytab);
  rules_unref (n->rules);
  g_free (n);
}

const char *
negotiation_reason (const struct negotiation *n) {
  return n->fault.text;
}

const char *
negotiation_advice (const struct negotiation *n) {
  return n->fault.advice;
}

const char *
negotiation_principal (const struct negotiation *n) {
  return n->principal;
}

const struct ptn_identity *
negotiation_identity (const struct negotiation *n) {
  return &n->identity;
}

/* ---- Failing ----------------------------------------------------------------------------- */

static ptn_status
fail (struct negotiation *n, ptn_status status, const char *text) {
  n->fault.status = status;
  n->fault.advice = NULL;
  g_strlcpy (n->fault.text, text, sizeof n->fault.text);
  return status;
}

static ptn_status
fail_gss (struct negotiation *n, OM_uint32 major, OM_uint32 minor) {
  fault_of (major, minor, &n->fault);
  return n->fault.status;
}

/* ---- The context ------------------------------------------------------------------------- */

/* The credentials are opened for each client: the keytab may have been replaced. */
static ptn_status
acquire (struct negotiation *n) {
  const struct rules *rules = n->rules;
  const char *principal =
      keytab_find (n->keytab, n->service, rules->names == NAMES_HOST ? n->host : NULL);
  g_autofree char *service = NULL;
  OM_uint32 minor;
  if (rules->names != NAMES_ANY) {
    if (!principal) {
      fail (n, PTN_E_TEMPORARY, "the keytab has no key for this service");
      n->fault.advice = "make a keytab with a key for it: README.md, \"Keytabs\"";
      return PTN_E_TEMPORARY;
    }
    /* As it is spelled there: libkrb5 takes HTTP for another service than http. */
    service = g_strndup (principal, strlen (n->service));
  }
  const OM_uint32 major =
      acceptor_open (rules->keytab, rules->replay, service,
                     rules->names == NAMES_HOST ? principal : NULL, &n->credential, &minor);
  return GSS_ERROR (major) ? fail_gss (n, major, minor) : PTN_OK;
}

/* What the name of the ticket means here. */
static ptn_status
settle_names (struct negotiation *n, gss_name_t name) {
  OM_uint32 minor;
  gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
  g_autofree char *realm = NULL;
  const OM_uint32 major = gss_display_name (&minor, name, &text, NULL);
  if (GSS_ERROR (major))
    return fail_gss (n, major, minor);
  /* A NUL within it makes it another name than it seems. */
  const bool whole = text.length && !memchr (text.value, '\0', text.length);
  if (whole)
    n->principal = g_strndup (text.value, text.length);
  gss_release_buffer (&minor, &text);
  const char *fault =
      whole ? principal_split (n->principal, &n->user, &realm) : "the principal has no proper name";
  if (fault)
    return fail (n, PTN_E_AUTHENTICATION, fault);
  if (*n->rules->realms) {
    if (!realm_map ((const char *const *)n->rules->realms, n->user, realm, &n->authcid, &n->domain))
      return fail (n, PTN_E_AUTHENTICATION, "the realm is none of the setting realms");
  } else if (keytab_has_realm (n->keytab, realm)) {
    n->authcid = g_strdup (n->user);
    n->domain = g_strdup ("");
  } else {
    return fail (n, PTN_E_AUTHENTICATION, "the realm is none of the keytab's: see realms");
  }
  n->identity = (struct ptn_identity){
    .size = sizeof n->identity,
    .authcid = n->authcid,
    .authzid = n->authcid,
    .domain = n->domain,
    .account = n->authcid,
  };
  return PTN_OK;
}

static ptn_status
check_context (struct negotiation *n, gss_name_t name, OM_uint32 flags) {
  if (flags & GSS_C_ANON_FLAG)
    return fail (n, PTN_E_AUTHENTICATION, "the client is anonymous");
  const ptn_status status = settle_names (n, name);
  if (status == PTN_OK && n->require_binding && !(flags & GSS_C_CHANNEL_BOUND_FLAG))
    return fail (n, PTN_E_AUTHENTICATION, "the client did not bind itself to the TLS channel");
  return status;
}

static ptn_status
offer_no_layer (struct negotiation *n) {
  static const unsigned char offer[4] = { 1, 0, 0, 0 };
  gss_buffer_desc input = { sizeof offer, (void *)offer };
  OM_uint32 minor;
  gss_release_buffer (&minor, &n->output);
  const OM_uint32 major =
      gss_wrap (&minor, n->context, 0, GSS_C_QOP_DEFAULT, &input, NULL, &n->output);
  if (GSS_ERROR (major))
    return fail_gss (n, major, minor);
  n->state = STATE_CHOOSING;
  return PTN_OK;
}

static ptn_status
established (struct negotiation *n, gss_name_t name, OM_uint32 flags) {
  const ptn_status status = check_context (n, name, flags);
  if (status != PTN_OK)
    return status;
  if (!n->layers) {
    if ((flags & (GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)) && strcmp (n->service, "HTTP") != 0)
      return fail (n, PTN_E_AUTHENTICATION,
                   "the client wants a security layer by its flags, and there is none: let it set "
                   "its maximum strength to 0");
    n->state = STATE_OVER;
    return PTN_END;
  }
  if (n->output.length == 0)
    return offer_no_layer (n);
  n->state = STATE_TOLD;
  return PTN_OK;
}

static ptn_status
accept_token (struct negotiation *n, struct ptn_bytes token) {
  struct gss_channel_bindings_struct binding = {
    .application_data = { n->binding->len, n->binding->data },
  };
  gss_buffer_desc input = { token.size, (void *)token.data };
  gss_name_t name = GSS_C_NO_NAME;
  OM_uint32 minor, ignored, flags = 0;
  gss_release_buffer (&ignored, &n->output);
  OM_uint32 major = gss_accept_sec_context (&minor, &n->context, n->credential, &input,
                                            n->binding->len ? &binding : GSS_C_NO_CHANNEL_BINDINGS,
                                            &name, NULL, &n->output, &flags, NULL, NULL);
  ptn_status status = PTN_OK;
  if (GSS_ERROR (major)) {
    status = fail_gss (n, major, minor);
    if (token_is_ntlm (token))
      status = fail (n, PTN_E_AUTHENTICATION, "the client offers only NTLM in this mechanism");
  } else if (major & GSS_S_CONTINUE_NEEDED) {
    n->state = STATE_CONTEXT;
  } else {
    status = established (n, name, flags);
  }
  gss_release_name (&ignored, &name);
  return status;
}

/* ---- The client's choice ----------------------------------------------------------------- */

/* cyrus-sasl and curl name themselves here: that asks for nobody else. */
static bool
is_itself (const struct negotiation *n, const char *authzid) {
  return g_ascii_strcasecmp (authzid, n->principal) == 0
         || g_ascii_strcasecmp (authzid, n->user) == 0
         || g_ascii_strcasecmp (authzid, n->authcid) == 0;
}

static ptn_status
take_choice (struct negotiation *n, struct ptn_bytes response) {
  gss_buffer_desc input = { response.size, (void *)response.data };
  OM_uint32 minor, ignored;
  gss_release_buffer (&ignored, &n->output);
  const OM_uint32 major = gss_unwrap (&minor, n->context, &input, &n->output, NULL, NULL);
  if (GSS_ERROR (major))
    return fail_gss (n, major, minor);
  const char *fault =
      layer_choice ((struct ptn_bytes){ n->output.value, n->output.length }, &n->authzid);
  if (n->output.length
      == 0) /* gss_release_buffer leaves an empty one alone, and its octet behind */
    free (n->output.value);
  else
    gss_release_buffer (&ignored, &n->output);
  n->output = (gss_buffer_desc)GSS_C_EMPTY_BUFFER;
  if (fault)
    return fail (n, PTN_E_INVALID, fault);
  if (n->authzid && !is_itself (n, n->authzid))
    n->identity.authzid = n->identity.account = n->authzid;
  n->state = STATE_OVER;
  return PTN_END;
}

/* ---- Steps ------------------------------------------------------------------------------- */

static ptn_status
take (struct negotiation *n, struct ptn_bytes response) {
  ptn_status status = PTN_OK;
  if (response.size > TOKEN_LIMIT || ++n->rounds > ROUNDS_LIMIT)
    return fail (n, PTN_E_INVALID, "the token is too long, or there are too many");
  switch (n->state) {
  case STATE_NEW:
    if (response.size == 0 && n->rounds == 1) /* an empty challenge asks for the first token */
      return PTN_OK;
    if (response.size == 0)
      return fail (n, PTN_E_INVALID, "the first token is empty");
    status = acquire (n);
    return status == PTN_OK ? accept_token (n, response) : status;
  case STATE_CONTEXT:
    return accept_token (n, response);
  case STATE_TOLD:
    if (response.size)
      return fail (n, PTN_E_INVALID, "the answer to the last token is not empty");
    return offer_no_layer (n);
  case STATE_CHOOSING:
    return take_choice (n, response);
  case STATE_OVER:
    break;
  }
  return fail (n, PTN_E_INVALID, "the exchange is over");
}

ptn_status
negotiation_step (struct negotiation *n, struct ptn_bytes response, struct ptn_bytes *challenge) {
  const ptn_status status = take (n, response);
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (status < 0)
    n->state = STATE_OVER;
  else
    *challenge = (struct ptn_bytes){ n->output.value, n->output.length };
  return status;
}
