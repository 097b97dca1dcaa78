/* SPDX-License-Identifier: Apache-2.0 */
/* wiped_test.c - passwords that were asked about and secrets that were told are nowhere in memory
 * afterwards; and the JSON library, which others use as well, frees memory as it did before.
 *
 * The program is a process of its own, so that what it knows is not found here. */
#include "common/base64.h"
#include "fixture.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long, so that what is left of them is not written over at once by what comes next. */
#define TOLD                                                                                    \
  "a secret that is told: zero one two three four five six seven eight nine ten eleven twelve " \
  "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty twenty-one twenty-two " \
  "twenty-three twenty-four twenty-five twenty-six"
#define UTF_8                                                                                 \
  "na\303\257ve: il \303\251tait une fois \303\240 la for\303\252t une biche qui s'appelait " \
  "\303\211lise "                                                                             \
  "et dont la m\303\250re \303\251tait partie \303\240 la p\303\252che sans lui laisser de "  \
  "th\303\251"
#define LATIN                                                                                   \
  "na\357ve: es war einmal ein K\366nig, der hatte drei T\366chter, die sch\366nste von ihnen " \
  "war "                                                                                        \
  "die j\374ngste, und sie hatte einen goldenen Ball, der rollte ihr in einen Brunnen am Wald"

/* ---- The program ------------------------------------------------------------------------- */

static void
answer (FILE *from, int to) {
  char *line = NULL;
  size_t room = 0;
  while (getline (&line, &room, from) > 0) {
    const char *id = strstr (line, "\"id\":");
    const bool secret = strstr (line, "\"op\":\"secret\"") != NULL;
    dprintf (to, "{\"id\":%ld,\"status\":\"%s\"%s}\n", id ? strtol (id + 5, NULL, 10) : 0,
             strstr (line, "\"op\":\"hello\"") ? "unsupported" : "ok",
             secret ? ",\"secrets\":[\"not this one\",\"" TOLD "\"]" : "");
  }
  free (line);
}

static pid_t
start_program (const char *path, int *listening) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  *listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (*listening, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (*listening, 4), 0);
  const pid_t pid = fork ();
  if (pid != 0)
    return pid;
  alarm (60);
  for (int fd; (fd = accept (*listening, NULL, NULL)) >= 0; close (fd)) {
    FILE *from = fdopen (dup (fd), "r");
    answer (from, fd);
    fclose (from);
  }
  _exit (0);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Where freed memory is kept for later, and address space is looked after by others. */
extern void __asan_init (void) __attribute__ ((weak));
extern void __tsan_init (void) __attribute__ ((weak));

static bool
range_holds (int memory, uintptr_t begin, uintptr_t end, const char *text, size_t size) {
  char octets[16384]; /* on the stack, which is not looked at */
  for (uintptr_t at = begin; at < end; at += sizeof octets - size) {
    const ssize_t got = pread (memory, octets, MIN (sizeof octets, end - at), (off_t)at);
    if (got > 0 && memmem (octets, (size_t)got, text, size))
      return true;
  }
  return false;
}

/* Heaps and the stacks of other threads; what was freed is still there. */
static bool
is_in_memory (const char *text, size_t size) {
  char line[512];
  bool found = false;
  FILE *maps = fopen ("/proc/self/maps", "re");
  const int memory = open ("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  assert_non_null (maps);
  assert_true (memory >= 0);
  while (!found && fgets (line, sizeof line, maps)) {
    unsigned long begin, end, inode;
    char rights[8], path[256] = "";
    if (sscanf (line, "%lx-%lx %7s %*s %*s %lu %255s", &begin, &end, rights, &inode, path) >= 4
        && strncmp (rights, "rw", 2) == 0 && inode == 0 && (!*path || strcmp (path, "[heap]") == 0))
      found = range_holds (memory, begin, end, text, size);
  }
  fclose (maps);
  close (memory);
  return found;
}

#define PIECE 16

/* Any piece of it. */
static bool
is_left (const char *text) {
  for (size_t at = 0; at + PIECE <= strlen (text); at += PIECE)
    if (is_in_memory (text + at, PIECE))
      return true;
  return false;
}

/* ---- Tests ------------------------------------------------------------------------------- */

static ptn_status
is_what_is_told (void *argument, struct ptn_bytes secret) {
  return secret.size == strlen (TOLD) && memcmp (secret.data, TOLD, secret.size) == 0
             ? PTN_OK
             : PTN_E_AUTHENTICATION;
}

static ptn_status
tell (struct fixture *fixture) {
  const struct ptn_credentials *credentials = fixture->credentials.table;
  const ptn_status status =
      HARNESS_AWAIT (fixture->task,
                     credentials->with_secret (fixture->credentials.instance, &fixture->call,
                                               &fixture->request, "EXAMPLE", "alice", "PLAIN",
                                               is_what_is_told, NULL));
  fixture->host->call_end (&fixture->call);
  return status;
}

static void
nothing_is_left (void **state) {
  (void)state;
  if (__asan_init || __tsan_init)
    skip ();
  struct fixture *fixture = fixture_new (NULL, (const char *const[]){ "schemes=PLAIN", NULL });
  int listening;
  const pid_t program = start_program (fixture->socket, &listening);
  char *left = strdup (TOLD);
  assert_true (is_left (TOLD)); /* it would be found */
  explicit_bzero (left, strlen (left));
  free (left);
  assert_int_equal (fixture_verify (fixture, "alice", UTF_8), PTN_OK);
  g_usleep (20000); /* the lane may have to let go */
  assert_false (is_left (UTF_8));
  assert_int_equal (fixture_verify (fixture, "alice", LATIN), PTN_OK);
  g_usleep (20000);
  assert_false (is_left (LATIN));
  char encoded[512] = ""; /* on the stack */
  base64_encode (LATIN, strlen (LATIN), encoded);
  assert_false (is_left (encoded));
  assert_int_equal (tell (fixture), PTN_OK);
  g_usleep (20000);
  assert_false (is_left (TOLD));
  close (listening);
  kill (program, SIGKILL);
  waitpid (program, NULL, 0);
  unlink (fixture->socket);
  fixture_free (fixture);
}

/* A plugin is not alone in its process. */
static void
the_library_is_left_alone (void **state) {
  (void)state;
  json_malloc_t allocate;
  json_free_t release;
  struct fixture *fixture = fixture_new (NULL, NULL);
  json_get_alloc_funcs (&allocate, &release);
  assert_true (allocate == malloc);
  assert_true (release == free);
  fixture_free (fixture);
}

int
main (int argc, char **argv) {
  assert (argc == 2);
  fixture_module = argv[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_library_is_left_alone),
    cmocka_unit_test (nothing_is_left),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
