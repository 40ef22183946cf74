#!/usr/bin/env python3
"""overlay_vectors.py - docs/PROTOCOL.md, "Messages" and "Records", written down a second time, checks overlay.json.

Only Python's standard library, and the Ed25519 of seal_vectors.py: MessagePack, records and messages are spelt out here,
so that the vectors are not merely what our C code happens to write.
"""
import base64
import hashlib
import ipaddress
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from seal_vectors import ed25519_public, ed25519_verifies  # noqa: E402

METHODS = {"PING": 1, "FIND_NODE": 2, "GET": 3, "PUT": 4, "GET_PROVIDERS": 5, "ADD_PROVIDER": 6, "WATCH": 7,
           "PROBE_ME": 8, "PUNCH": 9, "SAMPLE": 10}
STATUSES = ["OK", "NOT_FOUND", "BAD_TOKEN", "REFUSED", "QUOTA", "STALE", "CONFLICT", "TOO_BIG", "MALFORMED", "BUSY",
            "UNSUPPORTED"]
LABELS = {2: b"ghostnet/1 m", 3: b"ghostnet/1 p"}
claims = []


def claim(what, holds):
    if not holds:
        raise SystemExit(f"overlay.json: {what} does not hold")
    claims.append(what)


def pack(v):
    """The shortest MessagePack of None, a number, bytes or a list."""
    if v is None:
        return b"\xc0"
    if isinstance(v, int):
        for limit, head, size in ((128, b"", 1), (256, b"\xcc", 1), (65536, b"\xcd", 2), (2**32, b"\xce", 4)):
            if v < limit:
                return head + v.to_bytes(size, "big")
        return b"\xcf" + v.to_bytes(8, "big")
    if isinstance(v, bytes):
        for limit, head, size in ((256, b"\xc4", 1), (65536, b"\xc5", 2), (2**32, b"\xc6", 4)):
            if len(v) < limit:
                return head + len(v).to_bytes(size, "big") + v
    if isinstance(v, list):
        head = bytes([0x90 + len(v)]) if len(v) < 16 else b"\xdc" + len(v).to_bytes(2, "big")
        return head + b"".join(pack(e) for e in v)
    raise TypeError(v)


def blake(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def wire_address(text):
    host, port = text.rsplit(":", 1)
    return ipaddress.ip_address(host.strip("[]")).packed + int(port).to_bytes(2, "big")


def wire_contact(c):
    return bytes.fromhex(c["id"]) + bytes.fromhex(c["epoch_key"]) + wire_address(c["address"])


def check_record(r, owner):
    h = {k: bytes.fromhex(v) for k, v in r.items() if isinstance(v, str) and k != "name"}
    if r["kind"] == 1:
        fields = [1, 1, r["expiry"], h["value"]]
        target = blake(h["value"])
    elif r["kind"] == 2:
        fields = [2, 1, h["owner"], h["salt"], r["seq"], r["expiry"], r["flags"], h["value"], h["sig"]]
        target = blake(h["owner"] + h["salt"])
    else:
        fields = [3, 1, h["target"], h["node"], [wire_address(a) for a in r["addresses"]], r["expiry"], h["sig"]]
        target = h["target"]
    claim(f"bytes of {r['name']}", pack(fields) == h["bytes"])
    claim(f"target of {r['name']}", target == h["target"])
    if r["kind"] != 1:
        message = LABELS[r["kind"]] + blake(h["bytes"][:-66])
        claim(f"signature of {r['name']}", ed25519_verifies(owner, message, h["sig"]))


def check_query(q):
    h = {k: bytes.fromhex(v) for k, v in q.items() if isinstance(v, str) and k not in ("name", "method")}
    claim(f"number of {q['name']}", METHODS[q["method"]] == q["number"])
    fields = [h["txid"], q["number"], q["flags"], h["target"]]
    if q["method"] == "PING":
        fields += [h["nonce"]] if "nonce" in h else []
    elif q["method"] == "GET":
        fields += [q["kind"]] + ([q["known_seq"]] if "known_seq" in q else [])
    elif q["method"] in ("PUT", "ADD_PROVIDER"):
        fields += [h["token"], h["record"]] + ([q["cas_seq"]] if "cas_seq" in q else [])
    elif q["method"] == "PROBE_ME":
        fields += [h["nonce"], q["hops"]] + ([wire_contact(q["subject"])] if "subject" in q else [])
    claim(f"bytes of {q['name']}", pack(fields) == h["bytes"])


def check_reply(r):
    def family(length):
        return b"".join(c for c in map(wire_contact, r["contacts"]) if len(c) == length) or None
    value = None
    if "value" in r:
        value = bytes.fromhex(r["value"])
    elif "values" in r:
        value = [bytes.fromhex(v["bytes"]) for v in r["values"]]
    token = bytes.fromhex(r["token"]) if "token" in r else None
    claim(f"number of {r['name']}", STATUSES[r["number"]] == r["status"])
    fields = [bytes.fromhex(r["txid"]), r["number"], token, family(70), family(82), value]
    while len(fields) > 4 and fields[-1] is None:
        fields.pop()
    claim(f"bytes of {r['name']}", pack(fields) == bytes.fromhex(r["bytes"]))


def check_all(v):
    claims.clear()
    identity = v["identity"]
    owner = bytes.fromhex(identity["id"])
    claim("id of the identity", ed25519_public(bytes.fromhex(identity["seed"])) == owner)
    claim("text of the id", base64.b32encode(owner).decode().lower().rstrip("=") == identity["text"])
    for r in v["records"]:
        check_record(r, owner)
    for q in v["queries"]:
        check_query(q)
    for r in v["replies"]:
        check_reply(r)
    claim("every method is there", {q["method"] for q in v["queries"]} == set(METHODS) - {"WATCH", "PUNCH", "SAMPLE"})
    claim("every status is there", {r["status"] for r in v["replies"]} == set(STATUSES))
    claim("every kind is there", {r["kind"] for r in v["records"]} == {1, 2, 3})
    claim("16 contacts take 1,153 bytes",
          any(len(r["bytes"]) == 2 * 1153 and len(r["contacts"]) == 16 for r in v["replies"]))


def main():
    text = (pathlib.Path(__file__).parents[1] / "vectors" / "overlay.json").read_text()
    # The check can fail: one changed digit at the end of any encoding is noticed.
    checks = {"records": lambda r: check_record(r, bytes(32)), "queries": check_query, "replies": check_reply}
    for part, check in checks.items():
        for item in json.loads(text)[part]:
            item["bytes"] = item["bytes"][:-1] + format(int(item["bytes"][-1], 16) ^ 1, "x")
            try:
                check(item)
            except SystemExit:
                continue
            sys.exit(f"a changed bit of {item['name']} was not noticed")
    check_all(json.loads(text))
    print(f"{len(claims)} claims of overlay.json hold")


if __name__ == "__main__":
    main()
