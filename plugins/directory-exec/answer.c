/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - see answer.h. */
#include "answer.h"

#include "common/login/names.h"

#include <string.h>

static const char *const statuses[] = {
  [ANSWER_OK] = "ok",
  [ANSWER_NOT_FOUND] = "not-found",
  [ANSWER_NOT_OURS] = "not-ours",
  [ANSWER_WRONG] = "wrong",
  [ANSWER_EXPIRED] = "expired",
  [ANSWER_DISABLED] = "disabled",
  [ANSWER_DENIED] = "denied",
  [ANSWER_TEMPORARY] = "temporary",
  [ANSWER_UNSUPPORTED] = "unsupported",
};

/* Before a parser that calls itself looks at it. */
static bool
is_flat (const char *line, size_t size) {
  int depth = 0;
  bool string = false;
  for (size_t i = 0; i < size && depth <= ANSWER_DEPTH; i++) {
    if (string && line[i] == '\\')
      i++;
    else if (line[i] == '"')
      string = !string;
    else if (!string && (line[i] == '[' || line[i] == '{'))
      depth++;
    else if (!string && (line[i] == ']' || line[i] == '}'))
      depth--;
  }
  return depth <= ANSWER_DEPTH;
}

static bool
has_controls (const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

static const char *
string_of (const json_t *object, const char *name) {
  return json_string_value (json_object_get (object, name));
}

/* ---- Secrets ----------------------------------------------------------------------------- */

static void
append_filler (GString *text, size_t size) {
  g_string_append_c (text, '"');
  for (; size; size--)
    g_string_append_c (text, '-');
  g_string_append_c (text, '"');
}

/* jansson reads strings into a buffer that grows, and frees it as it is.  So a string of ours that is
 * as long as the line comes before it, after which nothing grows, and another one behind it, which
 * overwrites what is left.  What was in an answer that is no JSON stays. */
static json_t *
parse (const char *line, size_t size) {
  GString *text = g_string_sized_new (3 * size + 16);
  g_string_append_c (text, '[');
  append_filler (text, size);
  g_string_append_c (text, ',');
  g_string_append_len (text, line, (gssize)size);
  g_string_append_c (text, ',');
  append_filler (text, size);
  g_string_append_c (text, ']');
  json_t *all = json_loadb (text->str, text->len, JSON_REJECT_DUPLICATES, NULL);
  json_t *one = json_array_size (all) == 3 ? json_incref (json_array_get (all, 1)) : NULL;
  json_decref (all);
  explicit_bzero (text->str, text->allocated_len);
  g_string_free (text, TRUE);
  return one;
}

/* The strings are ours alone. */
static void
wipe (json_t *value) {
  size_t index;
  const char *name;
  json_t *part;
  switch (json_typeof (value)) {
  case JSON_STRING:
    explicit_bzero ((char *)json_string_value (value), json_string_length (value));
    break;
  case JSON_ARRAY:
    json_array_foreach (value, index, part) wipe (part);
    break;
  case JSON_OBJECT:
    json_object_foreach (value, name, part) wipe (part);
    break;
  default:
    break;
  }
}

/* ---- Answers ----------------------------------------------------------------------------- */

bool
answer_read (const char *line, size_t size, json_int_t id, struct answer *answer,
             const char **fault) {
  *answer = (struct answer){ .text = "" };
  *fault = "not one JSON object in a line";
  if (size > ANSWER_LIMIT || !is_flat (line, size))
    return false;
  json_t *fields = parse (line, size);
  if (!json_is_object (fields)) {
    json_decref (fields);
    return false;
  }
  const json_t *number = json_object_get (fields, "id");
  const char *status = string_of (fields, "status");
  *fault = "id is not that of the question";
  if (json_is_integer (number) && json_integer_value (number) == id) {
    *fault = "status is none of those there are";
    for (size_t i = 0; status && i < G_N_ELEMENTS (statuses); i++)
      if (strcmp (status, statuses[i]) == 0) {
        const char *text = string_of (fields, "text");
        *answer = (struct answer){ (answer_status)i, fields, text ? text : "" };
        return true;
      }
  }
  json_decref (fields);
  return false;
}

void
answer_clear (struct answer *answer) {
  if (answer->fields)
    wipe (answer->fields);
  json_decref (answer->fields);
  *answer = (struct answer){ .text = "" };
}

/* ---- Lists ------------------------------------------------------------------------------- */

char **
answer_strings (const json_t *object, const char *name) {
  const json_t *list = json_object_get (object, name);
  if (!list || json_is_null (list))
    return g_new0 (char *, 1);
  if (!json_is_array (list) || json_array_size (list) > ANSWER_LIST_LIMIT)
    return NULL;
  g_auto (GStrv) strings = g_new0 (char *, json_array_size (list) + 1);
  for (size_t i = 0; i < json_array_size (list); i++) {
    const char *text = json_string_value (json_array_get (list, i));
    if (!text || has_controls (text))
      return NULL;
    strings[i] = g_strdup (text);
  }
  return g_steal_pointer (&strings);
}

/* Names of accounts, as lookups spell them. */
static char **
names_of (const json_t *object, const char *name) {
  g_auto (GStrv) names = answer_strings (object, name);
  char folded[NAME_LIMIT + 1];
  for (char **one = names; one && *one; one++) {
    if (!name_fold (*one, strlen (*one), folded))
      return NULL;
    g_free (*one);
    *one = g_strdup (folded);
  }
  return g_steal_pointer (&names);
}

struct ptn_strings
answer_borrow (char *const *strings) {
  return (struct ptn_strings){ (const char *const *)strings, g_strv_length ((char **)strings) };
}

/* ---- Accounts ---------------------------------------------------------------------------- */

/* {"quota.octets": "1000000"} as "quota.octets=1000000". */
static char **
attributes_of (const json_t *object) {
  json_t *table = json_object_get (object, "attributes");
  if (!table || json_is_null (table))
    return g_new0 (char *, 1);
  if (!json_is_object (table) || json_object_size (table) > ANSWER_LIST_LIMIT)
    return NULL;
  g_auto (GStrv) attributes = g_new0 (char *, json_object_size (table) + 1);
  const char *name;
  json_t *value;
  size_t count = 0;
  json_object_foreach (table, name, value) {
    const char *text = json_string_value (value);
    if (!*name || strchr (name, '=') || has_controls (name) || !text || has_controls (text))
      return NULL;
    attributes[count++] = g_strconcat (name, "=", text, NULL);
  }
  return g_steal_pointer (&attributes);
}

static bool
protocols_of (const json_t *object, unsigned *protocols) {
  static const char *const services[] = { "pop", "imap", "smtp", "http" };
  *protocols = PERSON_ALL;
  if (!json_object_get (object, "protocols"))
    return true;
  g_auto (GStrv) words = answer_strings (object, "protocols");
  if (!words)
    return false;
  *protocols = 0;
  for (unsigned i = 0; i < G_N_ELEMENTS (services); i++)
    if (g_strv_contains ((const char *const *)words, services[i]))
      *protocols |= 1u << i;
  return true;
}

/* A string that may be missing. */
static bool
text_of (const json_t *object, const char *name, char **text) {
  const json_t *value = json_object_get (object, name);
  *text = NULL;
  if (!value || json_is_null (value))
    return true;
  if (!json_is_string (value) || has_controls (json_string_value (value))
      || json_string_length (value) > NAME_LIMIT)
    return false;
  *text = g_strdup (json_string_value (value));
  return true;
}

static const char *
person_fill (struct person *person, const json_t *object) {
  const char *name = string_of (object, "name");
  const json_t *disabled = json_object_get (object, "disabled");
  char folded[NAME_LIMIT + 1];
  if (!name || !name_fold (name, strlen (name), folded) || name_fault (folded))
    return "name of an account is missing or cannot be one";
  person->name = g_strdup (folded);
  if (!text_of (object, "address", &person->address))
    return "address of an account is no text";
  if (!text_of (object, "server", &person->server))
    return "server of an account is no text";
  if (!(person->attributes = attributes_of (object)))
    return "attributes of an account are not texts by name";
  if (!(person->groups = answer_strings (object, "groups")))
    return "groups of an account are no list of names";
  if (!(person->delegates = names_of (object, "delegates")))
    return "delegates of an account are no list of names";
  if (!(person->readers = names_of (object, "readers")))
    return "readers of an account are no list of names";
  if (!protocols_of (object, &person->protocols))
    return "protocols of an account are no list of words";
  if (disabled && !json_is_boolean (disabled) && !json_is_null (disabled))
    return "disabled of an account is neither true nor false";
  person->disabled = json_is_true (disabled);
  if (!person->address)
    person->address = g_strdup ("");
  if (person->server && !*person->server)
    g_clear_pointer (&person->server, g_free);
  return NULL;
}

struct person *
person_read (const json_t *object, const char **fault) {
  *fault = "account is no object";
  if (!json_is_object (object))
    return NULL;
  struct person *person = g_new0 (struct person, 1);
  *fault = person_fill (person, object);
  if (*fault)
    person_free (&person);
  return person;
}

void
person_free (struct person **held) {
  struct person *person = *held;
  if (!person)
    return;
  g_free (person->name);
  g_free (person->address);
  g_free (person->server);
  g_strfreev (person->attributes);
  g_strfreev (person->groups);
  g_strfreev (person->delegates);
  g_strfreev (person->readers);
  g_free (person);
  *held = NULL;
}

bool
person_allows (const struct person *person, const char *service) {
  static const char *const services[] = { "pop", "imap", "smtp", "http" };
  for (unsigned i = 0; i < G_N_ELEMENTS (services); i++)
    if (strcmp (services[i], service) == 0)
      return person->protocols & 1u << i;
  return true;
}
