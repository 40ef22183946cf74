#!/usr/bin/env bash
# tests/bench/file.sh - one file between two nodes against nginx+curl (https) and scp, in the same run, on tmpfs.
# ./dev bench file [--json] [MIB] [RUNS]
# apt: nginx-light curl openssh-server openssh-client openssl python3
set -euo pipefail
exec python3 tests/bench/file.py "$@"
