/* SPDX-License-Identifier: Apache-2.0 */
/* crash.c - see crash.h. */
#include "run/crash.h"
#include "engine/engine.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };

/* A signal handler has no argument: these are the worker's one note, its plugins' code, and what
 * handled the signals before. */
static struct crash_note *handled_note;
static struct code_range { uintptr_t begins, ends; } code[CRASH_PLUGINS];
static struct sigaction before[G_N_ELEMENTS (deadly)];

static int64_t
monotonic_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct crash_note *
map_note (int fd, GError **error) {
  void *memory = mmap (NULL, sizeof (struct crash_note), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno),
                 "Shared memory cannot be mapped: %s", g_strerror (errno));
    return NULL;
  }
  return memory;
}

struct crash_note *
crash_new (int *fd, GError **error) {
  *fd = memfd_create ("postern-crash-note", MFD_CLOEXEC);
  if (*fd < 0 || ftruncate (*fd, sizeof (struct crash_note)) < 0) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno),
                 "Shared memory cannot be made: %s", g_strerror (errno));
    if (*fd >= 0)
      close (*fd);
    *fd = -1;
    return NULL;
  }
  struct crash_note *note = map_note (*fd, error);
  if (!note) {
    close (*fd);
    *fd = -1;
  }
  return note;
}

struct crash_note *
crash_map (int fd, GError **error) {
  return map_note (fd, error);
}

void
crash_free (struct crash_note **note) {
  if (*note)
    munmap (*note, sizeof **note);
  *note = NULL;
}

struct code_search {
  const char *module;
  struct code_range *range;
};

/* The executable segments of the object of that name. */
static int
find_code (struct dl_phdr_info *object, size_t size, void *user) {
  struct code_search *search = user;

  if (!object->dlpi_name || strcmp (object->dlpi_name, search->module) != 0)
    return 0;
  search->range->begins = UINTPTR_MAX;
  for (unsigned i = 0; i < object->dlpi_phnum; i++) {
    const ElfW (Phdr) *header = &object->dlpi_phdr[i];
    uintptr_t from = object->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;
    if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
      search->range->begins = MIN (search->range->begins, from);
      search->range->ends = MAX (search->range->ends, to);
    }
  }
  return 1;
}

void
crash_code (uint32_t plugin, const char *module) {
  if (plugin > 0 && plugin < CRASH_PLUGINS) {
    struct code_search search = { module, &code[plugin] };
    dl_iterate_phdr (find_code, &search);
  }
}

static uint32_t
plugin_at (uintptr_t address) {
  for (uint32_t i = 1; i < CRASH_PLUGINS; i++)
    if (address >= code[i].begins && address < code[i].ends)
      return i;
  return 0;
}

/* The instruction, then the words on the stack: the first that points into a plugin's code is
 * (nearly always) the return address of the innermost call.  If the stack ends before we do, the
 * second fault finds the first handler restored, and what was known is noted already. */
static uint32_t
plugin_on_stack (const ucontext_t *context) {
#if defined __x86_64__
  uintptr_t instruction = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
  uintptr_t stack = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined __aarch64__
  uintptr_t instruction = context->uc_mcontext.pc, stack = context->uc_mcontext.sp;
#else
  uintptr_t instruction = 0, stack = (uintptr_t)&instruction;
#endif
  uint32_t found = plugin_at (instruction);
  const uintptr_t *word = (const uintptr_t *)(stack & ~(sizeof (uintptr_t) - 1));
  for (unsigned i = 0; !found && i < 1024; i++)
    found = plugin_at (word[i]);
  return found;
}

#if defined __SANITIZE_ADDRESS__
__attribute__ ((no_sanitize_address))
#endif
static void
on_deadly (int number, siginfo_t *info, void *context) {
  struct crash_note *note = handled_note;

  for (unsigned i = 0; i < G_N_ELEMENTS (deadly); i++)
    if (deadly[i] == number)
      sigaction (number, &before[i], NULL);
  if (!atomic_exchange (&note->signal, (uint32_t)number)) { /* the first thread to fall counts */
    uint32_t plugin = engine_enter (0);
    atomic_store (&note->guilty, plugin);
    if (!plugin)
      atomic_store (&note->guilty, plugin_on_stack (context));
  }
  /* A fault comes again by itself, with its own place in the core file; what was sent does not. */
  if (info->si_code <= 0)
    raise (number);
}

void
crash_install (struct crash_note *note) {
  static unsigned char stack[64 * 1024]; /* the main thread's: an overflown stack takes no frame */
  const stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };

  handled_note = note;
  sigaltstack (&other, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (deadly); i++) {
    struct sigaction action = { .sa_sigaction = on_deadly, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset (&action.sa_mask);
    sigaction (deadly[i], &action, &before[i]);
  }
}

uint32_t
crash_guilty (const struct crash_note *note, int signal_number, uint32_t *phase) {
  uint32_t plugin = atomic_load (&note->guilty), about = atomic_load (&note->load.plugin);

  *phase = atomic_load (&note->load.phase);
  if (!plugin && *phase != LOAD_NOTHING)
    plugin = about;
  else if (plugin != about)
    *phase = LOAD_NOTHING;
  if (!plugin && !atomic_load (&note->signal) && signal_number == SIGSEGV) {
    /* No handler ran: the stack had overflown.  If one plugin only was at work it was that. */
    for (unsigned i = 0; i < CRASH_WORDS; i++) {
      uint32_t inside = atomic_load (&note->words[i]);
      if (inside && plugin && inside != plugin)
        return 0;
      plugin = inside ? inside : plugin;
    }
  }
  return plugin;
}

uint32_t
crash_hanging (const struct crash_note *note, int64_t longer_than_ns) {
  uint32_t phase = atomic_load (&note->load.phase);
  bool setting_up = phase == LOAD_LOADING || phase == LOAD_CONFIGURING || phase == LOAD_STARTING;

  if (!setting_up || monotonic_ns () - atomic_load (&note->load.since) < longer_than_ns)
    return 0;
  return atomic_load (&note->load.plugin);
}
