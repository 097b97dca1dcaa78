/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.h - a good store with one fault: the negative controls of the kit.
 *
 * The plugin loads a good store (FAULTY_STORE in the environment names the module) and provides its
 * table with one function, or two, replaced.  The setting `fault` names the rule that is broken.
 * There is one instance in a process, so that what a fault remembers is static. */
#ifndef FAULTY_H
#define FAULTY_H

#include "wrapper.h"

extern struct ptn_store good; /* the functions of the good store */
extern void *good_instance;

struct fault {
  const char *rule, *about;
  size_t member; /* offset in struct ptn_store of what is replaced; SIZE_MAX: nothing */
  void (*function) (void);
  uint32_t lost;   /* kinds of events that are not published */
  uint32_t claims; /* PTN_STORE_* that are declared and not true */
};

/* A function of another type than the member's does not compile. */
#define AS_MEMBER(member, function)                                                                \
  __builtin_choose_expr(__builtin_types_compatible_p (                                             \
                            __typeof__ (&function), __typeof__ (((struct ptn_store *)0)->member)), \
                        (void (*) (void))function, (struct { int wrong_type; }){ 0 })
#define FAULT(rule, about, member, function) \
  { rule, about, offsetof (struct ptn_store, member), AS_MEMBER (member, function), 0, 0 }
#define FAULT_EVENTS(rule, about, kinds) \
  { rule, about, SIZE_MAX, NULL, kinds, 0 }
#define FAULT_CLAIM(rule, about) \
  { rule, about, SIZE_MAX, NULL, 0, PTN_STORE_DURABLE }

extern const struct fault mailbox_faults[], message_faults[], change_faults[], waiting_faults[],
    sharing_faults[];                          /* a rule NULL ends each */
extern const struct fault *const all_faults[]; /* NULL ends */

/* A call of the good store by a fault itself, in the task of `c`. */
#define QUIETLY(c, expression)                    \
  ({                                              \
    struct ptn_call call = { .task = (c)->task }; \
    ptn_status quietly_ = (expression);           \
    host->call_end (&call);                       \
    quietly_;                                     \
  })
/* Memory that is never freed, and never lost. */
void *keep (const void *data, size_t size);
#define KEEP(pointer) keep ((pointer), sizeof *(pointer))
/* A message into INBOX of an account, at once. */
void deliver_now (struct ptn_call *, const char *account, const char *text);

#endif
