/* SPDX-License-Identifier: Apache-2.0 */
/* params.c - what stands behind the path of MAIL and RCPT (RFC 5321 section 4.1.2). */
#include "submission.h"

#include <string.h>

struct param {
  const char *keyword, *value; /* value NULL: none */
  size_t keyword_size, value_size;
};

enum next { NEXT_PARAM, NEXT_END, NEXT_BAD };

static bool
is_keyword (const struct param *p) {
  for (size_t i = 0; i < p->keyword_size; i++)
    if (!g_ascii_isalnum (p->keyword[i]) && (i == 0 || p->keyword[i] != '-'))
      return false;
  return p->keyword_size > 0;
}

/* Visible octets but '='; UTF-8 only as RFC 6531 allows, which is checked by the parameter. */
static bool
is_value (const struct param *p) {
  for (size_t i = 0; i < p->value_size; i++)
    if ((unsigned char)p->value[i] <= 32 || p->value[i] == 127 || p->value[i] == '=')
      return false;
  return p->value_size > 0;
}

static enum next
next_param (const char **at, const char *end, struct param *p) {
  if (*at == end)
    return NEXT_END;
  if (**at != ' ')
    return NEXT_BAD;
  const char *start = *at + 1;
  if (start == end) { /* a blank at the end of the line is common and harmless */
    *at = end;
    return NEXT_END;
  }
  const char *stop = memchr (start, ' ', (size_t)(end - start));
  *at = stop ? stop : end;
  const char *equals = memchr (start, '=', (size_t)(*at - start));
  const char *key_end = equals ? equals : *at;
  *p = (struct param){ start, equals ? equals + 1 : NULL, (size_t)(key_end - start),
                       equals ? (size_t)(*at - equals - 1) : 0 };
  return is_keyword (p) && (!equals || is_value (p)) ? NEXT_PARAM : NEXT_BAD;
}

static bool
named (const struct param *p, const char *name) {
  return p->keyword_size == strlen (name)
         && !g_ascii_strncasecmp (p->keyword, name, p->keyword_size);
}

static bool
valued (const struct param *p, const char *value) {
  return p->value_size == strlen (value) && !g_ascii_strncasecmp (p->value, value, p->value_size);
}

static bool
read_size (const struct param *p, uint64_t *size) {
  if (p->value_size == 0 || p->value_size > 20) /* RFC 1870 section 6 */
    return false;
  *size = 0;
  for (size_t i = 0; i < p->value_size; i++) {
    if (!g_ascii_isdigit (p->value[i]))
      return false;
    unsigned digit = (unsigned)(p->value[i] - '0');
    *size = *size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *size * 10 + digit;
  }
  return true;
}

/* RFC 3461 section 4: '+' and two upper-case hexadecimal digits stand for an octet. */
static bool
is_xtext (const struct param *p) {
  for (size_t i = 0; i < p->value_size; i++) {
    if (p->value[i] == '+') {
      if (i + 2 >= p->value_size || !g_ascii_isxdigit (p->value[i + 1])
          || !g_ascii_isxdigit (p->value[i + 2]))
        return false;
      i += 2;
    } else if ((unsigned char)p->value[i] >= 127)
      return false;
  }
  return p->value_size > 0;
}

static const char *
failed (unsigned *code, const char **enhanced, unsigned c, const char *e, const char *text) {
  *code = c;
  *enhanced = e;
  return text;
}

static const char *
read_one (const struct session *s, const struct param *p, struct mail_params *params,
          unsigned *seen, unsigned *code, const char **enhanced) {
  unsigned bit;
  if (named (p, "SIZE")) {
    bit = 1;
    if (!read_size (p, &params->size))
      return failed (code, enhanced, 501, "5.5.4", "SIZE needs a number of octets");
    if (params->size > s->max_message)
      return failed (code, enhanced, 552, "5.3.4", "the mail is larger than this server takes");
  } else if (named (p, "BODY")) {
    bit = 2;
    if (!valued (p, "7BIT") && !valued (p, "8BITMIME"))
      return failed (code, enhanced, 555, "5.5.4", "BODY must be 7BIT or 8BITMIME");
  } else if (named (p, "SMTPUTF8")) {
    bit = 4;
    if (p->value)
      return failed (code, enhanced, 501, "5.5.4", "SMTPUTF8 takes no value");
    params->utf8 = true;
  } else if (named (p, "AUTH") && s->kind == KIND_SUBMISSION) {
    /* RFC 4954 section 5: who said so first.  Nobody is trusted to say it: read and dropped. */
    bit = 8;
    if (!is_xtext (p))
      return failed (code, enhanced, 501, "5.5.4", "AUTH needs an address in xtext or <>");
    params->auth = true;
  } else
    return failed (code, enhanced, 555, "5.5.4", "parameter not known here");
  if (*seen & bit)
    return failed (code, enhanced, 501, "5.5.4", "the same parameter twice");
  *seen |= bit;
  return NULL;
}

const char *
params_read_mail (const struct session *s, const char *text, size_t size,
                  struct mail_params *params, unsigned *code, const char **enhanced) {
  const char *at = text, *end = text + size;
  unsigned seen = 0;
  struct param p;
  enum next next;
  while ((next = next_param (&at, end, &p)) == NEXT_PARAM) {
    if (!s->esmtp)
      return failed (code, enhanced, 555, "5.5.4", "parameters need EHLO first");
    const char *fault = read_one (s, &p, params, &seen, code, enhanced);
    if (fault)
      return fault;
  }
  return next == NEXT_BAD ? failed (code, enhanced, 501, "5.5.4", "malformed parameters") : NULL;
}

const char *
params_read_rcpt (const char *text, size_t size, unsigned *code, const char **enhanced) {
  const char *at = text;
  struct param p;
  switch (next_param (&at, text + size, &p)) {
  case NEXT_PARAM:
    return failed (code, enhanced, 555, "5.5.4", "parameter not known here");
  case NEXT_BAD:
    return failed (code, enhanced, 501, "5.5.4", "malformed parameters");
  case NEXT_END:
    break;
  }
  return NULL;
}
