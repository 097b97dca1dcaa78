/* SPDX-License-Identifier: Apache-2.0 */
/* subject.c - RFC 5256 section 2.1, its steps by their numbers and section 5, its grammar:
 *
 *   subject       = *subj-leader [subj-middle] *subj-trailer
 *   subj-refwd    = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
 *   subj-blob     = "[" *BLOBCHAR "]" *WSP          (BLOBCHAR: any but "[" and "]")
 *   subj-leader   = (*subj-blob subj-refwd) / WSP
 *   subj-trailer  = "(fwd)" / WSP
 *   subj-fwd-hdr  = "[fwd:"   subj-fwd-trl = "]" */
#include "common/text/subject.h"
#include "common/text/words.h"

#include <string.h>

struct view {
  const char *at, *end;
};

/* The blob at p; NULL: none. */
static const char *
blob (const char *p, const char *end) {
  if (p == end || *p != '[')
    return NULL;
  for (p++; p < end && *p != '[' && *p != ']'; p++)
    ;
  if (p == end || *p != ']')
    return NULL;
  for (p++; p < end && *p == ' '; p++)
    ;
  return p;
}

static const char *
refwd (const char *p, const char *end) {
  const char *after;

  if (end - p >= 3 && g_ascii_strncasecmp (p, "fwd", 3) == 0)
    p += 3;
  else if (end - p >= 2
           && (g_ascii_strncasecmp (p, "re", 2) == 0 || g_ascii_strncasecmp (p, "fw", 2) == 0))
    p += 2;
  else
    return NULL;
  while (p < end && *p == ' ')
    p++;
  after = blob (p, end);
  if (after)
    p = after;
  return p < end && *p == ':' ? p + 1 : NULL;
}

/* Step 2: *subj-trailer. */
static bool
strip_trailers (struct view *v, bool *replied) {
  const char *end = v->end;

  for (;;)
    if (v->end > v->at && v->end[-1] == ' ')
      v->end--;
    else if (v->end - v->at >= 5 && g_ascii_strncasecmp (v->end - 5, "(fwd)", 5) == 0) {
      v->end -= 5;
      *replied = true;
    } else
      return v->end != end;
}

/* Step 3: one subj-leader.  The blobs before a refwd are looked at once, not again for each. */
static bool
strip_leader (struct view *v, bool *replied) {
  const char *p = v->at, *after;

  if (p < v->end && *p == ' ') {
    v->at++;
    return true;
  }
  while ((after = blob (p, v->end)))
    p = after;
  after = refwd (p, v->end);
  if (!after)
    return false;
  v->at = after;
  *replied = true;
  return true;
}

/* Step 4: a subj-blob, if something stays. */
static bool
strip_blob (struct view *v) {
  const char *after = blob (v->at, v->end);

  if (!after || after == v->end)
    return false;
  v->at = after;
  return true;
}

/* Step 1: UTF-8, tabs and continuations to blanks, runs of blanks to one. */
static char *
normalise (const char *value, size_t size, size_t *normal_size) {
  g_autoptr (GString) text = g_string_sized_new (size);
  size_t out = 0;

  words_decode (value, size, text);
  for (size_t i = 0; i < text->len; i++) {
    char c =
        text->str[i] == '\t' || text->str[i] == '\r' || text->str[i] == '\n' ? ' ' : text->str[i];

    if (c != ' ' || out == 0 || text->str[out - 1] != ' ')
      text->str[out++] = c;
  }
  g_string_truncate (text, out);
  *normal_size = out;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
subject_base (const char *value, size_t size, bool *replied) {
  size_t normal_size;
  g_autofree char *text = normalise (value, size, &normal_size);
  struct view v = { text, text + normal_size };
  bool is_reply = false;

  for (;;) {
    bool more;

    strip_trailers (&v, &is_reply);
    do { /* step 5 */
      more = false;
      while (strip_leader (&v, &is_reply))
        more = true;
      while (strip_blob (&v))
        more = true;
    } while (more);
    /* Step 6. */
    if (v.end - v.at >= 6 && g_ascii_strncasecmp (v.at, "[fwd:", 5) == 0 && v.end[-1] == ']') {
      v.at += 5;
      v.end--;
      is_reply = true;
      continue;
    }
    break;
  }
  if (replied)
    *replied = is_reply;
  return g_strndup (v.at, (gsize)(v.end - v.at));
}
