/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h. */
#include "report.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *
report_capability_words (uint32_t bits) {
  GString *words = g_string_new (NULL);
  for (const struct capability *one = contract->capabilities; one->name; one++)
    if (bits & one->bit)
      g_string_append_printf (words, "%s%s", words->len ? " " : "", one->name);
  return g_string_free (words, FALSE);
}

/* Prints "name":"text" with what JSON wants. */
static void
json_text (const char *name, const char *text, const char *before) {
  printf ("%s\"%s\":\"", before, name);
  for (const unsigned char *c = (const unsigned char *)text; *c; c++)
    if (*c == '"' || *c == '\\')
      printf ("\\%c", *c);
    else if (*c == '\n')
      printf ("\\n");
    else if (*c < 32)
      printf ("\\u%04x", *c);
    else
      putchar (*c);
  putchar ('"');
}

void
report_declared (const struct report *report, const char *module,
                 const struct description *description) {
  g_autofree char *words = report_capability_words (description->capabilities);
  if (report->json) {
    json_text (contract->name, module, "{");
    json_text ("declared", words, ",");
    printf ("}\n");
    return;
  }
  printf ("%s declares:\n", module);
  for (const struct capability *one = contract->capabilities; one->name; one++)
    printf ("  %s %-15s %s\n", description->capabilities & one->bit ? "yes" : "-  ", one->name,
            one->about);
}

void
report_group (const struct report *report, const struct rule_group *group) {
  if (!report->json)
    printf ("\n%s: %s\n", group->name, group->about);
}

static const char *const verdict_words[] = { "pass", "FAIL", "not declared", "cannot run" };
static const char *const verdict_keys[] = { "passed", "failed", "not-declared", "cannot-run" };

/* Lines of a long text, each behind a margin. */
static void
indented (const char *title, const char *text) {
  g_autofree char *copy = g_strdup (text);
  g_strchomp (copy);
  if (!*copy)
    return;
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
  for (char **line = lines; *line; line++)
    printf ("      %-9s %s\n", line == lines ? title : "", *line);
}

static void
tell_failure (const struct report *report, const struct rule *rule, const struct result *result) {
  indented ("contract", rule->sentence);
  indented ("", rule->where);
  indented ("found", result->text);
  indented ("last call", result->call);
  indented ("check", result->place);
  indented ("its log", result->log);
  indented ("output", result->output);
  if (report->keep)
    indented ("files", result->directory);
  printf ("      %-9s %s --only %s\n", "again", report->again, rule->id);
}

void
report_rule (struct report *report, const struct rule *rule, const struct result *result) {
  report->counts[result->verdict]++;
  report->seconds += result->seconds;
  if (report->json) {
    json_text ("rule", rule->id, "{");
    json_text ("verdict", verdict_keys[result->verdict], ",");
    printf (",\"seconds\":%.3f", result->seconds);
    json_text ("sentence", rule->sentence, ",");
    json_text ("where", rule->where, ",");
    json_text ("text", result->text, ",");
    if (result->verdict == VERDICT_FAILED) {
      json_text ("call", result->call, ",");
      json_text ("check", result->place, ",");
      json_text ("log", result->log, ",");
      json_text ("output", result->output, ",");
      json_text ("directory", result->directory, ",");
    }
    printf ("}\n");
    fflush (stdout);
    return;
  }
  printf ("  %-12s %-32s %s", verdict_words[result->verdict], rule->id,
          result->verdict == VERDICT_PASSED || result->verdict == VERDICT_FAILED ? ""
                                                                                 : result->text);
  if (result->seconds >= 1)
    printf ("(%.1f s)", result->seconds);
  putchar ('\n');
  if (result->verdict == VERDICT_FAILED)
    tell_failure (report, rule, result);
  fflush (stdout);
}

void
report_summary (const struct report *report) {
  if (report->json) {
    printf ("{\"passed\":%u,\"failed\":%u,\"not-declared\":%u,\"cannot-run\":%u,"
            "\"seconds\":%.3f}\n",
            report->counts[0], report->counts[1], report->counts[2], report->counts[3],
            report->seconds);
    return;
  }
  printf ("\n%u passed, %u failed, %u not declared, %u could not run; %.1f s\n",
          report->counts[VERDICT_PASSED], report->counts[VERDICT_FAILED],
          report->counts[VERDICT_NOT_DECLARED], report->counts[VERDICT_CANNOT_RUN],
          report->seconds);
}

void
report_list (bool json) {
  for (const struct rule_group *group = contract->groups; group->name; group++) {
    if (!json)
      printf ("%s%s: %s\n", group == contract->groups ? "" : "\n", group->name, group->about);
    for (const struct rule *const *next = group->rules; *next; next++) {
      const struct rule *rule = *next;
      g_autofree char *needs = report_capability_words (rule->needs);
      if (json) {
        json_text ("rule", rule->id, "{");
        json_text ("sentence", rule->sentence, ",");
        json_text ("where", rule->where, ",");
        json_text ("needs", needs, ",");
        printf ("}\n");
      } else
        printf ("  %-32s %s [%s]%s%s\n", rule->id, rule->sentence, rule->where,
                rule->needs ? " needs " : "", needs);
    }
  }
}
