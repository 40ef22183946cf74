#!/usr/bin/env python3
"""format.py - clang-format 14 would change nothing (`./dev format` applies it)."""
import re
import shutil
import subprocess

from _lint import ROOT, files, finish, must_refuse, output_of, skip

if shutil.which("clang-format") is None:
    skip("clang-format is not installed, so the format of our files is not checked")
version = int(re.search(r"version (\d+)", output_of("clang-format", "--version")).group(1))
if version != 14:
    skip(f"this is clang-format {version}; our format is the one of version 14 (Debian 12), so it is not checked here")


def problems_in(paths):
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    return re.findall(r"^(\S+?:\d+):\d+: error: ", run.stderr, re.M)


def summary(lines):
    by_file = {}
    for line in lines:
        path, number = line.rsplit(":", 1)
        by_file.setdefault(path, []).append(number)
    return [f"{path}: clang-format would change line {', '.join(numbers[:8])}" for path, numbers in by_file.items()]


must_refuse(problems_in(["tests/lint/fixtures/badly_formatted.c"]), "a badly formatted file")

everywhere = ["base", "overlay", "storage", "transport", "rpc", "node", "sim", "tests", "examples"]
paths = [p for p in files({".c", ".h"}, everywhere) if "fixtures" not in p.parts]
finish(summary(problems_in(paths)), len(paths), "files")
