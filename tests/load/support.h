/* SPDX-License-Identifier: Apache-2.0 */
/* support.h - a configuration file in a folder of its own, and a loader over it. */
#ifndef TESTS_LOAD_SUPPORT_H
#define TESTS_LOAD_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "load/describe.h"
#include "load/load.h"

#include <glib/gstdio.h>
#include <string.h>

#define LISTEN "[listener l]\nprotocol = probe\naddress = 127.0.0.1:0\n"

struct bench {
  char *folder, *file, *log_file;
  struct config_errors *errors;
  struct config *config;
  struct logger *logger;
  struct metrics *metrics;
  struct engine *engine;
  struct loader *loader;
  struct load_note note;
};

/* FOLDER in the text stands for the bench's folder.  The modules are in PROBE_FOLDER. */
static inline void
bench_write (struct bench *bench, const char *text) {
  g_autofree char *whole =
      g_strdup_printf ("[server]\nname = t.example\nlog_file = log\nplugin_directory = %s\n"
                       "state_directory = state\n%s",
                       PROBE_FOLDER, text);
  if (!bench->folder) {
    bench->folder = g_dir_make_tmp ("postern-load-XXXXXX", NULL);
    bench->file = g_build_filename (bench->folder, "p.conf", NULL);
    bench->log_file = g_build_filename (bench->folder, "log", NULL);
    bench->errors = config_errors_new ();
  }
  assert_true (g_file_set_contents (bench->file, whole, -1, NULL));
}

/* left_out: "label" of a plugin to leave out, or NULL. */
static inline bool
bench_load (struct bench *bench, const char *text, const char *left_out) {
  bench_write (bench, text);
  bench->config = config_load (bench->file, NULL, bench->errors);
  bench->logger = logger_new (&bench->config->server.log, NULL);
  bench->metrics = metrics_new ();
  bench->engine = engine_new (&(struct engine_settings){ .workers = 1 }, NULL);
  assert_true (engine_start (bench->engine, NULL));
  struct load_left_out out = { left_out, "it crashed in start" };
  struct loader_settings settings = { .config = bench->config,
                                      .logger = bench->logger,
                                      .metrics = bench->metrics,
                                      .engine = bench->engine,
                                      .left_out = &out,
                                      .left_out_count = left_out != NULL,
                                      .note = &bench->note };
  bench->loader = loader_new (&settings);
  return loader_load (bench->loader, bench->errors);
}

/* Everything said, with the folder cut away; g_free it. */
static inline char *
bench_said (struct bench *bench) {
  g_autofree char *text = config_errors_text (bench->errors);
  g_autofree char *prefix = g_strdup_printf ("%s/", bench->folder);
  g_auto (GStrv) parts = g_strsplit (text, prefix, -1);
  return g_strjoinv ("", parts);
}

static inline void
bench_log_has (struct bench *bench, const char *part) {
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (bench->log_file, &text, NULL, NULL));
  if (!strstr (text, part))
    fail_msg ("the log lacks %s:\n%s", part, text);
}

static inline void
bench_remove (const char *path) {
  GDir *dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    bench_remove (below);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

static inline void
bench_end (struct bench *bench) {
  if (bench->loader)
    loader_stop (bench->loader);
  loader_free (&bench->loader);
  if (bench->engine)
    engine_stop (bench->engine);
  engine_free (&bench->engine);
  metrics_free (&bench->metrics);
  logger_free (&bench->logger);
  config_unref (&bench->config);
  config_errors_free (&bench->errors);
  bench_remove (bench->folder);
  g_free (bench->folder);
  g_free (bench->file);
  g_free (bench->log_file);
}

#endif
