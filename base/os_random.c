/* base/os_random.c - getrandom(2). */
#include "base/os_random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum gn_err gn_os_random_fill(void *out, size_t len)
{
    unsigned char *to = (unsigned char *)out;
    size_t at = 0;

    while (at < len) {
        ssize_t n = getrandom(to + at, len - at, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            memset(out, 0, len);
            return GN_E_SYSTEM;
        }
        at += (size_t)n;
    }
    return GN_OK;
}

enum gn_err gn_os_random_seed(struct gn_rng *r)
{
    uint8_t seed[32];
    enum gn_err err = gn_os_random_fill(seed, sizeof seed);

    if (err) {
        return err;
    }
    gn_rng_init(r, seed);
    explicit_bzero(seed, sizeof seed);
    return GN_OK;
}
