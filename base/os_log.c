/* base/os_log.c - one line, one write. */
#include "base/os_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os_clock.h"

#define COLOUR_MAX 16U

enum gn_err gn_os_log_init(struct gn_os_log *l, int fd, enum gn_os_log_format format, bool colours)
{
    *l = (struct gn_os_log){.fd = fd, .format = format, .colours = colours && format == GN_OS_LOG_TEXT};
    return pthread_mutex_init(&l->mutex, NULL) == 0 ? GN_OK : GN_E_SYSTEM;
}

void gn_os_log_fini(struct gn_os_log *l)
{
    GN_CHECK(pthread_mutex_destroy(&l->mutex) == 0);
    l->fd = -1;
}

static void lock(struct gn_os_log *l)
{
    GN_CHECK(pthread_mutex_lock(&l->mutex) == 0);
}

static void unlock(struct gn_os_log *l)
{
    GN_CHECK(pthread_mutex_unlock(&l->mutex) == 0);
}

static const char *colour_of(enum gn_log_level level)
{
    switch (level) {
    case GN_LOG_ERROR:
        return "\033[31m";
    case GN_LOG_WARN:
        return "\033[33m";
    case GN_LOG_INFO:
        return "\033[32m";
    case GN_LOG_DEBUG:
    case GN_LOG_OFF:
        break;
    }
    return "\033[2m";
}

static size_t append(char *out, size_t at, const char *s)
{
    size_t len = strlen(s);

    memcpy(out + at, s, len + 1U);
    return at + len;
}

/* Puts colour around the level, which is the first word of a text line without a stamp. */
static size_t coloured(char *out, const char *stamp, enum gn_log_level level, const char *line)
{
    const char *name = gn_log_level_name(level);
    size_t at = append(out, 0, stamp);

    at = append(out, at, " ");
    at = append(out, at, colour_of(level));
    at = append(out, at, name);
    at = append(out, at, "\033[0m");
    return append(out, at, line + strlen(name));
}

static bool write_line(int fd, const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, line, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        line += n;
        len -= (size_t)n;
    }
    return true;
}

void gn_os_log_sink(void *sink, enum gn_log_level level, const char *event, const struct gn_field *fields,
                    size_t fields_len)
{
    struct gn_os_log *l = (struct gn_os_log *)sink;
    char line[GN_LOG_LINE_MAX];
    char painted[GN_LOG_LINE_MAX + GN_STAMP_MAX + 2U * COLOUR_MAX];
    char stamp[GN_STAMP_MAX];
    const char *out = line;
    size_t len;
    int saved = errno; /* a log line between a failed call and the look at errno must not change it */

    lock(l);
    gn_os_clock_stamp(stamp); /* under the lock, so that stamps go up from line to line */
    if (l->format == GN_OS_LOG_JSON) {
        len = gn_log_format_json(line, stamp, level, event, fields, fields_len);
    } else if (l->colours) {
        (void)gn_log_format_text(line, "", level, event, fields, fields_len);
        len = coloured(painted, stamp, level, line);
        out = painted;
    } else {
        len = gn_log_format_text(line, stamp, level, event, fields, fields_len);
    }
    if (!write_line(l->fd, out, len)) {
        l->lost++;
    }
    unlock(l);
    errno = saved;
}

void gn_os_log_set_fd(struct gn_os_log *l, int fd)
{
    lock(l);
    l->fd = fd;
    unlock(l);
}

uint64_t gn_os_log_lost(struct gn_os_log *l)
{
    uint64_t lost;

    lock(l);
    lost = l->lost;
    unlock(l);
    return lost;
}
