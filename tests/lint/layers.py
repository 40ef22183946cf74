#!/usr/bin/env python3
"""layers.py - who may include whom, and no circle of includes.

Also: only os_, uv_ and lmdb_ files (and node) include headers of the system, libuv or LMDB."""
import re

from _lint import FOLDERS, ROOT, files, finish, is_system, must_accept, must_refuse, text

MAY = {
    "base": {"base"},
    "overlay": {"base", "overlay"},
    "storage": {"base", "storage"},
    "transport": {"base", "transport"},
    "rpc": {"base", "transport", "rpc"},
    "node": {"base", "overlay", "storage", "transport", "rpc", "node"},
    "sim": {"base", "overlay", "storage", "transport", "sim"},
}
MAIN = {"sim"}  # node/main*.c are the program: they join the node and the simulator
ISO_C = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
         "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
# Libraries that compute and touch nothing outside; what they do when called is the business of purity.py.
LIBRARIES = {
    "base": r"sodium\.h|sodium/.*",
    "overlay": r"msgpack\.h|msgpack/.*",
    "overlay/sodium_crypto.c": r"sodium\.h",
    "storage": r"nettle/.*",
    # the socket headers are there for the address types in ngtcp2's interface
    "transport": r"sodium\.h|ngtcp2/.*|gnutls/.*|nettle/.*|llhttp\.h|sys/types\.h|sys/socket\.h|netinet/in\.h",
    "rpc": r"jansson\.h",
    "node": r".*",
    "sim": r"",
}


def includes(source):
    for number, line in enumerate(source.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def layer_problems(path, source, exists=lambda p: True):
    folder = path.split("/")[0]
    problems = []
    for number, kind, name in includes(source):
        where = f"{path}:{number}: "
        if kind == "<":
            allowed = name in ISO_C or is_system(path) or re.fullmatch(LIBRARIES.get(path, LIBRARIES[folder]), name)
            if not allowed:
                problems.append(f"{where}<{name}> belongs into a file named os_, uv_ or lmdb_, or another folder")
        elif name.split("/")[0] not in FOLDERS or not exists(name):
            problems.append(f'{where}"{name}" is not a path from the root')
        elif name.split("/")[0] not in MAY[folder] | (MAIN if re.match(r"node/main\w*\.[ch]$", path) else set()):
            problems.append(f"{where}{folder} must not include {name}")
        elif folder == "sim" and name.startswith("transport/") and is_system(name):
            problems.append(f"{where}sim may include only the pure files of transport")
    return problems


def circles(graph):
    """Each circle of modules once, as a text."""
    found, state = [], {}

    def visit(node, path):
        state[node] = "open"
        for other in sorted(graph.get(node, ())):
            if state.get(other) == "open":
                found.append("circle: " + " -> ".join(path[path.index(other):] + [other]))
            elif other not in state:
                visit(other, path + [other])
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node, [node])
    return found


def file_graph(sources):
    return {path: {name for _, kind, name in includes(source) if kind == '"'} for path, source in sources.items()}


must_refuse(layer_problems("base/x.c", '#include "overlay/y.h"\n'), "base including overlay")
must_refuse(layer_problems("overlay/x.c", '#include "storage/y.h"\n'), "overlay including storage")
must_refuse(layer_problems("overlay/x.c", "#include <time.h>\n"), "a clock in the overlay")
must_refuse(layer_problems("transport/x.c", "#include <uv.h>\n"), "libuv outside of uv_ files")
must_refuse(layer_problems("base/x.c", '#include "y.h"\n'), "a path that is not from the root")
must_refuse(layer_problems("node/cli/x.c", '#include "sim/sim.h"\n'), "a node that knows the simulator")
must_refuse(layer_problems("sim/x.c", '#include "node/node.h"\n'), "a simulator that knows the node")
must_accept(layer_problems("node/main_sim.c", '#include "sim/sim.h"\n'), "the program")
must_accept(layer_problems("transport/uv_x.c", '#include <uv.h>\n#include "base/err.h"\n'), "libuv in a uv_ file")
must_refuse(circles(file_graph({"a/x.h": '#include "a/y.h"', "a/y.h": '#include "a/x.h"'})), "a circle of headers")
must_accept(circles(file_graph({"a/x.c": '#include "a/x.h"', "a/y.h": '#include "a/x.h"'})), "no circle")

everything = {p.as_posix(): text(p) for p in files({".c", ".h"})}
problems = []
for path, source in everything.items():
    problems += layer_problems(path, source, lambda name: (ROOT / name).is_file())
finish(problems + circles(file_graph(everything)), len(everything), "files")
