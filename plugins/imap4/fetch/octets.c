/* SPDX-License-Identifier: Apache-2.0 */
/* octets.c - chunks, and the sources behind literals that do not come in one piece. */
#include "fetch/transform.h"

#include <stdlib.h>
#include <unistd.h>

#define PIECE (32 * 1024)

void
chunk_release (struct ptn_chunk *chunk) {
  if (chunk->release)
    chunk->release (chunk->owner);
  *chunk = (struct ptn_chunk){ .fd = -1 };
}

bool
chunk_load (struct ptn_chunk *chunk) {
  if (chunk->data)
    return true;
  char *memory = malloc (MAX (chunk->size, 1));
  for (size_t done = 0; memory && done < chunk->size;) {
    ssize_t got =
        pread (chunk->fd, memory + done, chunk->size - done, chunk->file_offset + (int64_t)done);
    if (got <= 0) {
      free (memory);
      memory = NULL;
    } else
      done += (size_t)got;
  }
  size_t size = chunk->size;
  chunk_release (chunk);
  if (!memory)
    return false;
  *chunk = (struct ptn_chunk){
    .data = memory, .size = size, .fd = -1, .release = free, .owner = memory
  };
  return true;
}

/* --- what is left of a section ------------------------------------------------------------------ */

struct rest {
  struct ptn_source source;
  struct ptn_source *inner;
  struct ptn_chunk first;
  bool has_first;
};

static ptn_status
rest_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct rest *rest = (struct rest *)source;
  if (!rest->has_first)
    return rest->inner->ops->read (rest->inner, task, max, chunk);
  *chunk = rest->first;
  if (chunk->size <= max) {
    rest->has_first = false;
    return PTN_OK;
  }
  chunk->size = max; /* it stays ours */
  chunk->release = NULL;
  rest->first.data = (const char *)rest->first.data + max;
  rest->first.size -= max;
  return PTN_OK;
}

static void
rest_close (struct ptn_source *source) {
  struct rest *rest = (struct rest *)source;
  if (rest->has_first)
    chunk_release (&rest->first);
  rest->inner->ops->close (rest->inner);
  g_free (rest);
}

static const struct ptn_source_ops rest_ops = { .size = sizeof rest_ops,
                                                .read = rest_read,
                                                .close = rest_close };

struct ptn_source *
rest_source_new (struct ptn_chunk *first, struct ptn_source *inner) {
  struct rest *rest = g_new0 (struct rest, 1);
  rest->source = (struct ptn_source){ &rest_ops, -1 };
  rest->inner = inner;
  rest->first = *first;
  rest->has_first = true;
  *first = (struct ptn_chunk){ .fd = -1 };
  return &rest->source;
}

/* --- octets of ours --------------------------------------------------------------------------------- */

struct memory {
  struct ptn_source source;
  size_t size, given;
  char data[];
};

static ptn_status
memory_read (struct ptn_source *source, struct ptn_task *task, size_t max,
             struct ptn_chunk *chunk) {
  struct memory *memory = (struct memory *)source;
  if (memory->given == memory->size)
    return PTN_END;
  *chunk = (struct ptn_chunk){ .data = memory->data + memory->given,
                               .size = MIN (max, memory->size - memory->given),
                               .fd = -1 };
  memory->given += chunk->size;
  return PTN_OK;
}

static void
memory_close (struct ptn_source *source) {
  g_free (source);
}

static const struct ptn_source_ops memory_ops = { .size = sizeof memory_ops,
                                                  .read = memory_read,
                                                  .close = memory_close };

struct ptn_source *
memory_source_new (const void *data, size_t size) {
  struct memory *memory = g_malloc (sizeof *memory + size);
  *memory = (struct memory){ .source = { &memory_ops, (int64_t)size }, .size = size };
  memcpy (memory->data, data, size);
  return &memory->source;
}

/* --- what comes out of a transform ---------------------------------------------------------------- */

struct transformed {
  struct ptn_source source;
  struct ptn_source *inner;
  struct transform transform;
  GString *out;
  size_t given;
  bool over;
};

static ptn_status
more (struct transformed *t, struct ptn_task *task) {
  struct ptn_chunk chunk = { .fd = -1 };
  ptn_status status = t->inner->ops->read (t->inner, task, PIECE, &chunk);
  if (status == PTN_END) {
    transform_end (&t->transform, t->out);
    t->over = true;
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  if (!chunk_load (&chunk))
    return PTN_E_TEMPORARY;
  transform_feed (&t->transform, chunk.data, chunk.size, t->out);
  chunk_release (&chunk);
  return PTN_OK;
}

static ptn_status
transformed_read (struct ptn_source *source, struct ptn_task *task, size_t max,
                  struct ptn_chunk *chunk) {
  struct transformed *t = (struct transformed *)source;
  while (t->given == t->out->len) {
    g_string_truncate (t->out, 0);
    t->given = 0;
    if (t->over)
      return PTN_END;
    ptn_status status = more (t, task);
    if (status != PTN_OK)
      return status;
  }
  *chunk = (struct ptn_chunk){ .data = t->out->str + t->given,
                               .size = MIN (max, t->out->len - t->given),
                               .fd = -1 };
  t->given += chunk->size;
  return PTN_OK;
}

static void
transformed_close (struct ptn_source *source) {
  struct transformed *t = (struct transformed *)source;
  t->inner->ops->close (t->inner);
  g_string_free (t->out, TRUE);
  if (t->transform.fields)
    g_hash_table_unref (t->transform.fields);
  g_free (t);
}

static const struct ptn_source_ops transformed_ops = { .size = sizeof transformed_ops,
                                                       .read = transformed_read,
                                                       .close = transformed_close };

struct ptn_source *
transform_source_new (struct ptn_source *inner, const struct transform *transform) {
  struct transformed *t = g_new0 (struct transformed, 1);
  t->source = (struct ptn_source){ &transformed_ops, -1 };
  t->inner = inner;
  t->transform = *transform;
  if (t->transform.fields)
    g_hash_table_ref (t->transform.fields);
  t->out = g_string_sized_new (PIECE);
  return &t->source;
}
