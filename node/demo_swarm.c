/* node/demo_swarm.c - the processes of the demo. */
#include "node/demo_swarm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "node/os_datadir.h"

#define READY_WITHIN GN_SECONDS(20)

static enum gn_err failed(struct gn_swarm *s, enum gn_err err, const char *what, const char *detail)
{
    (void)snprintf(s->why, sizeof s->why, "%s: %.400s", what, *detail ? detail : gn_err_text(err));
    return err;
}

static void hold_signals(int how)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(how, &set, NULL);
}

bool gn_swarm_interrupted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

enum gn_err gn_swarm_init(struct gn_swarm *s)
{
    hold_signals(SIG_BLOCK);
    memset(s, 0, sizeof *s);
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(s->dir, sizeof s->dir, "%s/ghostnet-demo-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    if (n < 0 || n >= (int)sizeof s->dir || !mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return failed(s, GN_E_PERMISSION, "cannot make a temporary folder", "check TMPDIR (at most 38 characters)");
    }
    return GN_OK;
}

/* In the child: becomes `ghostnet run`. Ends with the demo, whatever happens to it. */
static _Noreturn void become_node(const struct gn_swarm *s, const struct gn_swarm_node *node, int out, pid_t parent)
{
    char log[PATH_MAX], first[GN_ID_TEXT_LEN + 80];
    hold_signals(SIG_UNBLOCK);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(log, sizeof log, "%s.log", node->dir); /* beside its data folder, which must be its own */
    int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (getppid() != parent || log_fd < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
        _exit(127);
    char data[PATH_MAX];
    char words[][16] = {"ghostnet",    "run",       "--data-dir",    "--listen",
                        "127.0.0.1:0", "--network", "ghostnet-demo", "--bootstrap"};
    char *argv[] = {words[0], words[1], words[2], data, words[3], words[4], words[5], words[6], words[7], first, NULL};
    (void)snprintf(data, sizeof data, "%s", node->dir);
    (void)snprintf(first, sizeof first, "%s@%s", s->nodes[0].id, s->nodes[0].listen);
    if (node == &s->nodes[0])
        argv[8] = NULL; /* it has nobody to join */
    (void)execv("/proc/self/exe", argv);
    _exit(127);
}

static enum gn_err spawn(struct gn_swarm *s)
{
    int pipe_fds[2];
    if (s->len == GN_SWARM_MAX)
        return failed(s, GN_E_LIMIT, "too many nodes", "");
    struct gn_swarm_node *node = &s->nodes[s->len];
    char dir[sizeof node->dir];
    int n = snprintf(dir, sizeof dir, "%s/node%zu", s->dir, s->len);
    memcpy(node->dir, dir, sizeof dir);
    if (n < 0 || n >= (int)sizeof dir || mkdir(node->dir, 0700) != 0 || pipe2(pipe_fds, O_CLOEXEC) != 0)
        return failed(s, gn_err_from_errno(errno), "cannot start a node", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_node(s, node, pipe_fds[1], parent);
    (void)close(pipe_fds[1]);
    if (pid < 0) {
        (void)close(pipe_fds[0]);
        return failed(s, gn_err_from_errno(errno), "cannot start a process", strerror(errno));
    }
    node->pid = pid;
    node->out = pipe_fds[0];
    s->len++;
    return GN_OK;
}

/* "ready id=... listen=... api=..." */
static enum gn_err await_ready(struct gn_swarm *s, struct gn_swarm_node *node, gn_time_us until)
{
    char line[512], sock[PATH_MAX];
    size_t len = 0;
    while (!memchr(line, '\n', len)) {
        gn_time_us now = gn_os_clock_now();
        struct pollfd p = {.fd = node->out, .events = POLLIN};
        if (gn_swarm_interrupted())
            return failed(s, GN_E_CANCELLED, "stopped", "interrupted");
        int got = now < until ? poll(&p, 1, (int)((until - now) / 1000) + 1) : 0;
        ssize_t n = got > 0 && len < sizeof line - 1 ? read(node->out, line + len, sizeof line - 1 - len) : 0;
        if (n <= 0)
            return failed(s, GN_E_TIMEOUT, "a node did not become ready", "see its log (--keep)");
        len += (size_t)n;
    }
    line[len] = '\0';
    if (sscanf(line, "ready id=%52s listen=%63s", node->id, node->listen) != 2)
        return failed(s, GN_E_MALFORMED, "not a ready line", line);
    enum gn_err err = gn_datadir_join(sock, node->dir, "api.sock");
    if (!err)
        err = gn_rpc_client_new(&node->client, gn_alloc_default(), sock);
    return err ? failed(s, err, "cannot talk to a node", "") : GN_OK;
}

enum gn_err gn_swarm_add_many(struct gn_swarm *s, size_t count)
{
    size_t first = s->len;
    gn_time_us until = gn_os_clock_now() + READY_WITHIN;
    enum gn_err err = GN_OK;
    for (size_t i = 0; i < count && !err; i++)
        err = spawn(s);
    for (size_t i = first; i < s->len && !err; i++)
        err = await_ready(s, &s->nodes[i], until);
    return err;
}

enum gn_err gn_swarm_add(struct gn_swarm *s)
{
    return gn_swarm_add_many(s, 1);
}

enum gn_err gn_swarm_ask(struct gn_swarm *s, size_t node, const struct gn_rpc_request *request,
                         struct gn_rpc_response *response, json_t **body)
{
    char what[160];
    struct gn_rpc_response own;
    struct gn_rpc_request req = *request;
    response = response ? response : &own;
    if (body)
        *body = NULL;
    req.interruptible = true;
    if (req.timeout_us == 0)
        req.timeout_us = GN_SECONDS(20);
    if (gn_swarm_interrupted())
        return failed(s, GN_E_CANCELLED, "stopped", "interrupted");
    hold_signals(SIG_UNBLOCK);
    enum gn_err err = gn_rpc_call(s->nodes[node].client, response, &req);
    hold_signals(SIG_BLOCK);
    (void)snprintf(what, sizeof what, "%s %.100s on node %zu", req.method, req.target, node);
    if (err)
        return failed(s, err, what, response->detail);
    if (body) {
        *body = json_loadb((const char *)response->body.data, response->body.len, 0, NULL);
        if (!*body)
            return failed(s, GN_E_MALFORMED, what, "the answer is not JSON");
    }
    return GN_OK;
}

static void forget(struct gn_swarm_node *node)
{
    node->pid = 0;
    gn_rpc_client_free(node->client);
    node->client = NULL;
    if (node->out > 0)
        (void)close(node->out);
    node->out = 0;
}

void gn_swarm_kill(struct gn_swarm *s, size_t index)
{
    struct gn_swarm_node *node = &s->nodes[index];
    if (node->pid <= 0)
        return;
    (void)kill(node->pid, SIGKILL);
    while (waitpid(node->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    forget(node);
}

size_t gn_swarm_drain(struct gn_swarm *s, size_t *running, gn_time_us timeout)
{
    size_t clean = 0, left = 0;
    gn_time_us until = gn_os_clock_now() + timeout;
    for (size_t i = 0; i < s->len; i++)
        if (s->nodes[i].pid > 0 && kill(s->nodes[i].pid, SIGTERM) == 0)
            left++;
    *running = left;
    while (left > 0 && gn_os_clock_now() < until) {
        int status = 0;
        for (size_t i = 0; i < s->len; i++)
            if (s->nodes[i].pid > 0 && waitpid(s->nodes[i].pid, &status, WNOHANG) == s->nodes[i].pid) {
                clean += WIFEXITED(status) && WEXITSTATUS(status) == 0;
                forget(&s->nodes[i]);
                left--;
            }
        if (left > 0)
            (void)poll(NULL, 0, 10);
    }
    return clean;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void gn_swarm_end(struct gn_swarm *s, bool keep)
{
    for (size_t i = 0; i < s->len; i++)
        gn_swarm_kill(s, i);
    if (s->dir[0] && !keep)
        (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
