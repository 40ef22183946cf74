#!/usr/bin/env python3
"""banned.py - calls that have a safer form, and things that do not belong into a repository."""
import re

from _lint import code_only, files, finish, must_accept, must_refuse, text

BANNED = {
    "strcpy": "memcpy with a length", "strcat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "strncpy": "memcpy and a terminator", "strncat": "snprintf", "stpcpy": "memcpy", "strtok": "gn_slice functions",
    "atoi": "gn_units or strtoul", "atol": "strtol", "atoll": "strtoll", "rand": "struct gn_rng",
    "srand": "struct gn_rng", "random": "struct gn_rng", "alloca": "an array with a limit", "gets": "fgets",
    "mktemp": "mkstemp", "tmpnam": "mkstemp",
    "system": "posix_spawn", "popen": "posix_spawn",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
TESTS_MAY = {"system", "popen"}  # a test may use the shell
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def problems_in(path, source):
    problems = []
    for number, line in enumerate(code_only(source).splitlines(), 1):
        problems += [f"{path}:{number}: {m.group(1)}: use {BANNED[m.group(1)]}" for m in CALL.finditer(line)
                     if not (str(path).startswith("tests/") and m.group(1) in TESTS_MAY)]
    for number, line in enumerate(source.splitlines(), 1):
        if UNFINISHED.search(line):
            problems.append(f"{path}:{number}: unfinished: {line.strip()}")
    return problems


for call in BANNED:
    must_refuse(problems_in("x.c", f"    {call}(a, b);"), call)
must_refuse(problems_in("x.c", "/* TO" "DO: later */"), "unfinished work")
must_accept(problems_in("x.c", '/* strcpy(a, b) */ f("rand()"); my_rand(); rng->random(1);'), "comments and strings")

paths = files({".c", ".h"}, ["base", "overlay", "storage", "transport", "rpc", "node", "sim", "tests", "examples"])
finish([p for path in paths for p in problems_in(path, text(path))], len(paths), "files")
