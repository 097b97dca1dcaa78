/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - see metrics.h.  Observing is one or two atomic additions; making a metric and
 * printing take the lock. */
#include "log/metrics.h"
#include "log/escape.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS 27 /* le 2^0 .. 2^26 us; above that only +Inf */
#define NAME_LIMIT 512

struct ptn_metric {
  ptn_metric_kind kind;
  char *family; /* postern_x */
  char *labels; /* a="b",c="d" without braces; "" */
  char *help;
  _Atomic int64_t value;     /* histogram: sum in us */
  _Atomic uint64_t *buckets; /* BUCKETS + 1, each of its own; NULL: no histogram */
};

struct collector {
  metrics_collect *collect;
  void *user;
};

struct metrics {
  pthread_mutex_t lock;
  GHashTable *by_name;  /* family{labels} -> struct ptn_metric, owned by `all` */
  GHashTable *families; /* family -> kind */
  GPtrArray *all;       /* struct ptn_metric, the hidden ones among them */
  GArray *collectors;
};

struct metrics_page {
  GPtrArray *samples; /* struct sample */
};

struct sample {
  ptn_metric_kind kind;
  char *family, *labels, *help, *value;
};

static void
metric_free (void *data) {
  struct ptn_metric *metric = data;
  g_free (metric->family);
  g_free (metric->labels);
  g_free (metric->help);
  g_free (metric->buckets);
  g_free (metric);
}

struct metrics *
metrics_new (void) {
  struct metrics *metrics = g_new0 (struct metrics, 1);
  pthread_mutex_init (&metrics->lock, NULL);
  metrics->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  metrics->families = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  metrics->all = g_ptr_array_new_with_free_func (metric_free);
  metrics->collectors = g_array_new (false, false, sizeof (struct collector));
  return metrics;
}

void
metrics_free (struct metrics **handle) {
  struct metrics *metrics = *handle;
  if (!metrics)
    return;
  *handle = NULL;
  g_hash_table_destroy (metrics->by_name);
  g_hash_table_destroy (metrics->families);
  g_ptr_array_free (metrics->all, true);
  g_array_free (metrics->collectors, true);
  pthread_mutex_destroy (&metrics->lock);
  g_free (metrics);
}

/* --- names --------------------------------------------------------------------------- */

static bool
word_char (char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* name="value" pairs divided by commas; a value has \\, \" and \n only, and no other control. */
static bool
labels_good (const char *text) {
  while (*text) {
    const char *start = text;
    while (word_char (*text))
      text++;
    if (text == start || g_ascii_isdigit (*start) || strncmp (text, "=\"", 2) != 0)
      return false;
    for (text += 2; *text && *text != '"'; text++) {
      if ((unsigned char)*text < 0x20)
        return false;
      if (*text == '\\' && !strchr ("\\\"n", *++text))
        return false;
      if (!*text)
        return false;
    }
    if (*text++ != '"' || (*text && *text++ != ','))
      return false;
  }
  return true;
}

/* Divides name{labels}; both are g_malloc'd.  False: malformed. */
static bool
name_divide (const char *name, const char *plugin, char **family, char **labels) {
  size_t n = 0;
  if (strlen (name) > NAME_LIMIT || !g_utf8_validate (name, -1, NULL)
      || !g_str_has_prefix (name, "postern_"))
    return false;
  while (word_char (name[n]))
    n++;
  size_t length = strlen (name);
  g_autofree char *inside = NULL;
  if (name[n] == 0)
    inside = g_strdup ("");
  else if (name[n] == '{' && name[length - 1] == '}')
    inside = g_strndup (name + n + 1, length - n - 2);
  if (!inside || !labels_good (inside))
    return false;
  if (plugin && !strpbrk (plugin, "\\\"\n"))
    *labels = g_strdup_printf ("plugin=\"%s\"%s%s", plugin, *inside ? "," : "", inside);
  else
    *labels = g_steal_pointer (&inside);
  *family = g_strndup (name, n);
  return true;
}

/* --- making and observing -------------------------------------------------------------- */

static struct ptn_metric *
metric_new (struct metrics *metrics, ptn_metric_kind kind, const char *help) {
  struct ptn_metric *metric = g_new0 (struct ptn_metric, 1);
  metric->kind = kind;
  metric->help = g_strdup (help ? help : "");
  if (kind == PTN_METRIC_HISTOGRAM)
    metric->buckets = g_new0 (_Atomic uint64_t, BUCKETS + 1);
  g_ptr_array_add (metrics->all, metric);
  return metric;
}

/* With the lock held: the family is new or of this kind. */
static bool
family_agrees (struct metrics *metrics, const char *family, ptn_metric_kind kind) {
  void *known = g_hash_table_lookup (metrics->families, family);
  if (known)
    return GPOINTER_TO_UINT (known) == kind;
  g_hash_table_insert (metrics->families, g_strdup (family), GUINT_TO_POINTER (kind));
  return true;
}

struct ptn_metric *
metrics_get (struct metrics *metrics, ptn_metric_kind kind, const char *name, const char *help,
             const char *plugin, const char **mistake) {
  g_autofree char *family = NULL, *labels = NULL;
  const char *wrong = NULL;
  struct ptn_metric *metric = NULL;
  bool known_kind = kind >= PTN_METRIC_COUNTER && kind <= PTN_METRIC_HISTOGRAM;

  if (!known_kind)
    wrong = "the kind is none that this host knows";
  else if (!name || !name_divide (name, plugin, &family, &labels))
    wrong = "the name is not postern_[a-z0-9_]+ with optional {label=\"value\"}";

  pthread_mutex_lock (&metrics->lock);
  if (!wrong && !family_agrees (metrics, family, kind))
    wrong = "a metric of that name has another kind";
  if (!wrong) {
    g_autofree char *whole = g_strdup_printf ("%s{%s}", family, labels);
    metric = g_hash_table_lookup (metrics->by_name, whole);
    if (!metric) {
      metric = metric_new (metrics, kind, help);
      metric->family = g_steal_pointer (&family);
      metric->labels = g_steal_pointer (&labels);
      g_hash_table_insert (metrics->by_name, g_steal_pointer (&whole), metric);
    }
  } else
    metric = metric_new (metrics, known_kind ? kind : PTN_METRIC_COUNTER, NULL);
  pthread_mutex_unlock (&metrics->lock);

  if (mistake)
    *mistake = wrong;
  return metric;
}

static unsigned
bucket_of (int64_t us) {
  if (us <= 1)
    return 0;
  unsigned bits = 64 - (unsigned)__builtin_clzll ((unsigned long long)us - 1);
  return bits < BUCKETS ? bits : BUCKETS;
}

void
metric_observe (struct ptn_metric *metric, int64_t value) {
  if (!metric || (value < 0 && metric->kind != PTN_METRIC_GAUGE))
    return;
  atomic_fetch_add_explicit (&metric->value, value, memory_order_relaxed);
  if (metric->buckets)
    atomic_fetch_add_explicit (&metric->buckets[bucket_of (value)], 1, memory_order_relaxed);
}

void
metric_set (struct ptn_metric *metric, int64_t value) {
  if (metric && metric->kind == PTN_METRIC_GAUGE)
    atomic_store_explicit (&metric->value, value, memory_order_relaxed);
}

int64_t
metric_value (const struct ptn_metric *metric) {
  if (!metric->buckets)
    return atomic_load_explicit (&metric->value, memory_order_relaxed);
  uint64_t samples = 0;
  for (unsigned i = 0; i <= BUCKETS; i++)
    samples += atomic_load_explicit (&metric->buckets[i], memory_order_relaxed);
  return (int64_t)samples;
}

/* --- collectors ------------------------------------------------------------------------ */

void
metrics_add_collector (struct metrics *metrics, metrics_collect *collect, void *user) {
  struct collector collector = { collect, user };
  pthread_mutex_lock (&metrics->lock);
  g_array_append_val (metrics->collectors, collector);
  pthread_mutex_unlock (&metrics->lock);
}

void
metrics_remove_collector (struct metrics *metrics, metrics_collect *collect, void *user) {
  pthread_mutex_lock (&metrics->lock);
  for (unsigned i = 0; i < metrics->collectors->len; i++) {
    const struct collector *collector = &g_array_index (metrics->collectors, struct collector, i);
    if (collector->collect == collect && collector->user == user) {
      g_array_remove_index (metrics->collectors, i);
      break;
    }
  }
  pthread_mutex_unlock (&metrics->lock);
}

/* --- the page -------------------------------------------------------------------------- */

static void
sample_free (void *data) {
  struct sample *sample = data;
  g_free (sample->family);
  g_free (sample->labels);
  g_free (sample->help);
  g_free (sample->value);
  g_free (sample);
}

static struct sample *
sample_new (struct metrics_page *page, ptn_metric_kind kind) {
  struct sample *sample = g_new0 (struct sample, 1);
  sample->kind = kind;
  g_ptr_array_add (page->samples, sample);
  return sample;
}

void
metrics_page_add (struct metrics_page *page, ptn_metric_kind kind, const char *name,
                  const char *help, int64_t value) {
  char *family, *labels;
  bool plain = kind == PTN_METRIC_COUNTER || kind == PTN_METRIC_GAUGE;
  if (!plain || !name_divide (name, NULL, &family, &labels))
    return;
  struct sample *sample = sample_new (page, kind);
  sample->family = family;
  sample->labels = labels;
  sample->help = g_strdup (help ? help : "");
  sample->value = g_strdup_printf ("%" G_GINT64_FORMAT, value);
}

/* Microseconds as seconds, exactly. */
static void
append_seconds (GString *out, uint64_t us) {
  g_string_append_printf (out, "%llu.%06llu", (unsigned long long)(us / 1000000),
                          (unsigned long long)(us % 1000000));
}

/* The lines of a histogram.  +Inf is the sum of what was seen in the buckets, so that the page
 * agrees with itself while samples come in. */
static char *
histogram_lines (const struct ptn_metric *metric) {
  GString *out = g_string_new (NULL);
  const char *comma = *metric->labels ? "," : "";
  uint64_t sum = 0;
  for (unsigned i = 0; i <= BUCKETS; i++) {
    sum += atomic_load_explicit (&metric->buckets[i], memory_order_relaxed);
    g_string_append_printf (out, "%s_bucket{%s%sle=\"", metric->family, metric->labels, comma);
    if (i < BUCKETS)
      append_seconds (out, UINT64_C (1) << i);
    else
      g_string_append (out, "+Inf");
    g_string_append_printf (out, "\"} %llu\n", (unsigned long long)sum);
  }
  const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
  g_string_append_printf (out, "%s_sum%s%s%s ", metric->family, open, metric->labels, close);
  append_seconds (out, (uint64_t)atomic_load_explicit (&metric->value, memory_order_relaxed));
  g_string_append_printf (out, "\n%s_count%s%s%s %llu\n", metric->family, open, metric->labels,
                          close, (unsigned long long)sum);
  return g_string_free (out, false);
}

static void
sample_metric (struct metrics_page *page, const struct ptn_metric *metric) {
  if (!metric->family)
    return;
  struct sample *sample = sample_new (page, metric->kind);
  sample->family = g_strdup (metric->family);
  sample->labels = g_strdup (metric->labels);
  sample->help = g_strdup (metric->help);
  if (metric->kind == PTN_METRIC_HISTOGRAM)
    sample->value = histogram_lines (metric);
  else
    sample->value = g_strdup_printf ("%" G_GINT64_FORMAT, metric_value (metric));
}

static int
sample_compare (const void *a, const void *b) {
  const struct sample *one = *(struct sample *const *)a, *two = *(struct sample *const *)b;
  int order = strcmp (one->family, two->family);
  return order ? order : strcmp (one->labels, two->labels);
}

static void
print_head (GString *out, const struct sample *sample) {
  static const char *const kinds[] = { "untyped", "counter", "gauge", "histogram" };
  g_string_append_printf (out, "# HELP %s ", sample->family);
  for (const char *c = sample->help; *c; c++)
    if (*c == '\n')
      g_string_append (out, "\\n");
    else if (*c == '\\')
      g_string_append (out, "\\\\");
    else
      g_string_append_c (out, *c);
  g_string_append_printf (out, "\n# TYPE %s %s\n", sample->family, kinds[sample->kind]);
}

static char *
print_page (const struct metrics_page *page, size_t *length) {
  GString *out = g_string_new (NULL);
  const char *family = "";
  for (unsigned i = 0; i < page->samples->len; i++) {
    const struct sample *sample = page->samples->pdata[i];
    if (strcmp (family, sample->family) != 0)
      print_head (out, sample);
    family = sample->family;
    if (sample->kind == PTN_METRIC_HISTOGRAM)
      g_string_append (out, sample->value);
    else if (*sample->labels)
      g_string_append_printf (out, "%s{%s} %s\n", family, sample->labels, sample->value);
    else
      g_string_append_printf (out, "%s %s\n", family, sample->value);
  }
  if (length)
    *length = out->len;
  return g_string_free (out, false);
}

char *
metrics_text (struct metrics *metrics, size_t *length) {
  struct metrics_page page = { g_ptr_array_new_with_free_func (sample_free) };
  pthread_mutex_lock (&metrics->lock);
  for (unsigned i = 0; i < metrics->all->len; i++)
    sample_metric (&page, metrics->all->pdata[i]);
  for (unsigned i = 0; i < metrics->collectors->len; i++) {
    const struct collector *collector = &g_array_index (metrics->collectors, struct collector, i);
    collector->collect (collector->user, &page);
  }
  pthread_mutex_unlock (&metrics->lock);
  g_ptr_array_sort (page.samples, sample_compare);
  char *text = print_page (&page, length);
  g_ptr_array_free (page.samples, true);
  return text;
}
