/* node/cli/progress.c - the bar. */
#include "node/cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "base/units.h"
#include "base/utf8.h"

#define DRAW_EVERY GN_MS(100)
#define LABEL_SHARE 3U /* of the width */

void gn_progress_init(struct gn_progress *p, bool on)
{
    memset(p, 0, sizeof *p);
    p->on = on;
    p->began = gn_os_clock_now();
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col < 200 ? size.ws_col : 200;
    return 80;
}

void gn_progress_format(char out[GN_PROGRESS_LINE_MAX], size_t width, const struct gn_progress_line *l)
{
    char have[GN_UNITS_TEXT_MAX], all[GN_UNITS_TEXT_MAX] = "?", speed[GN_UNITS_TEXT_MAX], left[GN_UNITS_TEXT_MAX] = "-";
    char tail[256], bar[128];
    unsigned percent = l->total ? (unsigned)((l->done >= l->total ? l->total : l->done) * 100 / l->total) : 0;
    gn_units_show_size(have, l->done);
    if (l->total)
        gn_units_show_size(all, l->total);
    gn_units_show_size(speed, l->rate);
    if (l->eta_us != GN_TIME_NEVER)
        gn_units_show_duration(left, l->eta_us);
    (void)snprintf(tail, sizeof tail, " %3u%% %s of %s, %s/s, %s left", percent, have, all, speed, left);
    size_t label_len = gn_utf8_cut((const uint8_t *)l->label, strlen(l->label), width / LABEL_SHARE);
    size_t used = label_len + strlen(tail) + 3;
    size_t cells = width > used + 1 ? width - used - 1 : 0;
    cells = cells < sizeof bar - 1 ? cells : sizeof bar - 1;
    for (size_t i = 0; i < cells; i++)
        bar[i] = i * 100 < cells * percent ? '#' : '.';
    bar[cells] = '\0';
    (void)snprintf(out, GN_PROGRESS_LINE_MAX, "%.*s [%s]%s", (int)label_len, l->label, bar, tail);
}

void gn_progress_update(struct gn_progress *p, const char *label, uint64_t done, uint64_t total, uint64_t rate)
{
    char line[GN_PROGRESS_LINE_MAX];
    gn_time_us now = gn_os_clock_now();
    if (!p->started)
        p->first = done;
    if (!p->on || (p->started && now - p->drawn < DRAW_EVERY && done != total))
        return;
    p->started = true;
    p->drawn = now;
    uint64_t ms = (now - p->began) / 1000;
    if (rate == 0 && ms > 0 && done > p->first)
        rate = (done - p->first) * 1000 / ms;
    gn_time_us eta = rate && total > done ? (total - done) / rate * GN_SECONDS(1) : total ? 0 : GN_TIME_NEVER;
    if (rate == 0 && total > done)
        eta = GN_TIME_NEVER;
    struct gn_progress_line l = {.label = label, .done = done, .total = total, .rate = rate, .eta_us = eta};
    gn_progress_format(line, terminal_width(), &l);
    (void)fprintf(stderr, "\r\033[K%s", line);
    (void)fflush(stderr);
}

void gn_progress_end(struct gn_progress *p)
{
    if (p->on && p->started)
        (void)fputs("\r\033[K", stderr);
    p->started = false;
}
