/* transport/http/exchange.c - the rules of an answer that hold for every carrier. */
#include "transport/http/exchange.h"

#include "base/check.h"

enum gn_err gn_exchange_collect(struct gn_exchange *x, uint64_t max)
{
    GN_CHECK(x->handler && x->handler->on_body);
    return x->carrier->want_body(x, true, max);
}

enum gn_err gn_exchange_stream(struct gn_exchange *x, uint64_t max)
{
    GN_CHECK(x->handler && x->handler->on_data && x->handler->on_end);
    return x->carrier->want_body(x, false, max);
}

void gn_exchange_pause(struct gn_exchange *x, bool paused)
{
    x->carrier->pause(x, paused);
}

enum gn_err gn_exchange_start(struct gn_exchange *x, unsigned status, struct gn_http_headers headers, uint64_t length)
{
    GN_CHECK(!x->started);
    enum gn_err err = x->carrier->start(x, status, headers, length);
    if (err)
        return err;
    x->started = true;
    x->left = length;
    return GN_OK;
}

static enum gn_err write_counted(struct gn_exchange *x, struct gn_slice data, bool bounded)
{
    GN_CHECK(x->started && !x->ended);
    if (data.len == 0)
        return GN_OK;
    if (x->left != GN_EXCHANGE_UNKNOWN && data.len > x->left)
        return GN_E_LIMIT;
    if (x->request.method != GN_HTTP_HEAD) {
        enum gn_err err = x->carrier->write(x, data, bounded);
        if (err)
            return err;
    }
    if (x->left != GN_EXCHANGE_UNKNOWN)
        x->left -= data.len;
    return GN_OK;
}

enum gn_err gn_exchange_write(struct gn_exchange *x, struct gn_slice data)
{
    return write_counted(x, data, true);
}

size_t gn_exchange_room(const struct gn_exchange *x)
{
    return x->request.method == GN_HTTP_HEAD ? SIZE_MAX : x->carrier->room(x);
}

void gn_exchange_end(struct gn_exchange *x)
{
    GN_CHECK(x->started && !x->ended);
    bool short_of = x->left != GN_EXCHANGE_UNKNOWN && x->left > 0 && x->request.method != GN_HTTP_HEAD;
    if (short_of) {
        gn_exchange_abort(x);
        return;
    }
    x->ended = true;
    x->carrier->end(x);
}

void gn_exchange_abort(struct gn_exchange *x)
{
    x->ended = true;
    x->carrier->abort(x);
}

void gn_exchange_respond(struct gn_exchange *x, unsigned status, struct gn_http_headers headers, struct gn_slice body)
{
    enum gn_err err = gn_exchange_start(x, status, headers, body.len);
    if (err == GN_E_INVALID) {
        const struct gn_http_headers none = {NULL, 0};
        body = gn_slice_of(NULL, 0);
        err = gn_exchange_start(x, 500, none, 0);
    }
    if (!err)
        err = write_counted(x, body, false); /* one answer, of a size that its maker has bounded */
    if (err)
        gn_exchange_abort(x);
    else
        gn_exchange_end(x);
}
