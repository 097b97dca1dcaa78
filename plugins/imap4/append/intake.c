/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c - see intake.h. */
#include "append/intake.h"

#include <glib.h>
#include <string.h>

static ptn_status
intake_read (struct ptn_source *source, struct ptn_task *task, size_t max,
             struct ptn_chunk *chunk) {
  struct intake *in = (struct intake *)source;
  if (in->left == 0)
    return PTN_END;
  ptn_status status = in->inner->ops->read (in->inner, task, (size_t)MIN (max, in->left), chunk);
  if (status == PTN_END) /* fewer octets than were promised */
    return PTN_E_CORRUPT;
  if (status != PTN_OK)
    return status;
  in->left -= chunk->size;
  if (!chunk->data)
    return PTN_E_UNSUPPORTED; /* all our sources lend memory: see parts.c */
  if (!in->has_nul && memchr (chunk->data, 0, chunk->size)) {
    in->has_nul = true;
    if (!in->binary)
      return PTN_E_INVALID;
  }
  if (!in->references.over)
    references_feed (&in->references, chunk->data, chunk->size);
  mime_builder_feed (in->builder, chunk->data, chunk->size);
  return PTN_OK;
}

static void
intake_source_close (struct ptn_source *source) {
  intake_close ((struct intake *)source);
}

static const struct ptn_source_ops intake_ops = {
  .size = sizeof intake_ops,
  .read = intake_read,
  .close = intake_source_close,
};

void
intake_open (struct intake *in, struct ptn_source *inner, uint64_t size, bool binary) {
  references_clear (&in->references);
  in->references = (struct references){ 0 };
  if (in->builder)
    mime_builder_reset (in->builder);
  else
    in->builder = mime_builder_new ();
  in->source = (struct ptn_source){ &intake_ops, (int64_t)size };
  in->inner = inner;
  in->left = size;
  in->binary = binary;
  in->has_nul = false;
}

void
intake_close (struct intake *in) {
  if (in->inner)
    in->inner->ops->close (in->inner);
  in->inner = NULL;
}

ptn_status
intake_describe (void *intake, struct ptn_description *description) {
  struct intake *in = intake;
  description->digest = mime_builder_finish (in->builder, MIME_DIGEST_MAX);
  description->references = references_strings (&in->references);
  return PTN_OK;
}

void
intake_clear (struct intake *in) {
  intake_close (in);
  references_clear (&in->references);
  if (in->builder)
    mime_builder_free (&in->builder);
}
