/* SPDX-License-Identifier: Apache-2.0 */
/* receiver.c - see receiver.h. */
#include "receiver.h"

#include <glib.h>
#include <string.h>

static ptn_status
fault_status (enum receive_fault fault) {
  return fault == RECEIVE_GONE   ? PTN_E_DISCONNECTED
         : fault == RECEIVE_BARE ? PTN_E_INVALID
                                 : PTN_E_LIMIT;
}

/* Counts the Received fields of the header, wherever the pieces are cut. */
static void
watch_header (struct receiver *r, const char *data, size_t size) {
  static const char word[] = "received:";
  const char *at = data, *end = data + size;
  while (r->in_header && at < end) {
    if (r->column >= sizeof word - 1) {
      const char *lf = memchr (at, '\n', (size_t)(end - at));
      if (!lf)
        return;
      at = lf + 1;
      r->column = 0;
    } else if (r->column == 0 && (*at == '\r' || *at == '\n'))
      r->in_header = false;
    else if (g_ascii_tolower (*at) != word[r->column])
      r->column = sizeof word - 1;
    else {
      at++;
      if (++r->column == sizeof word - 1)
        r->hops++;
    }
  }
}

/* Somebody sends faster than we store: others first. */
static ptn_status
again_later (struct receiver *r, struct ptn_task *task) {
  r->host->wake (r->host->waker (task));
  return PTN_PENDING;
}

static void
give_back (struct receiver *r) {
  if (r->taken)
    r->service->consume (r->stream, r->taken);
  r->taken = 0;
}

/* What lies at hand for the message: PTN_OK and a piece (perhaps of no octets). */
static ptn_status
next_piece (struct receiver *r, struct ptn_task *task, size_t max, struct ptn_bytes *piece) {
  struct ptn_bytes input;
  ptn_status status = r->service->peek (r->stream, task, r->chunked ? 1 : r->need, &input);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    r->fault = RECEIVE_GONE;
    return PTN_E_DISCONNECTED;
  }
  if (r->chunked) {
    size_t size = MIN (MIN (input.size, max), r->left);
    *piece = (struct ptn_bytes){ input.data, size };
    r->left -= size;
    r->taken = size;
    return PTN_OK;
  }
  struct dots_cut cut = dots_next (&r->dots, input.data, input.size, max);
  *piece = (struct ptn_bytes){ input.data, cut.give };
  r->taken = cut.take;
  r->need = MAX (cut.need, 1);
  r->ended = r->dots.ended;
  return PTN_OK;
}

static enum receive_fault
judge (struct receiver *r, const struct ptn_bytes *piece) {
  r->octets += piece->size;
  if (r->octets > r->max_octets)
    return RECEIVE_TOO_BIG;
  if (r->dots.bare)
    return RECEIVE_BARE;
  if (r->in_header)
    watch_header (r, piece->data, piece->size);
  return r->hops > r->max_hops ? RECEIVE_HOPS : RECEIVE_OK;
}

static ptn_status
receiver_read (struct ptn_source *source, struct ptn_task *task, size_t max,
               struct ptn_chunk *chunk) {
  struct receiver *r = (struct receiver *)source;
  for (;;) {
    give_back (r);
    if (r->fault == RECEIVE_GONE || (r->fault && !r->draining))
      return fault_status (r->fault);
    if (r->ended)
      return PTN_END;
    if (r->chunked && r->left == 0) {
      r->ended = r->last;
      r->want_command = !r->last;
      if (r->last)
        continue;
      return PTN_PENDING; /* the session reads the command in this very step */
    }
    if (r->host->budget_spent (task))
      return again_later (r, task);
    struct ptn_bytes piece;
    ptn_status status = next_piece (r, task, max, &piece);
    if (status != PTN_OK)
      return status;
    enum receive_fault fault = judge (r, &piece);
    if (fault && !r->fault)
      r->fault = fault;
    if (piece.size == 0 || (r->fault && !r->draining))
      continue;
    *chunk = (struct ptn_chunk){ .data = piece.data, .size = piece.size, .fd = -1 };
    return PTN_OK;
  }
}

/* The transaction owns it. */
static void
receiver_close (struct ptn_source *source) {
}

static const struct ptn_source_ops receiver_ops = { .size = sizeof receiver_ops,
                                                    .read = receiver_read,
                                                    .close = receiver_close };

void
receiver_start (struct receiver *r, const struct ptn_host *host,
                const struct ptn_stream_service *service, struct ptn_stream *stream,
                uint64_t max_octets, unsigned max_hops) {
  *r = (struct receiver){ .source = { &receiver_ops, -1 },
                          .host = host,
                          .service = service,
                          .stream = stream,
                          .max_octets = max_octets,
                          .max_hops = max_hops,
                          .need = 1,
                          .in_header = true };
  dots_start (&r->dots);
}

void
receiver_chunk (struct receiver *r, uint64_t octets, bool last) {
  r->chunked = true;
  r->left = octets;
  r->last = last;
  r->want_command = false;
}

ptn_status
receiver_drain (struct receiver *r, struct ptn_task *task) {
  struct ptn_chunk chunk;
  ptn_status status;
  r->draining = true;
  while ((status = receiver_read (&r->source, task, SIZE_MAX, &chunk)) == PTN_OK)
    ;
  if (status == PTN_PENDING)
    return r->want_command ? PTN_OK : PTN_PENDING;
  return status == PTN_END ? PTN_OK : status;
}
