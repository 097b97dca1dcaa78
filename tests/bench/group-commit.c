/* SPDX-License-Identifier: Apache-2.0 */
/* group-commit.c - what the disk gives: acknowledgements a second of sessions that each wait until
 * their record is durable, all that wait sharing one pwritev and one fdatasync.
 *
 *     group-commit FILE [SESSIONS=32] [OCTETS=112] [SECONDS=3]
 *
 * The sessions are threads; the file has its space beforehand, as a log's segment has.  The FILE is
 * removed.  Prints one line of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS_MAX = 512, FILE_SIZE = 256 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t durable[SESSIONS_MAX];
static bool waiting[SESSIONS_MAX], stop;
static unsigned sessions = 32, waiters;
static size_t octets = 112;
static uint64_t acknowledged, syncs;
static char *record;

static void *
session (void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;

  pthread_mutex_lock (&lock);
  while (!stop) {
    waiting[number] = true;
    if (waiters++ == 0)
      pthread_cond_signal (&wanted);
    while (waiting[number] && !stop)
      pthread_cond_wait (&durable[number], &lock);
    acknowledged += !waiting[number];
  }
  pthread_mutex_unlock (&lock);
  return NULL;
}

static void *
committer (void *argument) {
  int fd = *(int *)argument;
  struct iovec vectors[SESSIONS_MAX];
  unsigned batch[SESSIONS_MAX];
  off_t at = 0;

  pthread_mutex_lock (&lock);
  while (!stop) {
    unsigned count = 0;

    while (waiters == 0 && !stop)
      pthread_cond_wait (&wanted, &lock);
    for (unsigned i = 0; i < sessions; i++)
      if (waiting[i]) {
        vectors[count] = (struct iovec){ record, octets };
        batch[count++] = i;
      }
    waiters = 0;
    pthread_mutex_unlock (&lock);
    if (count > 0
        && (pwritev (fd, vectors, (int)count, at) != (ssize_t)(count * octets)
            || fdatasync (fd) != 0)) {
      perror ("group-commit");
      exit (1);
    }
    at = (at + (off_t)(count * octets)) % (FILE_SIZE - (1 << 20));
    pthread_mutex_lock (&lock);
    syncs++;
    for (unsigned i = 0; i < count; i++) {
      waiting[batch[i]] = false;
      pthread_cond_signal (&durable[batch[i]]);
    }
  }
  pthread_mutex_unlock (&lock);
  return NULL;
}

int
main (int argc, char **argv) {
  pthread_t threads[SESSIONS_MAX + 1];
  double seconds = argc > 4 ? atof (argv[4]) : 3;
  struct timespec rest = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };
  int fd = argc > 1 ? open (argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

  if (argc > 2)
    sessions = (unsigned)atoi (argv[2]);
  if (argc > 3)
    octets = (size_t)atoi (argv[3]);
  if (fd < 0 || sessions == 0 || sessions > SESSIONS_MAX || octets == 0 || octets > 65536) {
    fprintf (stderr, "usage: group-commit FILE [SESSIONS] [OCTETS] [SECONDS]: %s\n",
             strerror (errno));
    return 2;
  }
  unlink (argv[1]);
  record = calloc (1, octets);
  if (posix_fallocate (fd, 0, FILE_SIZE) != 0 || fsync (fd) != 0)
    return 1;
  for (unsigned i = 0; i < sessions; i++)
    pthread_cond_init (&durable[i], NULL);
  pthread_create (&threads[sessions], NULL, committer, &fd);
  for (unsigned i = 0; i < sessions; i++)
    pthread_create (&threads[i], NULL, session, (void *)(uintptr_t)i);
  nanosleep (&rest, NULL);
  pthread_mutex_lock (&lock);
  stop = true;
  pthread_cond_broadcast (&wanted);
  for (unsigned i = 0; i < sessions; i++)
    pthread_cond_broadcast (&durable[i]);
  pthread_mutex_unlock (&lock);
  for (unsigned i = 0; i <= sessions; i++)
    pthread_join (threads[i], NULL);
  printf ("{\"rate\": %.1f, \"syncs\": %.1f}\n", (double)acknowledged / seconds,
          (double)syncs / seconds);
  return 0;
}
