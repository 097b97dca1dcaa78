/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - counters, gauges and histograms, and the Prometheus text of them.
 *
 * A name is postern_[a-z0-9_]+, optionally with labels: postern_sessions{listener="pop3"}.
 * Histograms take microseconds and have fixed buckets, powers of two from 1 us to 67 s; the
 * text gives them in seconds, as Prometheus wants: let their names end in _seconds.
 *
 * Ownership: metrics_new/metrics_free; a metric lives as long as its metrics. */
#ifndef HOST_LOG_METRICS_H
#define HOST_LOG_METRICS_H

#include <postern/base.h>
#include <postern/host.h>

#include <glib.h>

struct metrics;
struct metrics_page;

struct metrics *metrics_new (void);
void metrics_free (struct metrics **);

/* The metric of that name and labels, made on the first call.  plugin: value of an additional
 * label `plugin`, or NULL.  Never NULL: for a name that is wrong, or of another kind than
 * before, a metric that is counted but not shown is returned, and *mistake (if not NULL) is
 * set to a static text, else to NULL. [any, takes a lock] */
struct ptn_metric *metrics_get (struct metrics *, ptn_metric_kind, const char *name,
                                const char *help, const char *plugin, const char **mistake);
/* COUNTER: adds (negative values are ignored); GAUGE: adds; HISTOGRAM: a sample in
 * microseconds.  NULL is ignored. [any, wait-free] */
void metric_observe (struct ptn_metric *, int64_t value);
/* Of a counter or gauge; of a histogram the number of samples. [any] */
int64_t metric_value (const struct ptn_metric *);
/* Sets a gauge. [any, wait-free] */
void metric_set (struct ptn_metric *, int64_t value);

/* What is known elsewhere and worth a sample only when somebody asks: `collect` runs for each
 * text, on the asking thread, and calls metrics_page_add for every sample it has.  Removed by
 * naming the same pair; after that returns `collect` does not run any more. [any] */
typedef void metrics_collect (void *user, struct metrics_page *);
void metrics_add_collector (struct metrics *, metrics_collect *, void *user);
void metrics_remove_collector (struct metrics *, metrics_collect *, void *user);
/* COUNTER or GAUGE.  Only inside `collect`. */
void metrics_page_add (struct metrics_page *, ptn_metric_kind, const char *name, const char *help,
                       int64_t value);

/* The text exposition format, version 0.0.4, families sorted by name; g_free it. [any] */
char *metrics_text (struct metrics *, size_t *length);

#endif
