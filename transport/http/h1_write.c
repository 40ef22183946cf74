/* transport/http/h1_write.c - heads of HTTP/1.1 messages. */
#include "transport/http/h1_write.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static void put(struct gn_writer *w, const char *text)
{
    gn_writer_bytes(w, text, strlen(text));
}

static void put_field(struct gn_writer *w, const char *name, const char *value)
{
    put(w, name);
    put(w, ": ");
    put(w, value);
    put(w, "\r\n");
}

static bool is_framing_name(struct gn_slice name)
{
    return gn_http_slice_like(name, "content-length") || gn_http_slice_like(name, "transfer-encoding") ||
           gn_http_slice_like(name, "connection") || gn_http_slice_like(name, "keep-alive");
}

static enum gn_err put_headers(struct gn_writer *w, struct gn_http_headers headers)
{
    for (size_t i = 0; i < headers.len; i++) {
        const struct gn_http_header *h = &headers.items[i];
        if (!gn_http_is_token(h->name) || !gn_http_is_field_value(h->value) || is_framing_name(h->name))
            return GN_E_INVALID;
        gn_writer_bytes(w, h->name.data, h->name.len);
        put(w, ": ");
        gn_writer_bytes(w, h->value.data, h->value.len);
        put(w, "\r\n");
    }
    return GN_OK;
}

static void put_length(struct gn_writer *w, uint64_t length)
{
    if (length == GN_H1_WRITE_NO_LENGTH)
        return;
    if (length == GN_H1_WRITE_CHUNKED) {
        put_field(w, "Transfer-Encoding", "chunked");
        return;
    }
    char number[21];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)length);
    put_field(w, "Content-Length", number);
}

enum gn_err gn_h1_write_answer(struct gn_writer *w, const struct gn_h1_answer *a)
{
    char line[96];
    if (a->status < 100 || a->status > 599)
        return GN_E_INVALID;
    (void)snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\n", a->status, gn_http_reason(a->status));
    put(w, line);
    if (a->date)
        put_field(w, "Date", a->date);
    if (a->server)
        put_field(w, "Server", a->server);
    if (a->status >= 200 && a->status != 204 && a->status != 304)
        put_length(w, a->length);
    if (a->close)
        put_field(w, "Connection", "close");
    else if (a->keep_alive)
        put_field(w, "Connection", "keep-alive");
    enum gn_err err = put_headers(w, a->headers);
    put(w, "\r\n");
    if (err)
        return err;
    return w->overflow ? GN_E_LIMIT : GN_OK;
}

static bool is_target(struct gn_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7f)
            return false;
    return s.len > 0;
}

enum gn_err gn_h1_write_question(struct gn_writer *w, const struct gn_h1_question *q)
{
    if (!gn_http_is_token(q->method) || !is_target(q->target) || !gn_http_is_field_value(q->host))
        return GN_E_INVALID;
    gn_writer_bytes(w, q->method.data, q->method.len);
    put(w, " ");
    gn_writer_bytes(w, q->target.data, q->target.len);
    put(w, " HTTP/1.1\r\nHost: ");
    gn_writer_bytes(w, q->host.data, q->host.len);
    put(w, "\r\n");
    put_length(w, q->length);
    if (q->close)
        put_field(w, "Connection", "close");
    enum gn_err err = put_headers(w, q->headers);
    put(w, "\r\n");
    if (err)
        return err;
    return w->overflow ? GN_E_LIMIT : GN_OK;
}

/* Days since 1970 to a date of the Gregorian calendar, by eras of 400 years (146,097 days) that begin in March. */
void gn_h1_write_date(char out[GN_H1_DATE_LEN + 1], uint64_t unix_s)
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Mar", "Apr", "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"};
    uint64_t last = UINT64_C(253402300799); /* the last second of the year 9999: four digits */
    uint64_t s = unix_s < last ? unix_s : last;
    uint64_t day = s / 86400;
    uint64_t z = day + 719468; /* from 0000-03-01 */
    uint64_t era = z / 146097;
    uint64_t doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t month = (5 * doy + 2) / 153;
    unsigned mday = (unsigned)(doy - (153 * month + 2) / 5 + 1);
    unsigned year = (unsigned)(yoe + era * 400 + (month >= 10 ? 1 : 0));
    unsigned sec = (unsigned)(s % 86400);
    char text[64];
    int n = snprintf(text, sizeof text, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[day % 7], mday, months[month], year,
                     sec / 3600, sec / 60 % 60, sec % 60);
    GN_CHECK(n == (int)GN_H1_DATE_LEN);
    memcpy(out, text, GN_H1_DATE_LEN + 1);
}
