/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h.
 *
 * One address at a time is read from the left.  All its words are gathered as a phrase, and beside
 * it the last ones as what may be a local part: what they were is known when a '@', a '<' or the
 * end comes. */
#include "common/mime/address.h"

#include <glib.h>
#include <string.h>

/* A growing stretch of the list's memory.  An address's stretches together never need more than
 * what it has in the field; see mime_addresses_start. */
struct stretch {
  char *data;
  size_t size;
};

struct scan {
  struct mime_addresses *list;
  struct stretch phrase;  /* all words, with one blank where there were some */
  struct stretch local;   /* the last words as far as dots join them */
  struct stretch comment; /* the last one */
  struct stretch host;
  size_t name_end; /* of the phrase, before `local` */
  size_t words;    /* in the phrase, counted by blanks */
  bool blank;      /* there was one before what comes */
  bool has_host;   /* a '@' came */
  bool has_comment;
  struct mime_address *out;
};

static bool
is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_special (char c) {
  return c == '(' || c == '<' || c == '>' || c == '@' || c == ',' || c == ';' || c == ':'
         || c == '"' || c == '[' || is_blank (c);
}

static void
put (struct stretch *stretch, const char *data, size_t size) {
  memcpy (stretch->data + stretch->size, data, size);
  stretch->size += size;
}

static struct ptn_bytes
bytes_of (struct stretch stretch) {
  return (struct ptn_bytes){ stretch.data, stretch.size };
}

/* A comment, at its '('; to the end if it has none.  Its text goes to `out` if that is not NULL. */
static void
read_comment (struct mime_addresses *list, struct stretch *out) {
  unsigned depth = 0;
  if (out)
    out->size = 0;
  for (; list->at < list->end; list->at++) {
    char c = *list->at;
    if (c == '\\' && list->at + 1 < list->end) {
      list->at++;
      if (out)
        put (out, list->at, 1);
      continue;
    }
    if (c == ')' && --depth == 0) {
      list->at++;
      break;
    }
    if (c == '(' && depth++ == 0)
      continue;
    if (out && c != '\r' && c != '\n')
      put (out, &c, 1);
  }
  while (out && out->size && is_blank (out->data[out->size - 1]))
    out->size--;
  while (out && out->size && is_blank (out->data[0])) {
    out->data++;
    out->size--;
  }
}

/* A quoted string, at its '"', as it is without quotes; NULL: passed over. */
static void
read_quoted (struct mime_addresses *list, struct stretch *first, struct stretch *second) {
  for (list->at++; list->at < list->end; list->at++) {
    char c = *list->at;
    if (c == '"') {
      list->at++;
      return;
    }
    if (c == '\r' || c == '\n')
      continue;
    if (c == '\\' && list->at + 1 < list->end)
      c = *++list->at;
    if (first)
      put (first, &c, 1);
    if (second)
      put (second, &c, 1);
  }
}

/* Where a run of plain octets ends. */
static const char *
atom_end (const struct mime_addresses *list, const char *at) {
  do
    at++;
  while (at < list->end && !is_special (*at));
  return at;
}

static void
skip_blanks (struct mime_addresses *list) {
  for (;;) {
    while (list->at < list->end && is_blank (*list->at))
      list->at++;
    if (list->at == list->end || *list->at != '(')
      return;
    read_comment (list, NULL);
  }
}

/* A domain: atoms and dots, or "[...]" as it stands; blanks and comments within it go. */
static void
read_domain (struct mime_addresses *list, struct stretch *out, struct stretch *phrase) {
  size_t from = out->size;
  skip_blanks (list);
  if (list->at < list->end && *list->at == '[') {
    while (list->at < list->end && *list->at != ',' && *list->at != '>' && *list->at != ';') {
      if (!is_blank (*list->at))
        put (out, list->at, 1);
      if (*list->at++ == ']')
        break;
    }
  } else
    while (list->at < list->end && !is_special (*list->at)) {
      const char *end = atom_end (list, list->at), *blank;
      put (out, list->at, (size_t)(end - list->at));
      list->at = blank = end;
      while (blank < list->end && is_blank (*blank))
        blank++;
      /* "example . com" is obsolete, yet a domain; "example com" is not. */
      if (blank == list->end || (*blank != '.' && end[-1] != '.'))
        break;
      list->at = blank;
    }
  if (phrase)
    put (phrase, out->data + from, out->size - from);
}

/* Before the next word: the phrase gets its blank, and a local part that dots do not join begins
 * anew. */
static void
begin_word (struct scan *scan, char first) {
  bool joined = scan->local.size && (first == '.' || scan->local.data[scan->local.size - 1] == '.');
  if (!scan->blank && scan->phrase.size)
    return;
  if (!joined && !scan->has_host) {
    scan->local.size = 0;
    scan->name_end = scan->phrase.size;
  }
  if (scan->phrase.size)
    put (&scan->phrase, " ", 1);
  scan->words++;
  scan->blank = false;
}

static void
read_word (struct scan *scan) {
  struct mime_addresses *list = scan->list;
  begin_word (scan, *list->at);
  if (*list->at == '"') {
    read_quoted (list, &scan->phrase, scan->has_host ? NULL : &scan->local);
    return;
  }
  const char *end = atom_end (list, list->at);
  put (&scan->phrase, list->at, (size_t)(end - list->at));
  if (!scan->has_host)
    put (&scan->local, list->at, (size_t)(end - list->at));
  list->at = end;
}

/* A '@' outside of "<>".  "a@b@c" is the mailbox "a@b". */
static void
read_at (struct scan *scan) {
  scan->blank = false;
  if (scan->has_host) {
    put (&scan->local, "@", 1);
    put (&scan->local, scan->host.data, scan->host.size);
    scan->host.size = 0;
  }
  scan->has_host = true;
  put (&scan->phrase, "@", 1);
  scan->list->at++;
  read_domain (scan->list, &scan->host, &scan->phrase);
}

/* "@a,@b:" after a '<', if it is that. */
static void
read_route (struct scan *scan, struct stretch *route) {
  struct mime_addresses *list = scan->list;
  const char *start = list->at;
  while (list->at < list->end && (*list->at == '@' || *list->at == ',')) {
    put (route, list->at++, 1);
    if (list->at[-1] == '@')
      read_domain (list, route, NULL);
    skip_blanks (list);
  }
  if (list->at < list->end && *list->at == ':') {
    list->at++;
    while (route->size && route->data[route->size - 1] == ',')
      route->size--;
    skip_blanks (list);
    return;
  }
  list->at = start;
  route->size = 0;
}

/* What stands in "<>", at its '<'. */
static void
read_angle (struct scan *scan) {
  struct mime_addresses *list = scan->list;
  struct stretch route = { scan->local.data, 0 }, mailbox;
  bool blank = false;
  list->at++;
  skip_blanks (list);
  read_route (scan, &route);
  mailbox = (struct stretch){ route.data + route.size, 0 };
  scan->host.size = 0;
  scan->has_host = false;
  while (list->at < list->end && *list->at != '>' && *list->at != ',') {
    char c = *list->at;
    if (is_blank (c) || c == '(') {
      skip_blanks (list);
      blank = true;
      continue;
    }
    if (c == '@') {
      if (scan->has_host) {
        put (&mailbox, "@", 1);
        put (&mailbox, scan->host.data, scan->host.size);
        scan->host.size = 0;
      }
      scan->has_host = true;
      list->at++;
      read_domain (list, &scan->host, NULL);
      blank = false;
      continue;
    }
    if (blank && mailbox.size && c != '.' && mailbox.data[mailbox.size - 1] != '.'
        && !scan->has_host)
      put (&mailbox, " ", 1);
    blank = false;
    if (scan->has_host) /* rubbish behind the domain */
      list->at = c == '"' || c == '<' ? list->at + 1 : atom_end (list, list->at);
    else if (c == '"')
      read_quoted (list, &mailbox, NULL);
    else {
      const char *end = atom_end (list, list->at);
      put (&mailbox, list->at, (size_t)(end - list->at));
      list->at = end;
    }
  }
  if (list->at < list->end && *list->at == '>')
    list->at++;
  if (route.size)
    scan->out->route = bytes_of (route);
  scan->out->mailbox = bytes_of (mailbox);
}

/* No "<>" came: the words are the address. */
static void
settle_plain (struct scan *scan) {
  struct mime_address *out = scan->out;
  if (scan->has_host) {
    out->mailbox = bytes_of (scan->local);
    out->name = (struct ptn_bytes){ scan->phrase.data, scan->name_end };
  } else if (scan->words <= 1)
    out->mailbox = bytes_of (scan->phrase);
  else {
    out->name = bytes_of (scan->phrase);
    out->mailbox = (struct ptn_bytes){ "", 0 };
  }
}

static void
settle (struct scan *scan, bool angle) {
  struct mime_address *out = scan->out;
  if (angle)
    out->name = bytes_of (scan->phrase);
  else
    settle_plain (scan);
  if (!out->name.size && scan->has_comment)
    out->name = bytes_of (scan->comment);
  if (!out->name.size)
    out->name.data = NULL;
  out->host = scan->host.size ? bytes_of (scan->host) : (struct ptn_bytes){ "", 0 };
}

/* An address up to its ',' or ';' (which stays), or a group's name with its ':'.  False: there is
 * nothing before the ',' or ';'. */
static bool
read_element (struct scan *scan) {
  struct mime_addresses *list = scan->list;
  bool angle = false, any = false;
  while (list->at < list->end && *list->at != ',' && *list->at != ';') {
    char c = *list->at;
    if (is_blank (c)) {
      list->at++;
      scan->blank = true;
    } else if (c == '(') {
      read_comment (list, &scan->comment);
      scan->has_comment = scan->blank = true;
    } else if (c == '<' && !angle) {
      read_angle (scan);
      angle = any = true;
    } else if (angle && c == '"')
      read_quoted (list, NULL, NULL);
    else if (angle || c == '>' || (c == ':' && (list->in_group || !any || scan->has_host)))
      list->at++;
    else if (c == ':') {
      list->at++;
      list->in_group = true;
      scan->out->kind = MIME_GROUP_START;
      scan->out->name = bytes_of (scan->phrase);
      return true;
    } else if (c == '@') {
      read_at (scan);
      any = true;
    } else {
      read_word (scan);
      any = true;
    }
  }
  if (any)
    settle (scan, angle);
  return any;
}

void
mime_addresses_start (struct mime_addresses *list, const char *value, size_t size) {
  *list = (struct mime_addresses){ .at = value, .end = value + size };
}

/* The four stretches of an address, each as long as the rest of the field. */
static void
prepare (struct scan *scan) {
  struct mime_addresses *list = scan->list;
  size_t room = (size_t)(list->end - list->at) + 2;
  if (!list->memory) {
    list->used = room;
    list->memory = g_malloc (room * 4);
  }
  room = list->used;
  scan->phrase.data = list->memory;
  scan->local.data = list->memory + room;
  scan->comment.data = list->memory + 2 * room;
  scan->host.data = list->memory + 3 * room;
}

bool
mime_addresses_next (struct mime_addresses *list, struct mime_address *out) {
  struct scan scan = { .list = list, .out = out };
  prepare (&scan);
  for (;;) {
    *out = (struct mime_address){ .kind = MIME_ADDRESS };
    scan.phrase.size = scan.local.size = scan.host.size = scan.name_end = scan.words = 0;
    scan.comment = (struct stretch){ list->memory + 2 * list->used, 0 };
    scan.blank = scan.has_host = scan.has_comment = false;
    if (read_element (&scan))
      return true;
    if (list->at == list->end)
      break;
    if (*list->at++ == ';' && list->in_group) {
      list->in_group = false;
      out->kind = MIME_GROUP_END;
      return true;
    }
  }
  if (!list->in_group)
    return false;
  list->in_group = false; /* it has no end of its own */
  out->kind = MIME_GROUP_END;
  return true;
}

void
mime_addresses_clear (struct mime_addresses *list) {
  g_free (list->memory);
  *list = (struct mime_addresses){ 0 };
}
