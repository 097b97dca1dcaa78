/* SPDX-License-Identifier: Apache-2.0 */
/* section.c - which octets a section of a mail is (RFC 9051 section 6.4.5.1). */
#include "common/mime/digest.h"

#include <glib.h>
#include <string.h>

/* The part that is number `number` within `mail`, which is part 0 or the mail within a message. */
static ptn_status
within_mail (const struct mime_digest *digest, uint32_t mail, uint32_t number, uint32_t *found) {
  struct mime_part part, child;
  ptn_status status = mime_digest_part (digest, mail, &part);
  if (status != PTN_OK)
    return status;
  if (part.kind != MIME_KIND_MULTIPART) { /* its body is its only part */
    *found = mail;
    return number == 1 ? PTN_OK : PTN_E_NOT_FOUND;
  }
  uint32_t at = mail + 1;
  for (; at < part.next && --number > 0; at = child.next)
    if ((status = mime_digest_part (digest, at, &child)) != PTN_OK)
      return status;
  *found = at;
  return at < part.next && number == 0 ? PTN_OK : PTN_E_NOT_FOUND;
}

/* The part that the numbers lead to. */
static ptn_status
follow (const struct mime_digest *digest, const struct mime_section *section, uint32_t *found) {
  struct mime_part part;
  ptn_status status;
  uint32_t at = 0;
  for (size_t i = 0; i < section->depth; i++) {
    uint32_t mail = at;
    if (i > 0) {
      if ((status = mime_digest_part (digest, at, &part)) != PTN_OK)
        return status;
      if (part.kind == MIME_KIND_MESSAGE)
        mail = at + 1;
      else if (part.kind != MIME_KIND_MULTIPART)
        return PTN_E_NOT_FOUND;
    }
    if ((status = within_mail (digest, mail, section->path[i], &at)) != PTN_OK)
      return status;
  }
  *found = at;
  return PTN_OK;
}

ptn_status
mime_digest_section (const struct mime_digest *digest, const struct mime_section *section,
                     struct mime_range *range) {
  struct mime_part part;
  uint32_t at;
  bool header = section->text == MIME_SECTION_HEADER, text = section->text == MIME_SECTION_TEXT;
  if (section->depth == 0 && section->text == MIME_SECTION_MIME)
    return PTN_E_NOT_FOUND;
  if (section->depth == 0) { /* needs no table */
    *range =
        header ? (struct mime_range){ 0, digest->header_size, 0 }
        : text ? (struct mime_range){ digest->header_size, digest->octets - digest->header_size, 0 }
               : (struct mime_range){ 0, digest->octets, 0 };
    return PTN_OK;
  }
  if (!digest->parts)
    return PTN_E_UNSUPPORTED;
  ptn_status status = follow (digest, section, &at);
  if (status == PTN_OK)
    status = mime_digest_part (digest, at, &part);
  if (status == PTN_OK && (header || text)) {
    if (part.kind != MIME_KIND_MESSAGE)
      return PTN_E_NOT_FOUND;
    status = mime_digest_part (digest, ++at, &part);
  }
  if (status != PTN_OK)
    return status;
  if (header || section->text == MIME_SECTION_MIME)
    *range = (struct mime_range){ part.header, part.header_size, at };
  else
    *range = (struct mime_range){ part.body, part.body_size, at };
  return PTN_OK;
}

bool
mime_section_parse (const char *text, size_t size, uint32_t *path, struct mime_section *section) {
  static const char *const words[] = {
    [MIME_SECTION_HEADER] = "HEADER", [MIME_SECTION_TEXT] = "TEXT", [MIME_SECTION_MIME] = "MIME"
  };
  size_t at = 0, depth = 0;
  *section = (struct mime_section){ .path = path };
  while (at < size && g_ascii_isdigit (text[at])) {
    uint64_t number = 0;
    for (; at < size && g_ascii_isdigit (text[at]); at++)
      if ((number = number * 10 + (uint64_t)(text[at] - '0')) > UINT32_MAX)
        return false;
    if (number == 0 || depth == MIME_SECTION_DEPTH)
      return false;
    path[depth++] = (uint32_t)number;
    section->depth = depth;
    if (at == size)
      return true;
    if (text[at++] != '.' || at == size)
      return false;
  }
  if (at == size)
    return depth == 0;
  for (size_t i = MIME_SECTION_HEADER; i < G_N_ELEMENTS (words); i++)
    if (size - at == strlen (words[i]) && !g_ascii_strncasecmp (text + at, words[i], size - at)) {
      section->text = (enum mime_section_text)i;
      return i != MIME_SECTION_MIME || depth > 0;
    }
  return false;
}
