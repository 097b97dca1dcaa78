/* SPDX-License-Identifier: Apache-2.0 */
/* faulty-plugin.c - does what its setting `fault` says, where `place` says; and a few commands
 * for the tests of posternctl:
 *
 *   faulty now            the fault, in the command's step
 *   faulty rows COUNT     so many rows
 *   faulty secret         tells the length of the secret
 *   faulty copy FROM TO   copies a file by ptn_report.open
 *   faulty slow COUNT     progress, 10 ms a piece */
#include <postern/postern.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct faulty {
  const struct ptn_host *host;
  char fault[32], place[32];
};

static const struct ptn_setting settings[] = {
  { "fault", PTN_SETTING_ENUM, 0, "none", "What goes wrong.",
    "none crash abort hang fail exit overflow", PTN_SCOPE_PLUGIN, 0 },
  { "place", PTN_SETTING_ENUM, 0, "command", "Where.", "configure start command thread stop",
    PTN_SCOPE_PLUGIN, 0 },
  { "once", PTN_SETTING_PATH, 0, NULL, "Only if this file does not exist; it is made.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
};

/* Not to be seen through by the compiler. */
static volatile int *volatile nowhere;
static volatile int depth;

static int
overflow (int level) {
  volatile char room[4096];
  room[level % 4096] = (char)level;
  return depth < level ? overflow (level + 1) + room[0] : 0;
}

static ptn_status
go_wrong (const struct faulty *faulty) {
  if (strcmp (faulty->fault, "crash") == 0)
    *nowhere = 1;
  else if (strcmp (faulty->fault, "abort") == 0)
    abort ();
  else if (strcmp (faulty->fault, "exit") == 0)
    _exit (7);
  else if (strcmp (faulty->fault, "overflow") == 0)
    overflow (1);
  else if (strcmp (faulty->fault, "hang") == 0)
    for (;;)
      pause ();
  return strcmp (faulty->fault, "fail") == 0 ? PTN_E_TEMPORARY : PTN_OK;
}

static ptn_status
maybe (const struct faulty *faulty, const char *place) {
  return strcmp (faulty->place, place) == 0 ? go_wrong (faulty) : PTN_OK;
}

/* --- commands --------------------------------------------------------------------------- */

static ptn_status
run_now (void *instance, struct ptn_call *call, struct ptn_strings arguments,
         struct ptn_bytes secret, struct ptn_report *report) {
  struct faulty *faulty = instance;
  ptn_status status = maybe (faulty, "command");
  if (status != PTN_OK)
    return faulty->host->fail (call->task, status, NULL, "as it was told");
  report->note (report, "nothing went wrong");
  return PTN_OK;
}

static ptn_status
run_rows (void *instance, struct ptn_call *call, struct ptn_strings arguments,
          struct ptn_bytes secret, struct ptn_report *report) {
  struct faulty *faulty = instance;
  long count = arguments.count == 1 ? strtol (arguments.items[0], NULL, 10) : 0;
  uintptr_t next = (uintptr_t)call->state;

  if (count <= 0)
    return faulty->host->fail (call->task, PTN_E_INVALID, "COUNT must be a number", "no count");
  for (; next < (uintptr_t)count; next++) {
    char number[24];
    const char *columns[] = { number, "tab\there, \033[31mred\033[0m \"quoted\"" };
    snprintf (number, sizeof number, "%lu", (unsigned long)next);
    ptn_status status = report->row (report, call->task, columns, 2);
    if (status != PTN_OK) {
      call->state = (void *)next;
      return status;
    }
  }
  call->state = NULL;
  return PTN_OK;
}

static ptn_status
run_secret (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  char number[24];
  const char *columns[] = { number };
  snprintf (number, sizeof number, "%zu", secret.size);
  return report->row (report, call->task, columns, 1);
}

struct copying {
  int32_t from, to;
};

static void
end_copying (void *state) {
  struct copying *copying = state;
  if (copying->from >= 0)
    close (copying->from);
  if (copying->to >= 0)
    close (copying->to);
  free (copying);
}

static ptn_status
run_copy (void *instance, struct ptn_call *call, struct ptn_strings arguments,
          struct ptn_bytes secret, struct ptn_report *report) {
  struct faulty *faulty = instance;
  struct copying *copying = call->state;
  ptn_status status = PTN_OK;
  char octets[4096];
  ssize_t got;

  if (arguments.count != 2)
    return faulty->host->fail (call->task, PTN_E_INVALID, "FROM and TO are wanted", "usage");
  if (!copying) {
    copying = malloc (sizeof *copying);
    if (!copying)
      return PTN_E_NO_MEMORY;
    *copying = (struct copying){ -1, -1 };
    call->state = copying;
    call->release = end_copying;
  }
  call->cancel = NULL;
  if (copying->from < 0)
    status = report->open (report, call->task, arguments.items[0], PTN_OPEN_READ, &copying->from);
  if (status == PTN_OK)
    status = report->open (report, call->task, arguments.items[1], PTN_OPEN_CREATE, &copying->to);
  if (status == PTN_PENDING)
    call->cancel = end_copying;
  if (status != PTN_OK)
    return status;
  while ((got = read (copying->from, octets, sizeof octets)) > 0)
    if (write (copying->to, octets, (size_t)got) != got)
      return PTN_E_TEMPORARY;
  return PTN_OK;
}

static ptn_status
run_slow (void *instance, struct ptn_call *call, struct ptn_strings arguments,
          struct ptn_bytes secret, struct ptn_report *report) {
  struct faulty *faulty = instance;
  uintptr_t count = arguments.count == 1 ? strtoul (arguments.items[0], NULL, 10) : 10;
  uintptr_t done = (uintptr_t)call->state;

  report->progress (report, done, count, "slowly");
  if (done >= count) {
    call->state = NULL;
    return PTN_OK;
  }
  call->state = (void *)(done + 1);
  faulty->host->wake_at (faulty->host->waker (call->task),
                         faulty->host->monotonic_ns () + 10 * 1000000);
  return PTN_PENDING;
}

static ptn_status
provide_commands (const struct ptn_host *host, struct faulty *faulty) {
  static const struct ptn_control commands[] = {
    { .size = sizeof *commands,
      .flags = PTN_CONTROL_OFFLINE,
      .name = "faulty now",
      .help = "Goes wrong, if told so.",
      .run = run_now },
    { .size = sizeof *commands,
      .flags = PTN_CONTROL_OFFLINE,
      .name = "faulty rows",
      .arguments = "COUNT",
      .help = "So many rows.",
      .columns = "number text",
      .run = run_rows },
    { .size = sizeof *commands,
      .flags = PTN_CONTROL_OFFLINE | PTN_CONTROL_SECRET,
      .name = "faulty secret",
      .help = "How long the secret is.",
      .columns = "length",
      .run = run_secret },
    { .size = sizeof *commands,
      .flags = PTN_CONTROL_OFFLINE,
      .name = "faulty copy",
      .arguments = "FROM TO",
      .help = "Copies a file.",
      .run = run_copy },
    { .size = sizeof *commands,
      .name = "faulty slow",
      .arguments = "[COUNT]",
      .help = "Takes its time.",
      .run = run_slow },
  };
  ptn_status status = PTN_OK;
  for (size_t i = 0; status == PTN_OK && i < sizeof commands / sizeof *commands; i++)
    status = host->provide (host, PTN_CONTROL_ID, commands[i].name, &commands[i], faulty);
  return status;
}

/* --- life --------------------------------------------------------------------------------- */

static ptn_status
faulty_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct faulty *faulty = calloc (1, sizeof *faulty);
  const char *once = host->text (config, "once");

  if (!faulty)
    return PTN_E_NO_MEMORY;
  faulty->host = host;
  snprintf (faulty->fault, sizeof faulty->fault, "%s", host->text (config, "fault"));
  snprintf (faulty->place, sizeof faulty->place, "%s", host->text (config, "place"));
  if (once && *once && access (once, F_OK) == 0)
    strcpy (faulty->fault, "none");
  *instance = faulty;
  ptn_status status = maybe (faulty, "configure");
  if (status != PTN_OK) {
    free (faulty);
    return status;
  }
  return provide_commands (host, faulty);
}

static void *
thread (void *argument) {
  go_wrong (argument);
  return NULL;
}

static ptn_status
faulty_start (void *instance) {
  struct faulty *faulty = instance;
  pthread_t started;

  if (strcmp (faulty->place, "thread") == 0 && pthread_create (&started, NULL, thread, faulty) == 0)
    pthread_detach (started);
  return maybe (faulty, "start");
}

static void
faulty_stop (void *instance) {
  maybe (instance, "stop");
}

const struct ptn_plugin *
postern_plugin_entry (uint32_t major, uint32_t minor) {
  static const struct ptn_plugin plugin = { .size = sizeof plugin,
                                            .abi_major = PTN_ABI_MAJOR,
                                            .abi_minor = PTN_ABI_MINOR,
                                            .name = "faulty",
                                            .version = "1",
                                            .summary = "goes wrong on demand",
                                            .settings = settings,
                                            .setting_count = sizeof settings / sizeof *settings,
                                            .setting_size = sizeof *settings,
                                            .configure = faulty_configure,
                                            .start = faulty_start,
                                            .stop = faulty_stop,
                                            .destroy = free };
  return &plugin;
}
