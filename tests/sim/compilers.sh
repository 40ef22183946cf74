#!/bin/bash
# compilers.sh - the same seed gives the same run under gcc and clang, with and without optimisation and slow checks.
set -euo pipefail
command -v gcc >/dev/null && command -v clang >/dev/null || { echo "gcc or clang is missing"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$GN_SOURCE_DIR"
mapfile -t sources < <(find base overlay sim -name '*.c' ! -name 'sodium_crypto.c' ! -name 'os_[!c]*' ! -name 'os_clock.c'
    ls storage/mem_store.c storage/store*.c storage/avl.c)
msgpack=msgpackc # Debian 13 has another name
! pkg-config --exists msgpack-c || msgpack=msgpack-c
libraries=(-lsodium "-l$msgpack")

build() {
    local name=$1
    shift
    "$@" -std=c11 -D_GNU_SOURCE -I. -w -o "$folder/$name" tests/sim/hash_main.c "${sources[@]}" "${libraries[@]}"
}
build gcc gcc -O2 -DNDEBUG
build clang clang -O0 -DGN_SLOW_CHECKS

for run in "churn 40 1 300" "kv 30 2 120" "lookup 50 3 60"; do
    # shellcheck disable=SC2086 # the arguments are meant to be split
    a=$("$folder/gcc" $run) b=$("$folder/clang" $run)
    echo "$run: gcc -O2 $a, clang -O0 $b"
    [ "$a" = "$b" ] || { echo "the runs differ"; exit 1; }
done
