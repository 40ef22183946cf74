/* tests/fuzz/fuzz_demux.c - any first bytes: a kind, a reason, and never a read beyond the datagram. */
#include <stdlib.h>

#include "tests/support/fuzz.h"
#include "transport/udp/demux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum gn_demux_reason why;
    const enum gn_demux_kind kind = gn_demux_classify(&why, data, size);

    if ((kind == GN_DEMUX_DROP) == (why == GN_DEMUX_ACCEPTED)) {
        abort();
    }
    if (kind == GN_DEMUX_QUIC && data[0] < 0x40) {
        abort();
    }
    return 0;
}
