/* tests/e2e/test_api_curl.c - the control API as curl sees it: another implementation of HTTP on the other side.
 *
 * The server runs in a thread over a fake node; curl is a process. Skipped where curl is not installed.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "rpc/server.h"
#include "tests/support/fake_api.h"
#include "tests/support/gn_cmocka.h"

#define TOKEN "a-token-of-twenty-four-c"
#define ROOT "a4dqoaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct rig {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    struct gn_rpc_server *server;
    struct gn_fake_api node;
    struct gn_addr tcp;
    char folder[64];
    char path[96];
    char out[65536]; /* what curl wrote */
};

static void on_drained(void *data)
{
    struct rig *r = data;
    uv_close((uv_handle_t *)&r->stop, NULL);
}

static void on_stop(uv_async_t *async)
{
    struct rig *r = async->data;
    gn_rpc_server_drain(r->server, GN_SECONDS(2), on_drained, r);
}

static void *serve(void *data)
{
    struct rig *r = data;
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void begin(struct rig *r, uint64_t file_size)
{
    const struct gn_addr any = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    if (system("curl --version >/dev/null 2>&1") != 0)
        skip();
    memset(r, 0, sizeof *r);
    gn_fake_api_init(&r->node);
    r->node.file_size = file_size;
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/gn-curl-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->path, sizeof r->path, "%s/api.sock", r->folder);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(uv_async_init(&r->loop, &r->stop, on_stop), 0);
    r->stop.data = r;
    const struct gn_rpc_server_config config = {
        .alloc = gn_alloc_default(), .loop = &r->loop, .ops = &gn_fake_api_ops, .node = &r->node, .token = TOKEN};
    assert_int_equal(gn_rpc_server_new(&r->server, &config), GN_OK);
    assert_int_equal(gn_rpc_server_listen_unix(r->server, r->path), GN_OK);
    assert_int_equal(gn_rpc_server_listen_tcp(r->server, &r->tcp, &any), GN_OK);
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

static void stop(struct rig *r)
{
    if (!r->server)
        return;
    (void)uv_async_send(&r->stop);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    gn_rpc_server_free(r->server);
    r->server = NULL;
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

static void finish(struct rig *r)
{
    char command[128];
    stop(r);
    (void)snprintf(command, sizeof command, "rm -r '%s'", r->folder);
    assert_int_equal(system(command), 0);
}

/* Runs a command line in the rig's folder; gives curl's exit code, fills r->out with its standard output. */
__attribute__((format(printf, 2, 3))) static int run(struct rig *r, const char *format, ...)
{
    char command[1024];
    va_list args;
    int n = snprintf(command, sizeof command, "cd '%s' && ", r->folder);
    va_start(args, format);
    (void)vsnprintf(command + n, sizeof command - (size_t)n, format, args);
    va_end(args);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t len = fread(r->out, 1, sizeof r->out - 1, pipe);
    r->out[len] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CURL "curl -sS --max-time 20 --unix-socket api.sock "

static void curl_reads_the_node_on_both_listeners(void **state)
{
    static struct rig r;
    (void)state;
    begin(&r, 3000000);
    assert_int_equal(run(&r, CURL "http://localhost/v1/node"), 0);
    assert_non_null(strstr(r.out, "\"network\":\"test\""));
    assert_int_equal(run(&r, CURL "http://localhost/healthz http://localhost/readyz -w '%%{num_connects} '"), 0);
    assert_string_equal(r.out, "ok\n1 ok\n0 "); /* the second on the same connection */
    assert_int_equal(run(&r, CURL "--http1.0 http://localhost/healthz"), 0);
    assert_string_equal(r.out, "ok\n");
    assert_int_equal(
        run(&r, "curl -sS --max-time 20 -H 'Authorization: Bearer " TOKEN "' http://127.0.0.1:%u/v1/node", r.tcp.port),
        0);
    assert_non_null(strstr(r.out, "\"network\":\"test\""));
    assert_int_equal(
        run(&r, "curl -sS --max-time 20 -o body -w '%%{http_code} %%{content_type}' http://127.0.0.1:%u/v1/node",
            r.tcp.port),
        0);
    assert_string_equal(r.out, "401 application/problem+json");
    assert_int_equal(
        run(&r, "curl -sS --max-time 20 -f -H 'Origin: http://evil.example' http://127.0.0.1:%u/healthz", r.tcp.port),
        22);
    finish(&r);
}

static void curl_stores_a_file_and_gets_the_same_bytes_back(void **state)
{
    static struct rig r;
    static uint8_t bytes[3000000];
    char path[128];
    (void)state;
    begin(&r, 3000000);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = gn_fake_api_byte(i);
    (void)snprintf(path, sizeof path, "%s/in", r.folder);
    FILE *in = fopen(path, "wb");
    assert_non_null(in);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, in), sizeof bytes);
    assert_int_equal(fclose(in), 0);
    /* -T sends Expect: 100-continue, for bodies as long as this */
    assert_int_equal(run(&r, CURL "-X POST -T in -H 'Content-Type: application/octet-stream' "
                                  "'http://localhost/v1/files?name=in' -w '%%{http_code}'"),
                     0);
    assert_non_null(strstr(r.out, "201"));
    assert_int_equal(run(&r, CURL "-X POST -T - -H 'Content-Type: application/octet-stream' "
                                  "'http://localhost/v1/files?name=in' -w '%%{http_code}' <in"),
                     0);
    assert_non_null(strstr(r.out, "201")); /* from standard input: chunked */
    assert_int_equal(run(&r, CURL "http://localhost/v1/files/" ROOT " -o out && cmp in out"), 0);
    assert_int_equal(run(&r, CURL "--limit-rate 4M http://localhost/v1/files/" ROOT " -o slow && cmp in slow"), 0);
    /* resume: the first half, then the rest */
    assert_int_equal(run(&r, CURL "-r 0-1234566 http://localhost/v1/files/" ROOT " -o part && " CURL
                                  "-C - http://localhost/v1/files/" ROOT " -o part && cmp in part"),
                     0);
    assert_int_equal(run(&r, CURL "-I http://localhost/v1/files/" ROOT), 0);
    assert_non_null(strstr(r.out, "Content-Length: 3000000\r\n"));
    stop(&r);
    assert_int_equal(r.node.uploaded, sizeof bytes);
    assert_false(r.node.upload_wrong);
    assert_int_equal(r.node.opened, r.node.closed);
    finish(&r);
}

static void curl_compares_and_sets(void **state)
{
    static struct rig r;
    (void)state;
    begin(&r, 3000000);
    assert_int_equal(
        run(&r,
            CURL "-X PUT --data-binary one -H 'Content-Type: application/octet-stream' http://localhost/v1/kv/own/k"),
        0);
    assert_string_equal(r.out, "{\"version\":11,\"expires\":77,\"replicas\":1}\n");
    assert_int_equal(run(&r, CURL "-f -T - -H 'If-Match: \"5\"' http://localhost/v1/kv/own/k </dev/null 2>/dev/null"),
                     22);
    assert_int_equal(run(&r, CURL "http://localhost/v1/kv/own/k"), 0);
    assert_string_equal(r.out, "one");
    assert_int_equal(run(&r, CURL "-X PUT -d one http://localhost/v1/kv/own/k -w '%%{http_code}'"), 0);
    assert_non_null(strstr(r.out, "415")); /* the type of a web form */
    finish(&r);
}

static void curl_sees_lines_as_they_come(void **state)
{
    static struct rig r;
    (void)state;
    begin(&r, 3000000);
    assert_int_equal(
        run(&r, CURL "-N --json '{\"path\":\"/x\"}' -H 'Accept: application/x-ndjson' http://localhost/v1/files"), 0);
    assert_non_null(strstr(r.out, "{\"progress\":{\"stage\":\"hash\""));
    assert_non_null(strstr(r.out, "}\n{\"result\":{\"root\":\"" ROOT "\""));
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_reads_the_node_on_both_listeners),
        cmocka_unit_test(curl_stores_a_file_and_gets_the_same_bytes_back),
        cmocka_unit_test(curl_compares_and_sets),
        cmocka_unit_test(curl_sees_lines_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
