/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - which command a line is, and whether it is allowed now. */
#include "session.h"

enum { AUTHORIZATION = 1, TRANSACTION = 2, BOTH = 3 };

static const struct command {
  char name[5];
  uint8_t states;
  uint8_t least, most; /* words; most 3: the command looks at the rest itself */
  command_function *run;
} commands[] = {
  /* the frequent ones first */
  { "RETR", TRANSACTION, 1, 1, command_retr },   { "DELE", TRANSACTION, 1, 1, command_dele },
  { "TOP", TRANSACTION, 2, 2, command_top },     { "LIST", TRANSACTION, 0, 1, command_list },
  { "UIDL", TRANSACTION, 0, 1, command_uidl },   { "STAT", TRANSACTION, 0, 0, command_stat },
  { "NOOP", TRANSACTION, 0, 0, command_noop },   { "RSET", TRANSACTION, 0, 0, command_rset },
  { "QUIT", BOTH, 0, 0, command_quit },          { "USER", AUTHORIZATION, 0, 3, command_user },
  { "PASS", AUTHORIZATION, 0, 3, command_pass }, { "AUTH", AUTHORIZATION, 0, 2, command_auth },
  { "APOP", AUTHORIZATION, 0, 3, command_apop }, { "CAPA", BOTH, 0, 0, command_capa },
  { "STLS", AUTHORIZATION, 0, 0, command_stls }, { "UTF8", AUTHORIZATION, 0, 0, command_utf8 },
  { "LANG", BOTH, 0, 1, command_lang },
};

static const struct command *
find (const char *name, size_t length) {
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strlen (commands[i].name) == length
        && g_ascii_strncasecmp (commands[i].name, name, length) == 0)
      return &commands[i];
  return NULL;
}

/* Cuts the words apart in `copy`. */
static void
split (struct arguments *arguments, char *copy) {
  char *p = copy;
  for (;;) {
    while (*p == ' ')
      p++;
    if (!*p)
      return;
    if (arguments->count == G_N_ELEMENTS (arguments->word)) {
      arguments->count++;
      return;
    }
    arguments->word[arguments->count++] = p;
    while (*p && *p != ' ')
      p++;
    if (*p)
      *p++ = '\0';
  }
}

static void
run (struct session *s, const struct command *command, const char *rest, size_t length) {
  char small[2 * (LINE_MAX_UTF8 + 1)];
  bool big = length > LINE_MAX_UTF8;
  char *copy = big ? g_malloc (2 * (length + 1)) : small;
  struct arguments arguments = { .rest = copy };
  memcpy (copy, rest, length);
  copy[length] = '\0';
  memcpy (copy + length + 1, copy, length + 1);
  split (&arguments, copy + length + 1);
  if (arguments.count < command->least || arguments.count > command->most)
    say (s, command->most == 0 ? "-ERR no argument is allowed" : "-ERR wrong arguments");
  else {
    s->errors = 0;
    command->run (s, &arguments);
  }
  explicit_bzero (copy, 2 * (length + 1)); /* a password, perhaps */
  if (big)
    g_free (copy);
}

void
command_run (struct session *s, const char *line, size_t length) {
  const char *space = memchr (line, ' ', length);
  size_t name_length = space ? (size_t)(space - line) : length;
  const struct command *command = find (line, name_length);
  unsigned state = s->state == STATE_TRANSACTION ? TRANSACTION : AUTHORIZATION;
  size_t at = space ? name_length + 1 : length;
  s->errors++; /* until it is a good one */
  if (!command)
    say (s, "-ERR unknown command");
  else if (memchr (line, '\0', length))
    say (s, "-ERR NUL in a command");
  else if (!(command->states & state))
    say (s, state == TRANSACTION ? "-ERR already logged in" : "-ERR log in first");
  else
    run (s, command, line + at, length - at);
}
