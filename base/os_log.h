/* base/os_log.h - log sinks that write lines to a descriptor: text for people, JSON for machines.
 *
 * Life: caller's memory, outlives every gn_log that has it as sink; gn_os_log_fini at the end. Borrows the descriptor.
 * Threads: any number may log into one sink; each line is one write under a mutex.
 * Purity: asks the wall clock and writes.
 *
 *     struct gn_log log = {.level = GN_LOG_INFO, .sink = gn_os_log_sink, .sink_data = &sink};
 */
#ifndef GN_BASE_OS_LOG_H
#define GN_BASE_OS_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

enum gn_os_log_format { GN_OS_LOG_TEXT, GN_OS_LOG_JSON };

struct gn_os_log {
    pthread_mutex_t mutex;
    int fd;
    enum gn_os_log_format format;
    bool colours;
    uint64_t lost; /* lines that could not be written whole */
};

/* colours: level in ANSI colours, text format only; the caller knows about terminals and NO_COLOR.
 * SYSTEM: no mutex. */
GN_MUST_CHECK enum gn_err gn_os_log_init(struct gn_os_log *l, int fd, enum gn_os_log_format format, bool colours);
void gn_os_log_fini(struct gn_os_log *l);
/* A gn_log_sink_fn; `sink` is the struct gn_os_log. A line that cannot be written is counted and forgotten. */
void gn_os_log_sink(void *sink, enum gn_log_level level, const char *event, const struct gn_field *fields,
                    size_t fields_len);
/* Writes to another descriptor from now on (log rotation). */
void gn_os_log_set_fd(struct gn_os_log *l, int fd);
/* Lines lost so far. */
uint64_t gn_os_log_lost(struct gn_os_log *l);

#endif
