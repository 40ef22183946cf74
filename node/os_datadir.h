/* node/os_datadir.h - the data folder: who we are, the lock, the token, and where the rest lies.
 *
 * Life: gn_datadir_open .. gn_datadir_close. Threads: one owner. Purity: touches files.
 *
 *   identity.key  0600  the 32-byte Ed25519 seed, in hex, one line
 *   api.token     0600  the bearer token of the control API, one line
 *   api.sock      0600  the control API's Unix socket
 *   config.ini          settings (optional, the user's)
 *   lock                held with fcntl while a node runs; holds its pid
 *   store/  blobs/      LMDB; trees and downloads of files
 */
#ifndef GN_NODE_OS_DATADIR_H
#define GN_NODE_OS_DATADIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GN_DATADIR_WHY_MAX 512U
#define GN_DATADIR_TOKEN_MAX 65U

struct gn_datadir {
    char path[PATH_MAX]; /* absolute */
    int lock_fd;
    uint8_t seed[32];
    char token[GN_DATADIR_TOKEN_MAX];
};

/* The default folder: $XDG_DATA_HOME/ghostnet, else ~/.local/share/ghostnet. INVALID: neither is set. LIMIT: too long.
 */
GN_MUST_CHECK enum gn_err gn_datadir_default(char path[PATH_MAX]);
/* `name` inside `dir`. LIMIT: too long. */
GN_MUST_CHECK enum gn_err gn_datadir_join(char out[PATH_MAX], const char *dir, const char *name);

/* Makes the folder if it is missing (0700), takes the lock, reads or makes identity and token. On every error `why`
 * says what is wrong and what to do. LOCKED: another node runs on it (its pid is in `why`). CORRUPT: identity.key or
 * api.token is not what it should be, or the folder holds something else's files; nothing is overwritten. PERMISSION:
 * also an identity that others may read. */
GN_MUST_CHECK enum gn_err gn_datadir_open(struct gn_datadir *d, char why[GN_DATADIR_WHY_MAX], const char *path);
/* Does a process hold the lock of this folder? */
bool gn_datadir_is_locked(const char *path);
/* Gives the lock back, wipes the secrets. */
void gn_datadir_close(struct gn_datadir *d);

#endif
