/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - rules of what stays behind: memory, and secrets in memory and log. */
#include "kit.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define WARM_UP 200
#define ROUNDS 1000
#define GROWTH_MAX \
  65536 /* octets in all: a leak of one octet an exchange is not seen, one of 66 is */

/* ---- Growth ------------------------------------------------------------------------------ */

static void
many (struct fixture *f, const struct tested *m, unsigned rounds, bool proof) {
  for (unsigned i = 0; i < rounds; i++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    if (proof)
      talk_prove (&talk);
    else
      talk_to_end (&talk, talk_step (&talk, "wrong\0wrong", 11));
    talk_end (&talk);
    if (i % 50 == 0)
      g_free (harness_log_take (f->actor.harness));
  }
  g_free (harness_log_take (f->actor.harness));
}

static size_t
in_use (void) {
  return mallinfo2 ().uordblks;
}

static void
stays_flat (struct fixture *f, const struct tested *m, bool proof) {
  many (f, m, WARM_UP, proof);
  const size_t before = in_use ();
  many (f, m, ROUNDS, proof);
  const size_t after = in_use ();
  must (after < before + GROWTH_MAX, "%d exchanges of %s took %zu octets for good", ROUNDS,
        m->table->name, after - before);
}

RULE (failures, "memory.failures", "failed exchanges leave nothing behind", "auth.h: finish", 0,
      0) {
  EACH (f, m)
  stays_flat (f, m, false);
}

RULE (proofs, "memory.proofs", "exchanges that proved leave nothing behind", "auth.h: finish",
      HAS_PROOF, 0) {
  EACH_PROVED (f, m)
  stays_flat (f, m, true);
}

/* ---- Secrets ----------------------------------------------------------------------------- */

#define SECRET_OCTETS 12 /* the end of the proof's longest step, which is what the rules look for */
#define WINDOW ((size_t)1 << 20)
#define MASK 0x5a /* the rule's own copy must not be found */

struct secret {
  unsigned char masked[SECRET_OCTETS];
};

static bool
take_secret (const struct tested *m, struct secret *secret) {
  size_t longest = 0;
  for (size_t i = 0; i < proof_length (m); i++) {
    struct proof_step step = proof_step (m, i);
    if (step.size >= SECRET_OCTETS + 2 && step.size > longest) {
      longest = step.size;
      /* Without the two octets of OAUTHBEARER's end. */
      for (unsigned at = 0; at < SECRET_OCTETS; at++)
        secret->masked[at] = step.data[step.size - 2 - SECRET_OCTETS + at] ^ MASK;
    }
    proof_free (&step);
  }
  return longest > 0;
}

static bool
is_there (const struct secret *secret, const unsigned char *text, size_t size) {
  const unsigned char first = secret->masked[0] ^ MASK;
  for (const unsigned char *at = text; size >= SECRET_OCTETS;) {
    at = memchr (at, first, (size_t)(text + size - at) - SECRET_OCTETS + 1);
    if (!at)
      return false;
    unsigned i = 1;
    while (i < SECRET_OCTETS && (at[i] ^ MASK) == secret->masked[i])
      i++;
    if (i == SECRET_OCTETS)
      return true;
    if ((size_t)(text + size - ++at) < SECRET_OCTETS)
      return false;
  }
  return false;
}

struct window { /* where pieces of memory are looked at; is not itself looked at */
  unsigned char *octets;
  int memory; /* /proc/self/mem: what is not there any more is an error and no crash */
};

static bool
range_holds (const struct window *window, const struct secret *secret, uintptr_t begin,
             uintptr_t end) {
  bool found = false;
  for (uintptr_t at = begin; at < end && !found; at += WINDOW - SECRET_OCTETS) {
    const ssize_t size = pread (window->memory, window->octets, MIN (WINDOW, end - at), (off_t)at);
    found = size > 0 && is_there (secret, window->octets, (size_t)size);
  }
  return found;
}

/* Where freed memory is kept for later, and address space is looked after by others. */
extern void __asan_init (void) __attribute__ ((weak));
extern void __tsan_init (void) __attribute__ ((weak));

/* The heaps of this process: what was freed and not overwritten is in there, too. */
static bool
heap_holds (const struct secret *secret) {
  char line[512];
  bool found = false;
  FILE *maps = fopen ("/proc/self/maps", "re");
  struct window window = { mmap (NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                 -1, 0),
                           open ("/proc/self/mem", O_RDONLY | O_CLOEXEC) };
  if (!maps || window.octets == MAP_FAILED || window.memory < 0)
    cannot_run ("the memory of this process cannot be read");
  while (!found && fgets (line, sizeof line, maps)) {
    unsigned long begin, end, inode;
    char rights[8], path[256] = "";
    if (sscanf (line, "%lx-%lx %7s %*s %*s %lu %255s", &begin, &end, rights, &inode, path) < 4
        || strncmp (rights, "rw", 2) != 0 || inode != 0 || (*path && strcmp (path, "[heap]") != 0)
        || (begin <= (uintptr_t)window.octets && (uintptr_t)window.octets < end))
      continue;
    found = range_holds (&window, secret, begin, end);
  }
  fclose (maps);
  close (window.memory);
  munmap (window.octets, WINDOW);
  return found;
}

RULE (wiped, "memory.wiped", "the secrets of an exchange are gone after finish",
      "auth.h: finish also aborts; wipes secrets", HAS_PROOF, 0) {
  bool any = false;
  if (__asan_init || __tsan_init)
    cannot_run ("a sanitizer keeps what is freed");
  EACH_PROVED (f, m) {
    struct secret secret = { { 0 } };
    if (!(m->table->flags & PTN_SASL_PLAINTEXT) || !take_secret (m, &secret))
      continue;
    /* What somebody told us in clear (a setting) is no leak of the exchange. */
    if (heap_holds (&secret))
      continue;
    any = true;
    for (unsigned i = 0; i < 3; i++) {
      struct talk talk = talk_begin (f, &f->actor, m);
      talk_prove (&talk);
      talk_end (&talk);
    }
    g_usleep (20000); /* a lane may have to let go */
    must (!heap_holds (&secret), "the last octets of the proof of %s are still in memory",
          m->table->name);
  }
  if (!any)
    cannot_run ("no mechanism sends a secret of %d octets that is not in a setting", SECRET_OCTETS);
}

RULE (logged, "memory.logged", "no secret is logged", "plugins/auth/README.md: Events", HAS_PROOF,
      0) {
  EACH_PROVED (f, m) {
    struct secret secret = { { 0 } };
    if (!take_secret (m, &secret))
      continue;
    for (unsigned i = 0; i < 2; i++) {
      g_free (harness_log_take (f->actor.harness));
      struct talk talk = talk_begin (f, &f->actor, m);
      talk_prove (&talk);
      talk_end (&talk);
      g_autofree char *log = harness_log_take (f->actor.harness);
      const char *text = f->actor.host->failure_log (f->actor.task);
      must (!is_there (&secret, (const unsigned char *)log, strlen (log))
                && !(text && is_there (&secret, (const unsigned char *)text, strlen (text))),
            "the log holds the last octets of the proof of %s", m->table->name);
    }
  }
}

RULES (sasl_memory, &failures_rule, &proofs_rule, &wiped_rule, &logged_rule);
