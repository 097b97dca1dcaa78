/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - the three messages of [MS-NLMP] 2.2.1 and the AV pairs of 2.2.2.1.
 *
 * What is read leads into the message, which must outlive it; only names are copied.  No state;
 * any thread. */
#ifndef AUTH_NTLM_WIRE_H
#define AUTH_NTLM_WIRE_H

#include <glib.h>
#include <stdbool.h>

#include <postern/base.h>

#define NTLM_MESSAGE_LIMIT 16384 /* longer ones are malformed; clients send less than 1000 octets */

enum { /* NegotiateFlags, 2.2.2.5 */
       NTLM_UNICODE = 0x00000001,
       NTLM_OEM = 0x00000002,
       NTLM_REQUEST_TARGET = 0x00000004,
       NTLM_SIGN = 0x00000010,
       NTLM_SEAL = 0x00000020,
       NTLM_NTLM = 0x00000200,
       NTLM_ANONYMOUS = 0x00000800,
       NTLM_ALWAYS_SIGN = 0x00008000,
       NTLM_TARGET_DOMAIN = 0x00010000,
       NTLM_TARGET_SERVER = 0x00020000,
       NTLM_EXTENDED_SECURITY = 0x00080000,
       NTLM_TARGET_INFO = 0x00800000,
       NTLM_VERSION = 0x02000000,
       NTLM_128 = 0x20000000,
       NTLM_KEY_EXCHANGE = 0x40000000,
       NTLM_56 = (int)0x80000000
};

/* NEGOTIATE_MESSAGE: the flags are all that matters.  false: malformed. */
bool ntlm_read_negotiate (struct ptn_bytes message, guint32 *flags);

/* CHALLENGE_MESSAGE. */
struct ntlm_server {        /* who we are, as the client is told; UTF-8, "" is left out */
  const char *nb_domain;    /* MsvAvNbDomainName; also the target, unless it is "" */
  const char *nb_computer;  /* MsvAvNbComputerName */
  const char *dns_domain;   /* MsvAvDnsDomainName */
  const char *dns_computer; /* MsvAvDnsComputerName */
};
/* client_flags: those of its NEGOTIATE_MESSAGE.  now_ms: since 1970.  The message is the caller's
 * (g_byte_array_unref); *flags are those in it. */
GByteArray *ntlm_make_challenge (const struct ntlm_server *, guint32 client_flags,
                                 const unsigned char challenge[8], gint64 now_ms, guint32 *flags);

/* AUTHENTICATE_MESSAGE. */
struct ntlm_authenticate {
  guint32 flags;                     /* 0: it has none */
  struct ptn_bytes lm, nt, key;      /* responses, and EncryptedRandomSessionKey */
  char *domain, *user, *workstation; /* UTF-8, "" if not sent; owned */
  /* OEM names with octets above 127: the other spelling that the client may have meant; else
   * NULL.  Owned. */
  char *other_domain, *other_user;
  struct ptn_bytes whole;
  bool has_mic; /* there is room for one, at NTLM_MIC_OFFSET */
};
#define NTLM_MIC_OFFSET 72
#define NTLM_MIC_SIZE 16

/* negotiated: the flags of our challenge, which tell Unicode from OEM where the message does not.
 * false: malformed, and nothing is to be cleared. */
bool ntlm_read_authenticate (struct ptn_bytes message, guint32 negotiated,
                             struct ntlm_authenticate *);
void ntlm_authenticate_clear (struct ntlm_authenticate *);

/* What an NTLMv2 response says beside the proof (NTLMv2_CLIENT_CHALLENGE, 2.2.2.7). */
struct ntlm_client_challenge {
  guint32 flags;             /* MsvAvFlags, of all pairs of this kind */
  struct ptn_bytes bindings; /* MsvAvChannelBindings: 16 octets; data NULL: not sent */
  struct ptn_bytes target;   /* MsvAvTargetName: UTF-16LE, an SPN */
};
enum { NTLM_AV_FLAG_MIC = 0x2 };
/* response: NtChallengeResponse.  false: not one of NTLMv2, or malformed. */
bool ntlm_read_client_challenge (struct ptn_bytes response, struct ntlm_client_challenge *);

#endif
