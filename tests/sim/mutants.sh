#!/bin/bash
# mutants.sh - the simulator with one line of the overlay broken: an invariant must notice, and must not without.
set -euo pipefail
command -v gcc >/dev/null || { echo "gcc is missing"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$GN_SOURCE_DIR"
msgpack=msgpackc # Debian 13 has another name
! pkg-config --exists msgpack-c || msgpack=msgpack-c
mapfile -t sources < <(find base overlay sim -name '*.c' ! -name 'sodium_crypto.c' ! -name 'os_[!c]*' ! -name 'os_clock.c'
    ls storage/mem_store.c storage/store*.c storage/avl.c)
compile() { gcc -O1 -std=c11 -D_GNU_SOURCE -I. -w -c -o "$@"; }
for source in "${sources[@]}" tests/sim/hash_main.c; do
    compile "$folder/${source//\//_}.o" "$source"
done

# run NAME REPLACED-SOURCE...: links the program with these files from $folder instead of the originals, and runs it.
run() {
    local program=$folder/$1 objects=("$folder"/*.o) source
    shift
    for source in "$@"; do
        compile "$folder/mutant-${source//\//_}.obj" "$folder/${source//\//_}"
        objects=("${objects[@]/#"$folder/${source//\//_}.o"/"$folder/mutant-${source//\//_}.obj"}")
    done
    gcc -o "$program" "${objects[@]}" -lsodium "-l$msgpack"
    # shellcheck disable=SC2086 # the arguments are meant to be split
    "$program" $scenario
}

# mutate SOURCE FROM TO: FROM must be there once.
mutate() {
    [ "$(grep -cF -- "$2" "$1")" = 1 ] || { echo "$1: the line to break is not there once: $2"; exit 1; }
    python3 -c 'import sys; path, a, b, out = sys.argv[1:]; open(out, "w").write(open(path).read().replace(a, b))' \
        "$1" "$2" "$3" "$folder/${1//\//_}"
}

# expect NAME INVARIANT RESULT
expect() {
    echo "$1: $3"
    case " $3 " in *" $2 "*) ;; *) echo "expected $2"; exit 1 ;; esac
}

for scenario in "lookup 150 1 120" "churn 60 1 300" "kv 60 1 120"; do
    expect "$scenario, nothing broken" "0 -" "$(run whole)"
done

scenario="lookup 150 1 120"
mutate overlay/kad/table.c 'if (cap > cap_max) {' 'if (cap > 4096U) {'
expect "a bucket that forgets its limit" table.sound "$(run bucket overlay/kad/table.c)"

scenario="churn 60 1 300"
mutate overlay/kad/lookup.c 'l->timeouts++;' 'n->state = GN_LOOKUP_SLOW;'
mutate overlay/kad/op.c 'timeout_us ? timeout_us : GN_OP_TIMEOUT_US' 'GN_HOURS(1)'
expect "a lookup that never gives up" op.ends "$(run lookup overlay/kad/lookup.c overlay/kad/op.c)"

scenario="kv 60 1 120"
mutate overlay/kad/op_put.c 'gn_op_store_begin(k, op);' 'op->stored = 1; gn_op_done(k, op, GN_OK);'
expect "a put that acknowledges before it stores" value.readable "$(run put overlay/kad/op_put.c)"
