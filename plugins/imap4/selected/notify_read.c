/* SPDX-License-Identifier: Apache-2.0 */
/* notify_read.c - the arguments of NOTIFY (RFC 5465 section 8). */
#include "selected/notify.h"

static const struct {
  const char *name;
  uint32_t bit;
} events[] = {
  { "MESSAGENEW", NOTIFY_MESSAGE_NEW },
  { "MESSAGEEXPUNGE", NOTIFY_MESSAGE_EXPUNGE },
  { "FLAGCHANGE", NOTIFY_FLAG_CHANGE },
  { "ANNOTATIONCHANGE", NOTIFY_ANNOTATION_CHANGE },
  { "MAILBOXNAME", NOTIFY_MAILBOX_NAME },
  { "SUBSCRIPTIONCHANGE", NOTIFY_SUBSCRIPTION_CHANGE },
  { "MAILBOXMETADATACHANGE", NOTIFY_MAILBOX_METADATA },
  { "SERVERMETADATACHANGE", NOTIFY_SERVER_METADATA },
};

const char notify_event_names[] =
    "MessageNew MessageExpunge FlagChange AnnotationChange MailboxName SubscriptionChange "
    "MailboxMetadataChange ServerMetadataChange";

/* "(" ... ")" as it stands, with all that is nested and quoted in it. */
static bool
read_parentheses (struct reader *r, char **text) {
  size_t start = r->at;
  unsigned depth = 0;
  bool quoted = false;
  do {
    int c = reader_peek (r);
    if (c == -1)
      return reader_fail (r, "a parenthesis is not closed");
    r->at++;
    if (quoted && c == '\\' && reader_peek (r) != -1)
      r->at++;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == '(')
      depth++;
    else if (!quoted && c == ')')
      depth--;
  } while (depth || quoted);
  if (memchr (r->data + start, '\n', r->at - start))
    return reader_fail (r, "a literal among what is to be fetched");
  *text = g_strndup (r->data + start, r->at - start);
  return true;
}

static bool
read_event (struct reader *r, struct notify_group *group, bool *bad) {
  const char *word = reader_keyword (r);
  uint32_t bit = 0;
  if (!word)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (events); i++)
    if (strcmp (events[i].name, word) == 0)
      bit = events[i].bit;
  *bad |= !bit;
  group->events |= bit;
  if (bit != NOTIFY_MESSAGE_NEW || reader_peek (r) != ' ' || r->at + 1 >= r->size
      || r->data[r->at + 1] != '(')
    return true;
  r->at++;
  g_clear_pointer (&group->fetch, g_free);
  return read_parentheses (r, &group->fetch);
}

/* RFC 5465 section 5: which events need which. */
static bool
check_events (struct reader *r, const struct notify_group *group) {
  bool fresh = group->events & NOTIFY_MESSAGE_NEW, gone = group->events & NOTIFY_MESSAGE_EXPUNGE;
  bool selected =
      group->filter.kind == FILTER_SELECTED || group->filter.kind == FILTER_SELECTED_DELAYED;
  if (fresh != gone)
    return reader_fail (r, "MessageNew and MessageExpunge go together");
  if (!fresh && group->events & (NOTIFY_FLAG_CHANGE | NOTIFY_ANNOTATION_CHANGE))
    return reader_fail (r, "FlagChange and AnnotationChange need MessageNew and MessageExpunge");
  if (group->fetch && !selected)
    return reader_fail (r, "only of the selected mailbox can messages be fetched");
  return true;
}

static bool
read_group (struct reader *r, struct notify_group *group, bool *bad) {
  if (!reader_expect (r, '(') || !filter_read (r, false, &group->filter) || !reader_space (r))
    return false;
  if (reader_accept_word (r, "NONE"))
    return reader_expect (r, ')');
  if (!reader_expect (r, '('))
    return false;
  do {
    if (!read_event (r, group, bad))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')') && reader_expect (r, ')') && check_events (r, group);
}

bool
notify_read (struct reader *r, struct notify *notify, bool *bad) {
  unsigned of_selected = 0;
  notify->status = reader_accept_word (r, "STATUS");
  if (notify->status && !reader_space (r))
    return false;
  do {
    struct notify_group group = { 0 };
    bool read = read_group (r, &group, bad);
    g_array_append_val (notify->groups, group);
    if (!read)
      return false;
    notify->events |= group.events;
    of_selected +=
        group.filter.kind == FILTER_SELECTED || group.filter.kind == FILTER_SELECTED_DELAYED;
    if (notify->groups->len > 100)
      return reader_fail (r, "too many event groups");
  } while (reader_accept (r, ' '));
  if (of_selected > 1)
    return reader_fail (r, "SELECTED and SELECTED-DELAYED exclude each other");
  return reader_end (r);
}
