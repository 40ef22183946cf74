#!/usr/bin/env bash
# tests/bench/sim.sh - the simulator: events a second, times real time, bytes a node. ./dev bench sim [--json] [NODES...]
# apt: python3
set -euo pipefail
exec python3 tests/bench/sim.py "$@"
