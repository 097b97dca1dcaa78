/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - see ask.h. */
#include "ctl/ask.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LONGEST = 1024 };

/* One line without its end; NULL: none, or too long.  Octet by octet: what comes behind the line
 * belongs to somebody else. */
static char *
read_line (int fd) {
  char *line = calloc (1, LONGEST + 2);
  size_t length = 0;
  ssize_t got = 0;

  while (line && length <= LONGEST && (got = read (fd, line + length, 1)) == 1
         && line[length] != '\n')
    length++;
  if (!line || got < 0 || (got == 0 && length == 0) || length > LONGEST) {
    ask_wipe (&line);
    return NULL;
  }
  line[length] = '\0';
  if (length && line[length - 1] == '\r')
    line[length - 1] = '\0';
  return line;
}

static char *
read_hidden (int terminal, const char *prompt, const char *again) {
  struct termios before, silent;

  if (tcgetattr (terminal, &before) < 0)
    return NULL;
  silent = before;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  silent.c_lflag |= ECHONL;
  dprintf (terminal, "%s%s: ", prompt, again);
  /* A Ctrl-C must not leave a terminal that does not show what is typed. */
  sigset_t blocked, old;
  sigemptyset (&blocked);
  sigaddset (&blocked, SIGINT);
  sigaddset (&blocked, SIGTERM);
  sigprocmask (SIG_BLOCK, &blocked, &old);
  silent.c_lflag &= ~(tcflag_t)ISIG;
  silent.c_cc[VINTR] = _POSIX_VDISABLE;
  tcsetattr (terminal, TCSAFLUSH, &silent);
  char *line = read_line (terminal);
  tcsetattr (terminal, TCSAFLUSH, &before);
  sigprocmask (SIG_SETMASK, &old, NULL);
  if (line && strchr (line, '\003')) { /* Ctrl-C, as text */
    ask_wipe (&line);
    raise (SIGINT);
  }
  return line;
}

char *
ask_secret (const char *prompt) {
  if (!isatty (STDIN_FILENO)) {
    char *line = read_line (STDIN_FILENO);
    if (!line || !*line) {
      fprintf (stderr, "posternctl: no password on standard input (one line is read)\n");
      ask_wipe (&line);
    }
    return line;
  }
  int terminal = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  char *first = terminal >= 0 ? read_hidden (terminal, prompt, "") : NULL;
  char *second = first && *first ? read_hidden (terminal, prompt, " again") : NULL;
  if (terminal >= 0)
    close (terminal);
  bool same = first && second && strcmp (first, second) == 0;
  if (!same)
    fprintf (stderr, "posternctl: %s\n",
             !first || !*first ? "no password was typed" : "the two are not the same");
  ask_wipe (&second);
  if (!same)
    ask_wipe (&first);
  return first;
}

void
ask_wipe (char **secret) {
  if (*secret)
    explicit_bzero (*secret, strlen (*secret));
  free (*secret);
  *secret = NULL;
}
