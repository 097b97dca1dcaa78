/* SPDX-License-Identifier: Apache-2.0 */
/* answers-fuzz.c - any octets as an answer of the program: what is taken is sound. */
#include "directory-exec/answer.h"

#include "common/login/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static void
check_list (char **strings) {
  check (g_strv_length (strings) <= ANSWER_LIST_LIMIT);
  for (; *strings; strings++)
    check (!strpbrk (*strings, "\r\n"));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct answer answer;
  const char *fault;
  if (!answer_read ((const char *)data, size, 1, &answer, &fault)) {
    check (fault && *fault && !answer.fields);
    return 0;
  }
  check (answer.fields && answer.text);
  struct person *person = person_read (json_object_get (answer.fields, "account"), &fault);
  if (person) {
    check (!name_fault (person->name) && person->address);
    check_list (person->attributes);
    check_list (person->groups);
    check_list (person->delegates);
    check_list (person->readers);
    for (char **attribute = person->attributes; *attribute; attribute++)
      check (strchr (*attribute, '=') > *attribute);
  }
  person_free (&person);
  char **names = answer_strings (answer.fields, "accounts");
  if (names)
    check_list (names);
  g_strfreev (names);
  answer_clear (&answer);
  return 0;
}
