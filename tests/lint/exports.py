#!/usr/bin/env python3
"""exports.py - a .c file exports only names of its own, libghostnet.so exports only gn_*, and nothing keeps state.

Names of its own: gn_, then the file's name or its leading words (os_, uv_, lmdb_ may be left out) or its folder's
name; or any gn_ name that the header of the same name declares. State: writable variables that outlive a call, which
would keep two nodes from sharing a process."""
import pathlib
import re

from _lint import BUILD, ROOT, SYSTEM_FILE, finish, must_accept, must_refuse, objects, output_of


def own_prefixes(path):
    stem = pathlib.PurePosixPath(path).stem
    prefixes = {folder for folder in pathlib.PurePosixPath(path).parts[:-1]}
    for name in (stem, SYSTEM_FILE.sub("", stem)):
        words = name.split("_")
        prefixes |= {"_".join(words[:n]) for n in range(1, len(words) + 1)}
    return prefixes - {"os", "uv"}


def export_problems(path, symbols, header=""):
    problems = []
    for name in symbols:
        own = any(name == f"gn_{p}" or name.startswith(f"gn_{p}_") for p in own_prefixes(path))
        declared = name.startswith("gn_") and re.search(rf"\b{name}\b", header)
        if not own and not declared:
            problems.append(f"{path}: exports {name}")
    return problems


def state_problems(path, table):
    """`table` is the text of objdump -t. Constant tables of pointers live in .data.rel.ro and are fine."""
    return [f"{path}: keeps state in {line.split()[-1]}" for line in table.splitlines()
            if re.search(r" [lg].{5}O \.(data|bss|tdata|tbss)(\.(?!rel\.ro)\S*)?\s", line) or " *COM*" in line]


must_refuse(export_problems("overlay/kad/table.c", ["gn_lookup_new"]), "another file's name")
must_refuse(export_problems("base/heap.c", ["heap_pop"], "heap_pop"), "a name without gn_")
must_accept(export_problems("base/os_log.c", ["gn_os_log_init", "gn_log_x"]), "a file's own names")
must_accept(export_problems("base/slice.c", ["gn_reader_u8"], "uint8_t gn_reader_u8(void);"), "a declared name")
must_refuse(state_problems("x.c", "0000000000000000 l     O .bss\t0000000000000004 counter"), "a static variable")
must_accept(state_problems("x.c", "0000000000000000 l     O .data.rel.ro.local\t0000000000000004 names"), "a table")

problems, pairs = [], objects()
for source, obj in pairs:
    defined = [line.split()[-1] for line in output_of("nm", "-g", "--defined-only", obj).splitlines()]
    header = (ROOT / source).with_suffix(".h")
    problems += export_problems(source.as_posix(), defined, header.read_text() if header.exists() else "")
    problems += state_problems(source.as_posix(), output_of("objdump", "-t", obj))

library = BUILD / "libghostnet.so"
if library.exists():
    exported = [line.split()[-1] for line in output_of("nm", "-D", "--defined-only", library).splitlines()]
    problems += [f"libghostnet.so exports {name}" for name in exported if not name.startswith("gn_")]
    problems += [] if exported else ["libghostnet.so exports nothing"]
finish(problems, len(pairs), "objects")
