/* tests/support/failing_disk.c - writing calls that fail on demand. */
#include "tests/support/failing_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic int countdown;
static _Atomic int fail_error;
static _Atomic bool fail_forever;
static _Atomic bool failed;
static _Atomic bool old_fallocate;
static _Atomic bool old_rename;

void gn_failing_disk_arm(int n, int error, bool forever)
{
    fail_error = error;
    fail_forever = forever;
    failed = false;
    countdown = n;
}

bool gn_failing_disk_disarm(void)
{
    countdown = 0;
    fail_forever = false;
    return failed;
}

void gn_failing_disk_old(bool no_fallocate, bool no_renameat2)
{
    old_fallocate = no_fallocate;
    old_rename = no_renameat2;
}

static bool fails(void)
{
    bool now = countdown > 0 && atomic_fetch_sub(&countdown, 1) == 1;
    if (!now && !(failed && fail_forever))
        return false;
    failed = true;
    errno = fail_error;
    return true;
}

ssize_t write(int fd, const void *buf, size_t len)
{
    return fd > 2 && fails() ? -1 : syscall(SYS_write, fd, buf, len);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    return fails() ? -1 : syscall(SYS_pwrite64, fd, buf, len, offset);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return fd > 2 && fails() ? -1 : syscall(SYS_writev, fd, iov, count);
}

int fsync(int fd)
{
    return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t len)
{
    return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (old_fallocate) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails() ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails() ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    if (old_rename) {
        errno = EINVAL;
        return -1;
    }
    return fails() ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}
