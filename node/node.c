/* node/node.c - the daemon's life: opened in order, ready, drained, closed in reverse. */
#include "node/node.h"

#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "base/os_file.h"
#include "node/node_inside.h"
#include "storage/lmdb_store.h"

#define UPKEEP_MS 30000U
#define KEY_FILE_MIN 16U
#define KEY_FILE_MAX 4096U
#define DRAIN_API GN_MS(2000) /* for requests in flight; the rest of GN_NODE_DRAIN is for closing */

static enum gn_err fail(char why[GN_NODE_WHY_MAX], enum gn_err err, const char *what, const char *subject,
                        const char *advice)
{
    (void)snprintf(why, GN_NODE_WHY_MAX, "%s %.300s: %s: %s", what, subject, gn_err_text(err), advice);
    return err;
}

/* ---- Settings into parts --------------------------------------------------------------------------------------- */

static enum gn_err open_log(struct gn_node *n, char why[GN_NODE_WHY_MAX])
{
    bool json = strcmp(gn_config_text(n->config, GN_CONF_LOG_FORMAT), "json") == 0;
    const char *no_color = getenv("NO_COLOR");
    bool colours = !json && isatty(STDERR_FILENO) && !(no_color && *no_color);
    enum gn_err err = gn_os_log_init(&n->log_sink, STDERR_FILENO, json ? GN_OS_LOG_JSON : GN_OS_LOG_TEXT, colours);
    if (err)
        return fail(why, err, "cannot open the log", "", "try again");
    n->log_ready = true;
    n->log = (struct gn_log){.sink = gn_os_log_sink, .sink_data = &n->log_sink};
    return gn_log_level_parse(&n->log.level, gn_config_text(n->config, GN_CONF_LOG_LEVEL));
}

static enum gn_err read_net_id(const struct gn_config *c, char why[GN_NODE_WHY_MAX], uint8_t net_id[16])
{
    const char *name = gn_config_text(c, GN_CONF_NETWORK);
    const char *file = gn_config_text(c, GN_CONF_NETWORK_KEY);
    uint8_t *secret = NULL;
    size_t len = 0;
    if (*file) {
        enum gn_err err = gn_os_file_read(gn_alloc_default(), &secret, &len, file, KEY_FILE_MAX);
        if (err)
            return fail(why, err, "cannot read the network key", file, "check --network-key");
        while (len > 0 && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
            len--;
    }
    if (*file && len < KEY_FILE_MIN) {
        gn_alloc_free(gn_alloc_default(), secret);
        return fail(why, GN_E_INVALID, "network key", file, "it must have 16 to 4096 bytes");
    }
    gn_seal_net_id(net_id, gn_slice_str(name), gn_slice_of(secret, len));
    if (secret)
        sodium_memzero(secret, len);
    gn_alloc_free(gn_alloc_default(), secret);
    return GN_OK;
}

static void tell_store_error(char why[GN_NODE_WHY_MAX], enum gn_err err, const char *path, const char *detail)
{
    const char *advice = err == GN_E_CORRUPT    ? "move store/ away to begin with an empty one, or restore a backup"
                         : err == GN_E_NO_SPACE ? "free some space"
                                                : "check the data folder";
    if (strstr(detail, path))
        (void)snprintf(why, GN_NODE_WHY_MAX, "%.400s: %s", detail, advice);
    else
        (void)snprintf(why, GN_NODE_WHY_MAX, "store %.200s: %.200s: %s", path, detail, advice);
}

static enum gn_err open_store(struct gn_node *n, char why[GN_NODE_WHY_MAX])
{
    char path[PATH_MAX], detail[GN_LMDB_STORE_WHY_MAX];
    enum gn_err err = gn_datadir_join(path, n->dir.path, "store");
    if (err)
        return fail(why, err, "data folder", n->dir.path, "use a shorter path");
    struct gn_lmdb_store_options options = {.path = path, .limit_bytes = gn_config_number(n->config, GN_CONF_DB_MAX)};
    err = gn_lmdb_store_open(&n->store, detail, gn_alloc_default(), &options);
    if (err)
        tell_store_error(why, err, path, detail);
    return err;
}

static enum gn_quic_cc congestion(const struct gn_config *c)
{
    const char *text = gn_config_text(c, GN_CONF_CONGESTION);
    if (strcmp(text, "bbr") == 0)
        return GN_QUIC_CC_BBR;
    return strcmp(text, "cubic") == 0 ? GN_QUIC_CC_CUBIC : GN_QUIC_CC_AUTO;
}

static enum gn_overlay_mode mode(const struct gn_config *c)
{
    const char *text = gn_config_text(c, GN_CONF_MODE);
    if (strcmp(text, "client") == 0)
        return GN_MODE_CLIENT;
    return strcmp(text, "server") == 0 ? GN_MODE_SERVER : GN_MODE_AUTO;
}

/* Connections take no descriptors of their own, but their files do: a small limit means few of them. */
static uint32_t connections_max(const struct gn_config *c)
{
    uint64_t wanted = gn_config_number(c, GN_CONF_CONNECTIONS_MAX);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted * 2)
        wanted = limit.rlim_cur / 2;
    return (uint32_t)(wanted < 4 ? 4 : wanted);
}

/* One address per family; the default pair goes on without IPv6 where the machine has none. */
static enum gn_err listen_addrs(const struct gn_config *c, char why[GN_NODE_WHY_MAX], struct gn_addr out[2],
                                size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < gn_config_len(c, GN_CONF_LISTEN); i++) {
        const char *text = gn_config_text_at(c, GN_CONF_LISTEN, i);
        struct gn_addr a;
        enum gn_err err = gn_addr_parse(&a, text, strlen(text));
        if (!err && *len > 0 && (*len == 2 || out[0].family == a.family))
            err = GN_E_LIMIT;
        if (err)
            return fail(why, err, "--listen", text, "give at most one address per family");
        out[(*len)++] = a;
    }
    return GN_OK;
}

static enum gn_err open_host(struct gn_node *n, char why[GN_NODE_WHY_MAX])
{
    struct gn_addr listen[2], failed = {0};
    struct gn_host_config config = {.loop = &n->loop,
                                    .alloc = gn_alloc_default(),
                                    .log = &n->log,
                                    .store = n->store,
                                    .listen = listen,
                                    .links = true,
                                    .connections_max = connections_max(n->config),
                                    .congestion = congestion(n->config)};
    config.overlay.mode = mode(n->config);
    config.overlay.allow_private = gn_config_bool(n->config, GN_CONF_PRIVATE);
    config.overlay.store_bytes_max = gn_config_number(n->config, GN_CONF_STORE_MAX);
    enum gn_err err = listen_addrs(n->config, why, listen, &config.listen_len);
    if (!err)
        err = read_net_id(n->config, why, config.net_id);
    if (err)
        return err;
    err = gn_uv_udp_pool_new(&n->pool, &n->loop, gn_alloc_default());
    if (err)
        return fail(why, err, "cannot set up", "UDP", "see the error");
    config.pool = n->pool;
    memcpy(config.identity_seed, n->dir.seed, sizeof config.identity_seed);
    err = gn_host_new(&n->host, &failed, &config);
    if (err && n->config->values[GN_CONF_LISTEN].source == GN_CONF_FROM_DEFAULT && failed.family == GN_ADDR_V6 &&
        err != GN_E_IN_USE) {
        GN_LOG(&n->log, GN_LOG_INFO, "net.no_ipv6", GN_F_ERR("err", err));
        config.listen_len = 1;
        err = gn_host_new(&n->host, &failed, &config);
    }
    sodium_memzero(config.identity_seed, sizeof config.identity_seed);
    if (err) {
        char text[GN_ADDR_TEXT_MAX] = "";
        if (failed.family != GN_ADDR_NONE)
            gn_addr_print(text, &failed);
        return fail(why, err, "cannot listen on", text,
                    err == GN_E_IN_USE
                        ? "another program has the port: choose one with --listen HOST:PORT (port 0 picks one)"
                        : "choose another address with --listen");
    }
    return GN_OK;
}

static enum gn_err open_files(struct gn_node *n, char why[GN_NODE_WHY_MAX])
{
    char path[PATH_MAX];
    enum gn_err err = gn_datadir_join(path, n->dir.path, "blobs");
    struct gn_files_config config = {.loop = &n->loop,
                                     .host = n->host,
                                     .store = n->store,
                                     .path = path,
                                     .alloc = gn_alloc_default(),
                                     .log = &n->log};
    if (!err)
        err = gn_files_new(&n->files, &config);
    return err ? fail(why, err, "cannot open", path, "check the data folder") : GN_OK;
}

static enum gn_err open_api(struct gn_node *n, char why[GN_NODE_WHY_MAX])
{
    char path[PATH_MAX];
    struct gn_rpc_server_config config = {.alloc = gn_alloc_default(),
                                          .log = &n->log,
                                          .loop = &n->loop,
                                          .ops = &gn_node_api_ops,
                                          .node = n,
                                          .token = n->dir.token,
                                          .version = GN_VERSION};
    enum gn_err err = gn_datadir_join(path, n->dir.path, "api.sock");
    if (!err)
        err = gn_rpc_server_new(&n->rpc, &config);
    if (!err)
        err = gn_rpc_server_listen_unix(n->rpc, path);
    if (err)
        return fail(why, err, "cannot listen on", path,
                    err == GN_E_INVALID ? "a socket path has at most 107 bytes: use a shorter --data-dir"
                                        : "check the data folder");
    const char *text = gn_config_text(n->config, GN_CONF_API);
    struct gn_addr addr, bound;
    char bound_text[GN_ADDR_TEXT_MAX];
    err = gn_addr_parse(&addr, text, strlen(text));
    if (!err)
        err = gn_rpc_server_listen_tcp(n->rpc, &bound, &addr);
    if (err)
        return fail(why, err, "cannot listen on", text, "choose another address with --api (port 0 picks one)");
    gn_addr_print(bound_text, &bound);
    (void)snprintf(n->api_url, sizeof n->api_url, "http://%s", bound_text);
    return GN_OK;
}

/* ---- Upkeep ---- */

/* Pages of the store that were read stay in memory until somebody wants them: an idle node gives them back. */
static void on_upkeep(uv_timer_t *timer)
{
    struct gn_node *n = timer->data;
    gn_store_trim(n->store);
    (void)malloc_trim(0);
}

/* ---- Signals --------------------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct gn_node *n = handle->data;
    GN_LOG(&n->log, GN_LOG_INFO, "node.signal", GN_F_I64("number", number));
    if (number != SIGHUP)
        gn_node_stop(n);
}

static enum gn_err watch_signals(struct gn_node *n)
{
    uv_signal_t *const handles[] = {&n->sigint, &n->sigterm, &n->sighup};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < GN_ARRAY_LEN(handles); i++) {
        (void)uv_signal_init(&n->loop, handles[i]);
        handles[i]->data = n;
    }
    (void)uv_timer_init(&n->loop, &n->deadline);
    n->deadline.data = n;
    (void)uv_timer_init(&n->loop, &n->upkeep);
    n->upkeep.data = n;
    (void)uv_timer_start(&n->upkeep, on_upkeep, UPKEEP_MS, UPKEEP_MS);
    n->signals_ready = true;
    for (size_t i = 0; i < GN_ARRAY_LEN(handles); i++)
        if (uv_signal_start(handles[i], on_signal, numbers[i]) != 0)
            return GN_E_SYSTEM;
    return GN_OK;
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

enum gn_err gn_node_new(struct gn_node **out, char why[GN_NODE_WHY_MAX], const struct gn_config *config,
                        const char *data_dir)
{
    *out = NULL;
    why[0] = '\0';
    /* Few arenas, and memory goes back early: an idle node is small. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    struct gn_node *n = calloc(1, sizeof *n);
    if (!n)
        return fail(why, GN_E_NO_MEMORY, "cannot start", "", "free some memory");
    n->config = config;
    n->dir.lock_fd = -1;
    n->started = gn_os_clock_now();
    enum gn_err err = GN_OK;
    if (sodium_init() < 0 || uv_loop_init(&n->loop) != 0)
        err = fail(why, GN_E_SYSTEM, "cannot start", "the event loop", "check the limit of descriptors (ulimit -n)");
    else
        n->loop_ready = true;
    if (!err)
        err = open_log(n, why);
    if (!err)
        err = gn_datadir_open(&n->dir, why, data_dir);
    if (!err)
        err = open_store(n, why);
    if (!err)
        err = open_host(n, why);
    if (!err) {
        gn_sodium_crypto_identity(&n->identity, n->dir.seed);
        gn_sodium_crypto_init(&n->crypto, &n->identity);
        err = open_files(n, why);
    }
    if (!err)
        err = open_api(n, why);
    if (!err) {
        err = watch_signals(n);
        if (!err)
            err = gn_watch_new(&n->watch, n);
        if (err)
            (void)fail(why, err, "cannot watch", "signals and network", "see the error");
    }
    if (err) {
        gn_node_free(n);
        return err;
    }
    *out = n;
    return GN_OK;
}

void gn_node_tell_ready(struct gn_node *n)
{
    struct gn_addr listen[2];
    char text[GN_ADDR_TEXT_MAX], id[GN_ID_TEXT_LEN + 1];
    if (n->ready_told || n->draining)
        return;
    n->ready_told = true;
    (void)gn_host_listen(n->host, listen);
    gn_addr_print(text, &listen[0]);
    gn_id_print(id, gn_host_id(n->host));
    (void)printf("ready id=%s listen=%s api=%s\n", id, text, n->api_url);
    (void)fflush(stdout);
    GN_LOG(&n->log, GN_LOG_INFO, "node.ready", GN_F_ID("id", gn_host_id(n->host)), GN_F_ADDR("listen", &listen[0]));
}

enum gn_err gn_node_run(struct gn_node *n)
{
    enum gn_err err = gn_bootstrap_new(&n->bootstrap, n);
    if (err)
        return err;
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    GN_LOG(&n->log, GN_LOG_INFO, "node.ended", GN_F_U64("uptime_us", gn_os_clock_now() - n->started));
    return n->err;
}

/* ---- The end --------------------------------------------------------------------------------------------------- */

static void close_signals(struct gn_node *n)
{
    if (!n->signals_ready)
        return;
    n->signals_ready = false;
    uv_close((uv_handle_t *)&n->sigint, NULL);
    uv_close((uv_handle_t *)&n->sigterm, NULL);
    uv_close((uv_handle_t *)&n->sighup, NULL);
    uv_close((uv_handle_t *)&n->deadline, NULL);
    uv_close((uv_handle_t *)&n->upkeep, NULL);
}

static void on_host_closed(void *data)
{
    struct gn_node *n = data;
    n->host = NULL;
    gn_uv_udp_pool_close(n->pool);
    n->pool = NULL;
    close_signals(n);
}

static void on_files_closed(void *data)
{
    struct gn_node *n = data;
    n->files = NULL;
    gn_bootstrap_close(n->bootstrap);
    n->bootstrap = NULL;
    gn_host_close(n->host, on_host_closed, n);
}

static void on_api_drained(void *data)
{
    struct gn_node *n = data;
    gn_watch_close(n->watch);
    n->watch = NULL;
    gn_files_close(n->files, on_files_closed, n);
}

static void on_deadline(uv_timer_t *timer)
{
    struct gn_node *n = timer->data;
    /* What is acknowledged is on the disk already: leaving now loses nothing but politeness. */
    GN_LOG_PLAIN(&n->log, GN_LOG_WARN, "node.drain.late");
    if (n->store)
        gn_store_close(n->store);
    _exit(0);
}

void gn_node_stop(struct gn_node *n)
{
    if (n->draining)
        return;
    n->draining = true;
    GN_LOG_PLAIN(&n->log, GN_LOG_INFO, "node.draining");
    (void)uv_timer_start(&n->deadline, on_deadline, GN_NODE_DRAIN / 1000 - 250, 0);
    uv_unref((uv_handle_t *)&n->deadline);
    gn_rpc_server_drain(n->rpc, DRAIN_API, on_api_drained, n);
}

void gn_node_free(struct gn_node *n)
{
    if (!n)
        return;
    /* After a failed start parts of it are open: close what is there, in reverse. */
    gn_watch_close(n->watch);
    if (n->rpc && !n->draining) {
        n->draining = true;
        gn_rpc_server_drain(n->rpc, 0, on_api_drained, n);
        n->watch = NULL;
    } else if (n->files) {
        gn_files_close(n->files, on_files_closed, n);
    } else if (n->host) {
        gn_host_close(n->host, on_host_closed, n);
    } else {
        if (n->loop_ready && n->pool)
            (void)uv_run(&n->loop, UV_RUN_DEFAULT); /* what a failed host had opened */
        gn_uv_udp_pool_close(n->pool);
        close_signals(n);
    }
    if (n->loop_ready) {
        (void)uv_run(&n->loop, UV_RUN_DEFAULT);
        int busy = uv_loop_close(&n->loop);
        GN_CHECK_SLOW(busy == 0);
        (void)busy;
    }
    gn_rpc_server_free(n->rpc);
    gn_store_close(n->store);
    gn_datadir_close(&n->dir);
    gn_sodium_crypto_wipe(&n->identity);
    if (n->log_ready)
        gn_os_log_fini(&n->log_sink);
    free(n);
}
