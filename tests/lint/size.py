#!/usr/bin/env python3
"""size.py - a file aims at 500 lines at most: longer ones are named, above 700 the test fails."""
from _lint import files, finish, must_accept, must_refuse, text

AIM, LIMIT = 500, 700


def problems_in(path, lines):
    if AIM < lines <= LIMIT:
        print(f"note: {path} has {lines} lines, the aim is {AIM}")
    return [f"{path}: {lines} lines, the limit is {LIMIT}: split it into things"] if lines > LIMIT else []


must_refuse(problems_in("a file of 701 lines", LIMIT + 1), "701 lines")
must_accept(problems_in("a file of 500 lines", AIM), "500 lines")

paths = files({".c", ".h"}, ["base", "overlay", "storage", "transport", "rpc", "node", "sim", "tests", "examples"])
finish([p for path in paths for p in problems_in(path, len(text(path).splitlines()))], len(paths), "files")
