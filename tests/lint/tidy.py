#!/usr/bin/env python3
"""tidy.py [PATH...] - clang-tidy 14 over our folders, in parallel; files that passed are not checked again.

A file that passed is remembered in BUILD/tidy-cache under the hash of everything that could change the answer: the file,
all our headers that it reaches, its compile command and .clang-tidy. The work per file is written beside it."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from _lint import BUILD, FOLDERS, ROOT, finish, must_refuse, output_of, skip, text

if shutil.which("clang-tidy") is None:
    skip("clang-tidy is not installed, so our files are not checked by it")
version = int(re.search(r"version (\d+)", output_of("clang-tidy", "--version")).group(1))
if version != 14:
    skip(f"this is clang-tidy {version}; our checks are chosen for version 14 (Debian 12), so none runs here")

CACHE = BUILD / "tidy-cache"
SELF = pathlib.Path(__file__).read_bytes()


def reached(path, seen):
    """The file and all our headers that it includes, in order."""
    if path in seen or not (ROOT / path).is_file():
        return
    seen.append(path)
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text(path), re.M):
        reached(name, seen)


def fingerprint(path, command):
    digest = hashlib.sha256(SELF + (ROOT / ".clang-tidy").read_bytes() + command.encode())
    seen = []
    reached(path, seen)
    for name in seen:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def is_constant_product(finding):
    """A widening of a constant such as MAX (64U * 1024U): the compiler would tell if it overflowed."""
    match = re.match(r"(\S+?):(\d+):(\d+): .*implicit-widening-of-multiplication", finding)
    if not match:
        return False
    line = text(match.group(1)).splitlines()[int(match.group(2)) - 1]
    return re.match(r"(\w+ \+ )?[A-Z][A-Z0-9_]*\b(?!\s*\()|[A-Z][A-Z0-9_]*\(\d+\)", line[int(match.group(3)) - 1:]) is not None


def tidy(path, options):
    run = subprocess.run(["clang-tidy", "--quiet", str(path), *options], cwd=ROOT, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    lines = []
    for line in run.stdout.splitlines():
        if re.search(r": (error|warning): ", line):
            lines.append(line.replace(f"{ROOT}/", ""))
        elif lines and "(threshold" in line:  # says which limit of a function's size it was
            lines[-1] += line.split("note:")[1]
    lines, some = [line for line in lines if not is_constant_product(line)], bool(lines)
    if run.returncode != 0 and not some:
        lines = [f"{path}: clang-tidy failed: {run.stderr.strip()[-300:]}"]
    return lines


def check(entry):
    path = pathlib.Path(entry["file"]).relative_to(ROOT).as_posix()
    known = CACHE / fingerprint(path, entry["command"])
    if known.exists():
        return []
    problems = tidy(path, ["-p", str(BUILD)])
    if not problems:
        known.touch()
    return problems


must_refuse(tidy("tests/lint/fixtures/untidy.c", ["--", "-std=c11"]), "an untidy file")

CACHE.mkdir(parents=True, exist_ok=True)
entries = {}
for entry in json.loads((BUILD / "compile_commands.json").read_text()):
    try:
        path = pathlib.Path(entry["file"]).relative_to(ROOT)
    except ValueError:
        continue  # not ours
    chosen = not sys.argv[1:] or any(path.as_posix().startswith(arg) for arg in sys.argv[1:])
    if path.parts[0] in FOLDERS and (ROOT / path).exists() and chosen:
        entries[path] = entry
with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("GN_JOBS", os.cpu_count()))) as pool:
    found = list(pool.map(check, entries.values()))
finish(sorted({problem for problems in found for problem in problems}), len(entries), "files")
