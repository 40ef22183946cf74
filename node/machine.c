/* node/machine.c - the checks of `doctor` that look at the machine. */
#include "node/machine.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/os_clock.h"
#include "base/units.h"
#include "node/os_datadir.h"

#define DESCRIPTORS_FEW 256U
#define DISK_LOW (UINT64_C(64) << 20)
#define BUFFER_SMALL (UINT64_C(200) << 10)   /* the kernels' default is 208 KiB */
#define PLAUSIBLE_SINCE UINT64_C(1704067200) /* 2024-01-01: older than the program is certainly wrong */

void gn_machine_say(struct gn_machine_report *r, const char *name, const char *status, const char *advice,
                    const char *format, ...)
{
    if (r->len == GN_MACHINE_CHECKS_MAX)
        return;
    struct gn_machine_check *c = &r->checks[r->len++];
    va_list args;
    *c = (struct gn_machine_check){.name = name, .status = status, .advice = advice};
    va_start(args, format);
    (void)vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
}

void gn_machine_check_descriptors(struct gn_machine_report *r)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    bool few = limit.rlim_cur < DESCRIPTORS_FEW;
    gn_machine_say(r, "descriptors", few ? "warn" : "ok",
                   few ? "raise it: ulimit -n 4096, or LimitNOFILE= in the unit" : NULL,
                   "limit of %llu file descriptors", (unsigned long long)limit.rlim_cur);
}

/* The nearest folder above that exists: the data folder may not have been made yet. */
static bool stat_disk(struct statvfs *disk, const char *data_dir)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s", data_dir);
    if (n <= 0 || (size_t)n >= sizeof path)
        return false;
    while (statvfs(path, disk) != 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return statvfs(slash ? "/" : ".", disk) == 0;
        *slash = '\0';
    }
    return true;
}

void gn_machine_check_disk(struct gn_machine_report *r, const char *data_dir)
{
    struct statvfs disk;
    char text[GN_UNITS_TEXT_MAX];
    if (!stat_disk(&disk, data_dir))
        return;
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    bool low = left < DISK_LOW;
    gn_units_show_size(text, left);
    gn_machine_say(r, "disk", low ? "fail" : "ok", low ? "free some space: writes will fail soon" : NULL,
                   "%s free for %.120s", text, data_dir);
}

void gn_machine_check_clock(struct gn_machine_report *r)
{
    if (gn_os_clock_wall() < PLAUSIBLE_SINCE) /* records and epochs depend on it */
        gn_machine_say(r, "clock", "fail", "set the clock (timedatectl set-ntp true)", "the clock is wrong");
    else
        gn_machine_say(r, "clock", "ok", NULL, "plausible; peers refuse an epoch more than an hour ahead");
}

static uint64_t read_sysctl(const char *path)
{
    char line[32];
    FILE *f = fopen(path, "re");
    uint64_t n = f && fgets(line, sizeof line, f) ? strtoull(line, NULL, 10) : 0;
    if (f)
        (void)fclose(f);
    return n;
}

void gn_machine_check_buffers(struct gn_machine_report *r)
{
    uint64_t in = read_sysctl("/proc/sys/net/core/rmem_max"), out = read_sysctl("/proc/sys/net/core/wmem_max");
    if (in == 0 || out == 0)
        return; /* a network namespace does not show them */
    char in_text[GN_UNITS_TEXT_MAX], out_text[GN_UNITS_TEXT_MAX];
    bool small = in < BUFFER_SMALL || out < BUFFER_SMALL;
    gn_units_show_size(in_text, in);
    gn_units_show_size(out_text, out);
    gn_machine_say(r, "buffers", small ? "warn" : "ok",
                   small ? "raise net.core.rmem_max and net.core.wmem_max to 1 MiB or more" : NULL,
                   "UDP sockets may buffer %s in, %s out", in_text, out_text);
}

static bool others_may_read(const char *data_dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return gn_datadir_join(path, data_dir, name) == GN_OK && stat(path, &st) == 0 && (st.st_mode & 077) != 0;
}

void gn_machine_check_folder(struct gn_machine_report *r, const char *data_dir)
{
    struct stat st;
    if (stat(data_dir, &st) != 0 && errno == ENOENT)
        gn_machine_say(r, "folder", "ok", NULL, "%.120s will be made by the first start", data_dir);
    else if (access(data_dir, R_OK | W_OK | X_OK) != 0)
        gn_machine_say(r, "folder", "fail", "check its owner and mode, or choose another with --data-dir", "%.100s: %s",
                       data_dir, strerror(errno));
    else if (others_may_read(data_dir, "identity.key") || others_may_read(data_dir, "api.token"))
        gn_machine_say(r, "folder", "fail", "chmod 600 identity.key api.token", "others may read the secrets in %.100s",
                       data_dir);
    else
        gn_machine_say(r, "folder", "ok", NULL, "%.120s is ours", data_dir);
}

static int bind_error(const struct gn_addr *addr)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    bool is_v4 = addr->family == GN_ADDR_V4;
    memcpy(&v6.sin6_addr, addr->ip, sizeof v6.sin6_addr);
    memcpy(&v4.sin_addr, addr->ip, sizeof v4.sin_addr);
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int one = 1;
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    int rc = is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof v4) : bind(fd, (struct sockaddr *)&v6, sizeof v6);
    int why = rc == 0 ? 0 : errno;
    (void)close(fd);
    return why;
}

void gn_machine_check_ports(struct gn_machine_report *r, const struct gn_config *config)
{
    for (size_t i = 0; i < gn_config_len(config, GN_CONF_LISTEN); i++) {
        const char *text = gn_config_text_at(config, GN_CONF_LISTEN, i);
        struct gn_addr addr;
        if (gn_addr_parse(&addr, text, strlen(text)))
            continue;
        const char *name = addr.family == GN_ADDR_V4 ? "udp4" : "udp6";
        int why = bind_error(&addr);
        if (why == 0)
            gn_machine_say(r, name, "ok", NULL, "%s is free", text);
        else if (why == EADDRINUSE)
            gn_machine_say(r, name, "fail", "choose another port with --listen (port 0 picks one)",
                           "another program has UDP %s", text);
        else
            gn_machine_say(r, name, addr.family == GN_ADDR_V6 ? "warn" : "fail", "choose another address with --listen",
                           "cannot use %s: %s", text, strerror(why));
    }
}
