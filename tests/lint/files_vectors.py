#!/usr/bin/env python3
"""files_vectors.py - docs/PROTOCOL.md, "Files", written down a second time, checks tests/vectors/files.json.

Only Python's standard library: the tree, content ids, manifests, requests and replies are spelt out here, so that the
vectors are not merely what our C code happens to write. With --write the file is written anew.
"""
import base64
import hashlib
import json
import pathlib
import sys

FILE = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "files.json"
LEAF = 16384
ALL, HAS_PROOF = 1, 2


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaves_of(data):
    return [sha(data[i:i + LEAF]) for i in range(0, len(data), LEAF)]


def root_of(leaves, level=0):
    if not leaves:
        return bytes(32)
    nodes, pad = list(leaves), bytes(32)
    while len(nodes) > 1:
        if len(nodes) % 2:
            nodes.append(pad)
        nodes = [sha(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
        pad = sha(pad, pad)
    return nodes[0]


def content_id(length, root):
    return hashlib.blake2b(b"ghostnet/1 file" + length.to_bytes(8, "big") + root, digest_size=32).digest()


def text(content):
    return base64.b32encode(content).decode().lower().rstrip("=")


def request(op, content, first=0, count=0, flags=0):
    return bytes([1, op, flags, 0]) + content + first.to_bytes(4, "big") + count.to_bytes(4, "big")


def reply(op, status, flags, body):
    return bytes([1, op, status, flags]) + len(body).to_bytes(4, "big") + body


def entry(kind, path, data=None):
    head = bytes([kind]) + len(path).to_bytes(2, "big") + path
    return head if data is None else head + len(data).to_bytes(8, "big") + root_of(leaves_of(data))


def vectors():
    out = {"files": [], "messages": [], "manifests": [], "links": []}
    pattern = bytes(i % 251 for i in range(2 * LEAF + 1))
    for name, data in (("empty", b""), ("one byte", b"\0"), ("a leaf", pattern[:LEAF]), ("a leaf and a byte", pattern[:LEAF + 1]),
                       ("two leaves and a byte", pattern)):
        root = root_of(leaves_of(data))
        out["files"].append({"name": name, "length": len(data), "root": root.hex(), "id": text(content_id(len(data), root))})
    leaves = leaves_of(pattern)
    content = content_id(len(pattern), root_of(leaves))
    info = len(pattern).to_bytes(8, "big") + root_of(leaves)
    proof = bytes([0]) + len(leaves).to_bytes(2, "big") + b"".join(leaves)
    message = lambda name, b: out["messages"].append({"name": name, "bytes": b.hex()})
    message("ask INFO", request(1, content))
    message("ask leaves 0 to 2", request(2, content, 0, 3, 1))
    message("ask leaf 260 without a proof", request(2, content, 260, 1))
    message("INFO, all of it is here", reply(1, 0, ALL, info))
    message("INFO, range 0 of 9 and range 8 are here", reply(1, 0, 0, (9 << 22).to_bytes(8, "big") + bytes(32) + b"\x80\x80"))
    message("the beginning of leaf 2 and its proof", reply(2, 0, HAS_PROOF, proof + pattern[2 * LEAF:]))
    message("not here yet", reply(2, 2, 0, b""))
    for name, entries in (("an empty folder", []),
                          ("a folder", [entry(0, b"a/b", b"x"), entry(1, b"a!", b""), entry(2, b"empty"), entry(0, "ä".encode(), pattern)])):
        m = b"GNMF\x01" + len(entries).to_bytes(4, "big") + b"".join(entries)
        out["manifests"].append({"name": name, "bytes": m.hex(), "id": text(content_id(len(m), root_of(leaves_of(m))))})
    out["links"].append({"name": "a file", "link": f"ghost:{text(content)}?name=a%20b.txt&size={len(pattern)}"
                         f"&peer={text(bytes(range(32)))}@[2001:db8::1]:4000"})
    return out


def main():
    want = vectors()
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(want, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    got = json.loads(FILE.read_text(encoding="utf-8"))
    for part, items in want.items():
        for one, other in zip(items, got[part], strict=True):
            if one != other:
                raise SystemExit(f"files.json: {part}: {one['name']} does not hold")
    print(f"{sum(len(v) for v in want.values())} vectors hold")


if __name__ == "__main__":
    main()
