#!/usr/bin/env python3
"""headers.py - each header compiles alone, begins with its path, says Life, Threads and Purity, has the right guard."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile

from _lint import BUILD, ROOT, files, finish, is_system, must_accept, must_refuse, text


def form_problems(path, source):
    problems = []
    if not source.startswith(f"/* {path} - "):
        problems.append(f"{path}:1: begins with '/* {path} - ' and one sentence")
    comment = source.split("*/")[0]
    problems += [f"{path}:1: the first comment says '{word}:'" for word in ("Life", "Threads", "Purity")
                 if not re.search(rf"\b{word}\b[\w, ]*:", comment, re.I)]
    parts = re.sub(r"\W", "_", path).upper()
    guards = {f"GN_{parts}", "GN_" + re.sub(r"\W", "_", "/".join(path.split("/")[-2:])).upper()}
    match = re.search(r"^#ifndef (\w+)\n#define (\w+)$", source, re.M)
    if not match or match.group(1) not in guards or match.group(2) != match.group(1):
        problems.append(f"{path}: the include guard is GN_{parts}")
    return problems


def include_options():
    """The folders of other people's headers, as the build found them."""
    database = BUILD / "compile_commands.json"
    found = set()
    if database.exists():
        for entry in json.loads(database.read_text()):
            found |= set(re.findall(r"-(?:isystem|I)\s*(\S+)", entry["command"]))
    return [option for folder in sorted(found) for option in ("-isystem", folder)]


def compile_problems(path, options):
    gnu = ["-D_GNU_SOURCE"] if is_system(path) or path.startswith(("node/", "tests/")) else []
    with tempfile.TemporaryDirectory() as folder:
        alone = pathlib.Path(folder) / "alone.c"
        alone.write_text(f'#include "{path}"\n#include "{path}"\nextern int gn_lint_unused;\n')
        run = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I",
                              ROOT, *options, *gnu, alone], stderr=subprocess.PIPE, text=True)
    return [] if run.returncode == 0 else [f"{path}: does not compile alone:\n{run.stderr[:600]}"]


good = "/* base/x.h - one sentence.\n * Life: . Threads: . Purity: .\n */\n#ifndef GN_BASE_X_H\n#define GN_BASE_X_H\n#endif\n"
must_accept(form_problems("base/x.h", good), "a good header")
must_refuse(form_problems("base/y.h", good), "a header with another path and guard")
must_refuse(form_problems("base/x.h", good.replace("Threads", "")), "a header that says nothing of threads")
must_refuse(compile_problems("tests/lint/fixtures/not_alone.h", []), "a header that needs another before it")

paths = [p.as_posix() for p in files({".h"}) + files({".h"}, ["tests/support", "examples"])]
problems = [problem for path in paths for problem in form_problems(path, text(path))]
options = include_options()
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for found in pool.map(lambda path: compile_problems(path, options), paths):
        problems += found
finish(problems, len(paths), "headers")
