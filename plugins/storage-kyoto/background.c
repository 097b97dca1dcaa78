/* SPDX-License-Identifier: GPL-3.0-or-later */
/* background.c - see background.h. */
#include "background.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/ioprio.h and linux/sched/types.h, which not every system has */
enum { IO_WHO_PROCESS = 1, IO_BEST_EFFORT = 2, IO_IDLE = 3, IO_CLASS_SHIFT = 13, IO_LOWEST = 7 };
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

enum { SLICE_NS = 100000, PIECE = 512 << 10 };

void
background_thread (const char *name, int nice, bool idle) {
  struct scheduling scheduling = { .size = sizeof scheduling, .nice = nice, .runtime = SLICE_NS };
  int class = idle ? IO_IDLE : IO_BEST_EFFORT;

  pthread_setname_np (pthread_self (), name);
  /* A thread that computes keeps its core until its slice is over, also when another one that
   * waited for the disk could go on: 1.4 ms and more.  Since Linux 6.12 a thread can ask for
   * shorter ones; before that this sets the niceness alone. */
  if (syscall (SYS_sched_setattr, 0, &scheduling, 0) != 0)
    setpriority (PRIO_PROCESS, (id_t)syscall (SYS_gettid), nice); /* in Linux the thread's own */
  syscall (SYS_ioprio_set, IO_WHO_PROCESS, 0, class << IO_CLASS_SHIFT | (idle ? 0 : IO_LOWEST));
}

void
background_write (int fd) {
  struct stat status;

  if (fstat (fd, &status) != 0)
    return;
  for (off_t at = 0; at < status.st_size; at += PIECE)
    if (sync_file_range (fd, at, PIECE,
                         SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE
                             | SYNC_FILE_RANGE_WAIT_AFTER)
        != 0)
      return;
}
