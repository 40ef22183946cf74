/* rpc/guard.h - who may use the API: Host, Origin and bearer token of a request.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_RPC_GUARD_H
#define GN_RPC_GUARD_H

#include <stdbool.h>

#include "base/id.h"
#include "transport/http/exchange.h"

enum gn_guard_verdict {
    GN_GUARD_PASS,
    GN_GUARD_WRONG_HOST,   /* 421: a name that this listener does not go by, as after DNS rebinding */
    GN_GUARD_WRONG_ORIGIN, /* 403: a web page of another site */
    GN_GUARD_NO_TOKEN,     /* 401 */
};

/* Host: from a Unix socket localhost or a loopback address; on TCP the connection's own address, a loopback address or
 * localhost, always with the listener's port. Origin: absent, or http with exactly that host. A machine's name does not
 * count, because names can be made to point here. */
enum gn_guard_verdict gn_guard_check_site(const struct gn_exchange_request *req);
/* Authorization: Bearer with the token whose BLAKE2b-256 is token_hash; compared in constant time. */
enum gn_guard_verdict gn_guard_check_token(const struct gn_exchange_request *req, const struct gn_id *token_hash);

#endif
