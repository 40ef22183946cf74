#!/usr/bin/env bash
# tests/bench/idle.sh - resident memory, CPU and packets of an idle node that knows 50 peers. ./dev bench idle [--json]
# apt: python3
set -euo pipefail
exec python3 tests/bench/idle.py "$@"
