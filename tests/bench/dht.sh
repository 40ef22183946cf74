#!/usr/bin/env bash
# tests/bench/dht.sh - ghostnet against OpenDHT: 256 nodes in one process over loopback sockets, in the same run.
# Ours is encrypted and authenticated, OpenDHT's packets are plaintext. ./dev bench dht [--json] [NODES]
# apt: g++ libopendht-dev libmsgpack-dev nettle-dev libgnutls28-dev libargon2-dev libfmt-dev libhttp-parser-dev libjsoncpp-dev iproute2
set -euo pipefail
json=0
nodes=256
for arg in "$@"; do
    case $arg in
    --json) json=1 ;;
    *) nodes=$arg ;;
    esac
done
ulimit -n "$(ulimit -Hn)"
peer=$GN_BUILD_DIR/peer_opendht
if [ ! -x "$peer" ] || [ tests/bench/peer_opendht.cpp -nt "$peer" ]; then
    g++ -std=c++17 -O2 -o "$peer" tests/bench/peer_opendht.cpp -lopendht -lgnutls -lpthread
fi
# A network namespace of its own each: nothing else counts as traffic, and no port is taken.
apart() { unshare -Urn sh -c 'ip link set lo up && exec "$@"' sh "$@"; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for turn in 1 2 3; do
    apart "$GN_BUILD_DIR/bench_dht" "$nodes" 2 >>"$out"
    [ "$turn" -gt 1 ] || apart "$peer" "$nodes" >>"$out"
done
if [ $json = 1 ]; then
    cat "$out"
    exit
fi
python3 - "$out" "$nodes" <<'PY'
import json, statistics, sys
rows = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    rows.setdefault((row["metric"], row["unit"]), {}).setdefault(row["system"], []).append(row["value"])
print(f"{sys.argv[2]} nodes, 512-byte values; median of the runs")
print(f"{'metric':24} {'unit':8} {'ghostnet':>10} {'opendht':>10} {'ratio':>7}")
for (metric, unit), systems in rows.items():
    a, b = (statistics.median(systems[s]) if s in systems else None for s in ("ghostnet", "opendht"))
    ratio = f"{a / b:7.2f}" if a is not None and b else ""
    show = lambda v: f"{v:10.2f}" if v is not None else " " * 10
    print(f"{metric:24} {unit:8} {show(a)} {show(b)} {ratio}")
PY
