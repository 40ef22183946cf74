"""_lint.py - what the lint tests share: which files are ours, how problems are told, how a rule shows it can fail."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GN_BUILD_DIR", ROOT / "build" / "dev"))
FOLDERS = ["base", "overlay", "storage", "transport", "rpc", "node", "sim"]
SYSTEM_FILE = re.compile(r"^(os|uv|lmdb)_")
SKIPPED = 77


def files(suffixes, folders=FOLDERS):
    """Our files with one of the suffixes, as paths from the root, sorted."""
    found = []
    for folder in folders:
        found += [p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(found)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def is_system(path):
    return SYSTEM_FILE.match(pathlib.Path(path).name) is not None


def code_only(source):
    """The source with comments and string contents blanked, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, source, flags=re.S)


def must_refuse(problems, what):
    """A rule that finds nothing in a bad example does not work: stop at once."""
    if not problems:
        sys.exit(f"self-check failed: the rule accepts {what}")


def must_accept(problems, what):
    if problems:
        sys.exit(f"self-check failed: the rule refuses {what}: {problems[0]}")


def finish(problems, checked, what):
    for problem in problems:
        print(problem)
    print(f"{checked} {what} checked, {len(problems)} problems")
    if checked == 0:
        sys.exit("nothing was checked")
    sys.exit(1 if problems else 0)


def skip(why):
    line = "*" * 100
    print(f"{line}\nSKIPPED: {why}\n{line}")
    sys.exit(SKIPPED)


def objects(folders=FOLDERS):
    """(source path from the root, object file) of what the build has compiled for the folder libraries."""
    pairs = []
    for folder in folders:
        top = BUILD / "CMakeFiles" / f"gn_{folder}.dir"
        for obj in top.rglob("*.c.o"):
            source = obj.relative_to(top).as_posix()[:-2]
            if (ROOT / source).exists():
                pairs.append((pathlib.PurePosixPath(source), obj))
    return sorted(pairs)


def output_of(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout
