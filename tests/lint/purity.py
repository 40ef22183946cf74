#!/usr/bin/env python3
"""purity.py - the symbols that pure objects call, against an allow list: no clock, socket, file, thread, randomness.

Pure is every file of base, overlay, storage, transport and sim that is not named os_, uv_ or lmdb_. Reads the objects of a
plain build (preset dev), which sanitizers have not touched."""
import re

from _lint import finish, is_system, must_accept, must_refuse, objects, output_of

PURE_FOLDERS = ["base", "overlay", "storage", "transport", "sim"]
EVERYWHERE = r"""gn_\w+|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail
    |mem(cpy|move|set|cmp|chr|rchr|mem)|bcmp|str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|pbrk|str)|__mem\w+_chk
    |v?snprintf|__v?snprintf_chk|qsort|bsearch|[hn]to[hn][sl]"""
LIBRARIES = {
    "base": r"crypto_\w+|sodium_\w+",
    "overlay": r"msgpack_\w+",
    "storage": r"nettle_\w+|_nettle_\w+",
    "transport": r"crypto_\w+|sodium_\w+|ngtcp2_\w+|gnutls_\w+|nettle_\w+|llhttp_\w+",
    "sim": r"gn_\w+",
}
# Randomness and clocks behind a library's name.
NEVER = r"randombytes\w*|gnutls_rnd\w*|crypto_\w*(?<!seed)_keypair|crypto_\w+_keygen|\w*gettimeofday|\w*_time_now"
# The one place for each of these.
BY_FILE = {
    "base/alloc.c": r"calloc|realloc|free|malloc",
    "overlay/sodium_crypto.c": r"crypto_\w+|sodium_\w+",
}


def problems_of(path, symbols):
    allowed = "|".join([EVERYWHERE, LIBRARIES[path.split("/")[0]], BY_FILE.get(path, r"gn_")])
    return [f"{path}: uses {name}" for name in symbols
            if re.fullmatch(NEVER, name) or not re.fullmatch(allowed, name, re.X)]


must_refuse(problems_of("overlay/x.c", ["clock_gettime"]), "a clock in the overlay")
must_refuse(problems_of("transport/x.c", ["sendmsg"]), "a socket call")
must_refuse(problems_of("base/x.c", ["randombytes_buf"]), "randomness through libsodium")
must_refuse(problems_of("base/x.c", ["crypto_sign_keypair"]), "a random key pair")
must_refuse(problems_of("overlay/x.c", ["malloc"]), "an allocation past struct gn_alloc")
must_refuse(problems_of("storage/x.c", ["getenv"]), "the environment")
must_refuse(problems_of("overlay/x.c", ["crypto_sign_detached"]), "libsodium past struct gn_crypto")
must_refuse(problems_of("sim/x.c", ["time"]), "a clock in the simulator")
must_accept(problems_of("base/x.c", ["memcpy", "gn_id_eq", "crypto_generichash", "crypto_sign_seed_keypair"]), "purity")

problems, checked = [], 0
for source, obj in objects(PURE_FOLDERS):
    if not is_system(source):
        checked += 1
        symbols = [line.split()[-1].split("@")[0] for line in output_of("nm", "-u", obj).splitlines()]
        problems += problems_of(source.as_posix(), symbols)
finish(problems, checked, "pure objects")
