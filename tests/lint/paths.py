#!/usr/bin/env python3
"""paths.py - no path of somebody's machine in any text file of the repository (/home/me, /home/alice and the like are nobody's)."""
import re
import subprocess

from _lint import ROOT, finish, must_accept, must_refuse

MACHINE = re.compile(r"(?<![\w.$}-])/(work|home/(?!(?:me|you|someone|alice|bob)/)\w+|Users/\w+|root)/")


def problems_in(path, source):
    return [f"{path}:{number}: a path of a machine: {line.strip()[:100]}"
            for number, line in enumerate(source.splitlines(), 1) if MACHINE.search(line)]


must_refuse(problems_in("x", "see /ho" "me/jsmith/ghostnet"), "a home folder")
must_refuse(problems_in("x", "cd /wo" "rk/x"), "a work folder")
must_accept(problems_in("x", "https://example.org/~alice/work/x and build/work/x"), "other paths")

SKIP = {".git", "build", "__pycache__"}
problems, checked = [], 0
listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
if listed.returncode == 0 and listed.stdout:
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
else:  # an archive without git
    paths = [p for p in ROOT.rglob("*") if not SKIP & set(p.relative_to(ROOT).parts)]
for path in sorted(paths):
    if path.is_file():
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        checked += 1
        problems += problems_in(path.relative_to(ROOT), source)
finish(problems, checked, "files")
