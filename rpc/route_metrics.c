/* rpc/route_metrics.c - Prometheus text, health and readiness. */
#include <stdio.h>
#include <string.h>

#include "rpc/route.h"
#include "rpc/server_inside.h"
#include "transport/http/buffer.h"
#include "transport/http/uv_http_server.h"

struct page {
    const struct gn_alloc *alloc;
    struct gn_buffer text;
    bool bad;
    char last[128]; /* name of the last sample: HELP and TYPE come once per name */
};

static void put(struct page *p, const char *text)
{
    if (!gn_buffer_append(&p->text, p->alloc, text, strlen(text)))
        p->bad = true;
}

/* Backslash, quote and line feed are escaped in label values; in help texts a quote may stay, and may be escaped. */
static void put_escaped(struct page *p, const char *text)
{
    for (const char *c = text; *c; c++) {
        const char one[2] = {*c, '\0'};
        put(p, *c == '\\' ? "\\\\" : *c == '"' ? "\\\"" : *c == '\n' ? "\\n" : one);
    }
}

static void emit(void *data, const struct gn_api_metric *m)
{
    struct page *p = data;
    char number[40];
    if (strncmp(p->last, m->name, sizeof p->last) != 0) {
        (void)snprintf(p->last, sizeof p->last, "%s", m->name);
        put(p, "# HELP ");
        put(p, m->name);
        put(p, " ");
        put(p, m->help);
        put(p, "\n# TYPE ");
        put(p, m->name);
        put(p, m->type == GN_API_COUNTER ? " counter\n" : " gauge\n");
    }
    put(p, m->name);
    if (m->label) {
        put(p, "{");
        put(p, m->label);
        put(p, "=\"");
        put_escaped(p, m->label_value ? m->label_value : "");
        put(p, "\"}");
    }
    (void)snprintf(number, sizeof number, " %.17g\n", m->value);
    put(p, number);
}

static void emit_own(struct page *p, const struct gn_rpc_server *s)
{
    const struct gn_uv_http_server_counters *c = gn_uv_http_server_counters(s->http);
    const struct {
        const char *name;
        const char *help;
        enum gn_api_metric_type type;
        uint64_t value;
    } own[] = {
        {"ghostnet_api_requests_total", "Requests at the control API.", GN_API_COUNTER, c->requests},
        {"ghostnet_api_denied_total", "Requests without authority.", GN_API_COUNTER, s->denied},
        {"ghostnet_api_malformed_total", "Requests that were no valid HTTP or too big.", GN_API_COUNTER, c->refused},
        {"ghostnet_api_timeouts_total", "Connections that were too slow or idle.", GN_API_COUNTER, c->timeouts},
        {"ghostnet_api_gone_total", "Clients that left before their answer.", GN_API_COUNTER, c->gone},
        {"ghostnet_api_connections", "Open connections of the control API.", GN_API_GAUGE, c->connections},
        {"ghostnet_api_received_bytes_total", "Bytes received by the control API.", GN_API_COUNTER, c->bytes_in},
        {"ghostnet_api_sent_bytes_total", "Bytes sent by the control API.", GN_API_COUNTER, c->bytes_out},
    };
    for (size_t i = 0; i < GN_ARRAY_LEN(own); i++) {
        const struct gn_api_metric m = {
            .name = own[i].name, .help = own[i].help, .type = own[i].type, .value = (double)own[i].value};
        emit(p, &m);
    }
}

static void respond_text(struct gn_rpc_task *t, unsigned status, const char *type, struct gn_slice text)
{
    const struct gn_http_header fields[] = {
        gn_http_header_of("Content-Type", type),
        gn_http_header_of("Cache-Control", "no-store"),
    };
    t->answered = true;
    gn_exchange_respond(t->x, status, (struct gn_http_headers){fields, GN_ARRAY_LEN(fields)}, text);
}

void gn_rpc_route_metrics(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct page p = {.alloc = t->server->config.alloc};
    (void)body;
    if (ops->metrics)
        ops->metrics(gn_rpc_task_node(t), emit, &p);
    emit_own(&p, t->server);
    if (p.bad)
        gn_rpc_task_fail(t, GN_E_NO_MEMORY, NULL);
    else
        respond_text(t, 200, "text/plain; version=0.0.4; charset=utf-8", gn_buffer_slice(&p.text));
    gn_buffer_fini(&p.text, p.alloc);
}

void gn_rpc_route_healthz(struct gn_rpc_task *t, struct gn_slice body)
{
    (void)body;
    respond_text(t, 200, "text/plain; charset=utf-8", gn_slice_str("ok\n"));
}

void gn_rpc_route_readyz(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    bool ready = !ops->ready || ops->ready(gn_rpc_task_node(t));
    respond_text(t, ready ? 200 : 503, "text/plain; charset=utf-8", gn_slice_str(ready ? "ok\n" : "not ready\n"));
}
