/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h - where decoded text goes.
 *
 * A sink is a value; what it points to belongs to whoever made it.  Called in the thread of whoever
 * feeds the decoder. */
#ifndef PLUGINS_COMMON_TEXT_SINK_H
#define PLUGINS_COMMON_TEXT_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct text_sink {
  /* Some octets, borrowed for the call.  False: enough, no more are wanted. */
  bool (*put) (void *user, const char *data, size_t size);
  void *user;
};

static inline bool
text_put (const struct text_sink *sink, const char *data, size_t size) {
  return size == 0 || sink->put (sink->user, data, size);
}

#endif
