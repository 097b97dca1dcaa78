/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.c - see conditions.h.  Owns nothing but the strings of a condition. */
#include "conditions.h"

#include "escape.h"

#include <string.h>

/* ---- Conditions -------------------------------------------------------------------------- */

static bool
read_number (const char *text, int64_t *number) {
  char *end;
  if (!g_ascii_isdigit (*text) && *text != '-')
    return false;
  *number = g_ascii_strtoll (text, &end, 0);
  return *end == '\0' && end != text;
}

bool
condition_read (const char *text, struct condition *condition) {
  *condition = (struct condition){ NULL };
  const size_t length = strcspn (text, "&=!");
  const char *rest = text + length;
  switch (*rest) {
  case '\0':
    condition->kind = CONDITION_TRUE;
    break;
  case '&':
    condition->kind = CONDITION_BITS;
    if (!read_number (rest + 1, &condition->bits))
      return false;
    break;
  default:
    condition->kind = *rest == '!' ? CONDITION_UNEQUAL : CONDITION_EQUAL;
    rest += *rest == '!';
    if (*rest != '=' || !rest[1])
      return false;
    condition->value = g_strdup (rest + 1);
  }
  condition->name = g_strndup (text, length);
  if (attribute_is_sound (condition->name))
    return true;
  condition_clear (condition);
  return false;
}

void
condition_clear (struct condition *condition) {
  g_clear_pointer (&condition->name, g_free);
  g_clear_pointer (&condition->value, g_free);
}

static bool
is_false (const char *value) {
  static const char *const words[] = { "", "false", "no", "off", "0" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (value, words[i]) == 0)
      return true;
  return false;
}

bool
condition_holds (const struct condition *condition, const char *value) {
  int64_t number;
  if (!value)
    return false;
  switch (condition->kind) {
  case CONDITION_TRUE:
    return !is_false (value);
  case CONDITION_BITS:
    return read_number (value, &number) && (number & condition->bits) != 0;
  case CONDITION_EQUAL:
    return g_ascii_strcasecmp (value, condition->value) == 0;
  default:
    return g_ascii_strcasecmp (value, condition->value) != 0;
  }
}

/* ---- Times ------------------------------------------------------------------------------- */

static bool
digits_at (const char *text, unsigned count, int *number) {
  *number = 0;
  for (unsigned i = 0; i < count; i++) {
    if (!g_ascii_isdigit (text[i]))
      return false;
    *number = *number * 10 + (text[i] - '0');
  }
  return true;
}

/* "20261122061500Z"; fractions do not matter, and servers send no other zone. */
static bool
read_generalized (const char *text, int64_t *ms) {
  int year, month, day, hour, minute, second;
  if (strlen (text) < 15 || text[strlen (text) - 1] != 'Z' || !digits_at (text, 4, &year)
      || !digits_at (text + 4, 2, &month) || !digits_at (text + 6, 2, &day)
      || !digits_at (text + 8, 2, &hour) || !digits_at (text + 10, 2, &minute)
      || !digits_at (text + 12, 2, &second))
    return false;
  g_autoptr (GDateTime) time =
      g_date_time_new_utc (year, month, day, hour, minute, MIN (second, 59));
  if (!time)
    return false;
  *ms = g_date_time_to_unix (time) * 1000;
  return true;
}

#define FILETIME_OF_1970 INT64_C (116444736000000000)
#define DAYS_LIMIT 100000000 /* more days than this are no days */

int64_t
expiry_read (const char *value) {
  int64_t number, ms;
  if (read_generalized (value, &ms))
    return ms;
  if (!read_number (value, &number) || number <= 0 || number == INT64_MAX)
    return INT64_MAX;
  if (number < DAYS_LIMIT)
    return number * 86400000;
  return number < FILETIME_OF_1970 ? 0 : (number - FILETIME_OF_1970) / 10000;
}

/* ---- Windows ----------------------------------------------------------------------------- */

/* Revision 1, a count of parts, six octets of authority, the parts in little endian.  Users of a
 * domain are S-1-5-21-x-y-z-RID. */
uint32_t
sid_rid (const void *sid, size_t size) {
  const unsigned char *octets = sid;
  if (size != 28 || octets[0] != 1 || octets[1] != 5 || octets[7] != 5 || octets[8] != 21)
    return 0;
  return (uint32_t)octets[24] | (uint32_t)octets[25] << 8 | (uint32_t)octets[26] << 16
         | (uint32_t)octets[27] << 24;
}

const char *
server_name (const char *value) {
  const char *slash = *value == '/' ? strrchr (value, '/') : NULL;
  const char *equals = slash ? strchr (slash, '=') : NULL;
  return equals ? equals + 1 : value;
}
