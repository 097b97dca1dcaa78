/* SPDX-License-Identifier: Apache-2.0 */
/* merge_test.c - the difference of two views, and views between them, against a plain model: views are
 * made at random, and what is told must turn the one into the other. */
#include "selected/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct made {
  struct ptn_view table;
  uint32_t uid[256];
  ptn_flag_bits flags[256];
  uint64_t modseq[256];
};

static unsigned released;

static void
release_view (const struct ptn_view *view) {
  (void)view;
  released++;
}

static const struct ptn_store store = { .size = sizeof store, .release_view = release_view };

static void
finish (struct made *made, uint32_t count, uint64_t modseq) {
  made->table = (struct ptn_view){ .size = sizeof made->table,
                                   .count = count,
                                   .modseq = modseq,
                                   .uid = made->uid,
                                   .flags = made->flags,
                                   .message_modseq = made->modseq };
}

/* Some messages go, some get other flags, some come. */
static void
next (struct made *now, const struct made *told, uint32_t *uidnext, GRand *random) {
  uint32_t count = 0;
  uint64_t modseq = told->table.modseq + 1;
  for (uint32_t i = 0; i < told->table.count; i++) {
    int what = g_rand_int_range (random, 0, 4);
    if (what == 0)
      continue;
    now->uid[count] = told->uid[i];
    now->flags[count] = told->flags[i] ^ (what == 1 ? PTN_SEEN : 0);
    now->modseq[count++] = what == 1 ? modseq : told->modseq[i];
  }
  for (int more = g_rand_int_range (random, 0, 4); more > 0 && count < 250; more--) {
    now->uid[count] = (*uidnext)++;
    now->flags[count] = 0;
    now->modseq[count++] = modseq;
  }
  finish (now, count, modseq);
}

/* What a client that was told of the difference has: as EXPUNGE, EXISTS and FETCH say it. */
static void
apply (const struct difference *d, const struct ptn_view *told, const struct ptn_view *now) {
  uint32_t uid[512], count = told->count;
  memcpy (uid, told->uid, count * sizeof *uid);
  for (guint i = d->gone ? d->gone->len : 0; i-- > 0;) {
    uint32_t place = g_array_index (d->gone, uint32_t, i);
    memmove (uid + place, uid + place + 1, (--count - place) * sizeof *uid);
  }
  for (uint32_t i = 0; i < d->fresh; i++)
    uid[count++] = now->uid[now->count - d->fresh + i];
  assert_int_equal (count, now->count);
  assert_memory_equal (uid, now->uid, count * sizeof *uid);
  guint changed = 0;
  for (uint32_t i = 0; i < now->count - d->fresh; i++)
    if (now->message_modseq[i] > told->modseq) {
      struct changed place = g_array_index (d->changed, struct changed, changed++);
      assert_int_equal (place.now, i);
      assert_int_equal (told->uid[place.told], now->uid[i]);
    }
  assert_int_equal (changed, d->changed ? d->changed->len : 0);
}

/* While numbers must stay: all that was told stays in its place. */
static void
check_mixed (struct session *s, const struct difference *d, const struct made *told,
             const struct made *now) {
  if (!d->gone)
    return;
  const struct ptn_view *mixed = view_mix (&told->table, &now->table, d);
  assert_int_equal (mixed->count, told->table.count + d->fresh);
  assert_memory_equal (mixed->uid, told->uid, told->table.count * sizeof *told->uid);
  assert_ptr_equal (view_mixed_from (mixed), &now->table);
  for (uint32_t i = 0, j = 0; i < mixed->count; i++) {
    while (j < now->table.count && now->uid[j] < mixed->uid[i])
      j++;
    if (j < now->table.count && now->uid[j] == mixed->uid[i])
      assert_int_equal (mixed->flags[i], now->flags[j]);
    else
      assert_int_equal (mixed->flags[i], told->flags[i]);
  }
  /* From there to the view of now only those that are gone are left. */
  struct difference *rest =
      difference_between (NULL, &s->selected->mailbox, mixed, &now->table, false);
  assert_int_equal (rest->fresh, 0);
  assert_null (rest->changed);
  assert_int_equal (rest->gone->len, d->gone->len);
  difference_unref (rest);
  unsigned before = released;
  s->selected->told = NULL;
  selected_tell (s, mixed, true);
  selected_tell (s, NULL, false);
  assert_int_equal (released, before + 1); /* the view that it was made of */
}

static void
test_random (void **state) {
  (void)state;
  GRand *random = g_rand_new_with_seed (5);
  struct differences *differences = differences_new ();
  struct imap4 imap4 = { .store = &store };
  struct selected selected = { 0 };
  struct session s = { .imap4 = &imap4, .selected = &selected };
  for (int round = 0; round < 300; round++) {
    struct made views[2];
    uint32_t uidnext = 1;
    memset (views, 0, sizeof views);
    uint32_t count = (uint32_t)g_rand_int_range (random, 0, 200);
    for (uint32_t i = 0; i < count; i++) {
      uidnext += (uint32_t)g_rand_int_range (random, 0, 3);
      views[0].uid[i] = uidnext++;
      views[0].modseq[i] = 1;
    }
    finish (&views[0], count, 10);
    memset (&selected.mailbox, round, sizeof selected.mailbox);
    for (int step = 0; step < 5; step++) {
      struct made *told = &views[step % 2], *now = &views[(step + 1) % 2];
      next (now, told, &uidnext, random);
      struct difference *d =
          difference_between (differences, &selected.mailbox, &told->table, &now->table, true);
      struct difference *again =
          difference_between (differences, &selected.mailbox, &told->table, &now->table, true);
      assert_true (told->table.count < 64 || again == d); /* computed once */
      apply (d, &told->table, &now->table);
      check_mixed (&s, d, told, now);
      difference_unref (d);
      difference_unref (again);
    }
  }
  differences_free (&differences);
  g_rand_free (random);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_random) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
