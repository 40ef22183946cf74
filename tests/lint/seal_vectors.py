#!/usr/bin/env python3
"""seal_vectors.py - docs/PROTOCOL.md, "Sealed datagrams", written down a second time, checks tests/vectors/seal.json.

Only Python's standard library: X25519, Ed25519, XChaCha20-Poly1305 and SipHash are spelt out here, so that the vectors
are not merely what our C code happens to make of libsodium. Slow and not constant-time, which does not matter here.
"""
import hashlib
import json
import pathlib
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def little(data):
    return int.from_bytes(data, "little")


def blake(size, data, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def x25519(secret, public):
    """RFC 7748, section 5."""
    k = little(secret) & ~7 & (2**255 - 1) | 2**254
    x1 = little(public) & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def edwards_add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2 % P
    both = pow(1 - t * t, P - 2, P)
    return ((x1 * y2 + x2 * y1) * both * (1 - t) % P, (y1 * y2 + x1 * x2) * both * (1 + t) % P)


def edwards_times(n, p):
    out = (0, 1)
    while n:
        if n & 1:
            out = edwards_add(out, p)
        p = edwards_add(p, p)
        n >>= 1
    return out


def edwards_point(data):
    y = little(data) & (2**255 - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
    if v * x * x % P != u:
        raise ValueError("not a point")
    return ((P - x if x & 1 != data[31] >> 7 else x), y)


BASE = edwards_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verifies(public, message, signature):
    """RFC 8032, section 5.1.7."""
    h = little(hashlib.sha512(signature[:32] + public + message).digest()) % L
    left = edwards_times(little(signature[32:]), BASE)
    right = edwards_add(edwards_point(signature[:32]), edwards_times(h, edwards_point(public)))
    return little(signature[32:]) < L and left == right


def ed25519_public(seed):
    a = little(hashlib.sha512(seed).digest()[:32]) & ~7 & (2**255 - 1) | 2**254
    x, y = edwards_times(a, BASE)
    return (y | (x & 1) << 255).to_bytes(32, "little")


def words(data):
    return [little(data[i:i + 4]) for i in range(0, len(data), 4)]


def chacha_rounds(s):
    def quarter(a, b, c, d):
        for first, second, turn in ((a, b, 16), (c, d, 12), (a, b, 8), (c, d, 7)):
            s[first] = s[first] + s[second] & 0xffffffff
            third = d if first == a else b
            s[third] = (s[third] ^ s[first]) << turn & 0xffffffff | (s[third] ^ s[first]) >> 32 - turn
    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)


CONSTANTS = words(b"expand 32-byte k")


def chacha_block(key, counter, nonce):
    start = CONSTANTS + words(key) + [counter] + words(nonce)
    s = start[:]
    chacha_rounds(s)
    return b"".join((a + b & 0xffffffff).to_bytes(4, "little") for a, b in zip(s, start))


def hchacha(key, nonce):
    s = CONSTANTS + words(key) + words(nonce)
    chacha_rounds(s)
    return b"".join(w.to_bytes(4, "little") for w in s[:4] + s[12:])


def aead_open(key, nonce, aad, sealed):
    """XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) on RFC 8439."""
    text, tag = sealed[:-16], sealed[-16:]
    subkey, nonce = hchacha(key, nonce[:16]), bytes(4) + nonce[16:]
    once = chacha_block(subkey, 0, nonce)
    r, s, acc = little(once[:16]) & 0x0ffffffc0ffffffc0ffffffc0fffffff, little(once[16:32]), 0
    pad = lambda data: data + bytes(-len(data) % 16)
    mac = pad(aad) + pad(text) + len(aad).to_bytes(8, "little") + len(text).to_bytes(8, "little")
    for i in range(0, len(mac), 16):
        acc = (acc + little(mac[i:i + 16] + b"\x01")) * r % (2**130 - 5)
    if (acc + s) % 2**128 != little(tag):
        raise ValueError("the AEAD does not open")
    stream = b"".join(chacha_block(subkey, 1 + i // 64, nonce) for i in range(0, len(text), 64))
    return bytes(a ^ b for a, b in zip(text, stream))


def siphash(key, data):
    """SipHash-2-4, 64 bits."""
    mask = 2**64 - 1
    k0, k1 = little(key[:8]), little(key[8:])
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
    rot = lambda x, n: x << n & mask | x >> 64 - n

    def rounds(count):
        for _ in range(count):
            v[0] = v[0] + v[1] & mask
            v[1] = rot(v[1], 13) ^ v[0]
            v[0] = rot(v[0], 32)
            v[2] = v[2] + v[3] & mask
            v[3] = rot(v[3], 16) ^ v[2]
            v[0] = v[0] + v[3] & mask
            v[3] = rot(v[3], 21) ^ v[0]
            v[2] = v[2] + v[1] & mask
            v[1] = rot(v[1], 17) ^ v[2]
            v[2] = rot(v[2], 32)

    data += bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for i in range(0, len(data), 8):
        m = little(data[i:i + 8])
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xff
    rounds(4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def check(claims, name, is_so):
    claims.append(name)
    if not is_so:
        sys.exit(f"seal.json: {name}: not so")


def check_query(claims, v, name, token):
    q, k_q = v[name], v["k_q"]
    check(claims, f"{name}: header", q[:54] == b"\x04\x01" + v["answerer_dst_tag"] + token + v["asker_client_key"])
    check(claims, f"{name}: network tag", q[70:78] == siphash(v["net_tag_key"], q[:70]))
    plain = aead_open(k_q, q[54:78], q[:54], q[78:])
    check(claims, f"{name}: plaintext", plain == v[f"{name}_plaintext"])
    body = bytes.fromhex("92cd1234a470696e67")
    check(claims, f"{name}: flags, self, body, padding",
          plain[:33] == b"\x02" + v["asker_id"] and plain[33:65] == v["asker_epoch_key"] and
          plain[137:148] == len(body).to_bytes(2, "big") + body and not any(plain[148:]) and len(q) == 416)
    check_record(claims, v, f"{name}: self", v["asker_id"], plain[33:137])


def check_record(claims, v, name, signer, record):
    check(claims, f"{name}: epoch record", int.from_bytes(record[32:40], "big") == v["wall"] and ed25519_verifies(
        signer, b"ghostnet/1 e" + v["net_id"] + signer + record[:40], record[40:]))


def check_all(v):
    claims = []
    net_id = blake(16, v["network_name"].encode(), blake(32, v["network_secret"].encode()))
    check(claims, "net_id", net_id == v["net_id"])
    check(claims, "net_tag_key", blake(16, b"ghostnet/1 n", net_id) == v["net_tag_key"])
    for who in ("asker", "answerer"):
        check(claims, f"{who}_id", ed25519_public(v[f"{who}_identity_seed"]) == v[f"{who}_id"])
    nine = (9).to_bytes(32, "little")
    check(claims, "asker_client_key", x25519(v["asker_client_secret"], nine) == v["asker_client_key"])
    check(claims, "answerer_epoch_key", x25519(v["answerer_epoch_secret"], nine) == v["answerer_epoch_key"])
    check(claims, "dst_tag", blake(16, v["answerer_epoch_key"])[:4] == v["answerer_dst_tag"])
    for secret, public in (("asker_client_secret", "answerer_epoch_key"),
                           ("answerer_epoch_secret", "asker_client_key")):
        kx = blake(64, x25519(v[secret], v[public]) + v["asker_client_key"] + v["answerer_epoch_key"])
        check(claims, f"crypto_kx by {secret}", kx == v["kx_answerer_to_asker"] + v["kx_asker_to_answerer"])
    label = net_id + v["answerer_id"]
    check(claims, "k_q", blake(32, b"ghostnet/1 q" + label, v["kx_asker_to_answerer"]) == v["k_q"])
    check(claims, "k_r", blake(32, b"ghostnet/1 r" + label, v["kx_answerer_to_asker"]) == v["k_r"])

    probe = v["probe"]
    check(claims, "probe", probe[:22] == b"\x04\x01" + bytes(20) and len(probe) == 416 and
          probe[22:54] == v["asker_client_key"] and probe[70:78] == siphash(v["net_tag_key"], probe[:70]))
    check(claims, "rekey",
          v["rekey"] == b"\x06\x01" + probe[54:62] + v["answerer_id"] + v["answerer_epoch_record"])
    check_record(claims, v, "rekey", v["answerer_id"], v["rekey"][42:])
    check_query(claims, v, "query", bytes(16))
    source = bytes(10) + b"\xff\xff" + bytes([10, 1, 0, 1]) + (4001).to_bytes(2, "big")
    token = blake(16, b"src" + source + v["token_bucket"].to_bytes(8, "big"), v["answerer_token_key"])
    check(claims, "retry", v["retry"] == b"\x07\x01" + v["query"][54:62] + token)
    check_query(claims, v, "query_with_token", token)
    reply = v["reply"]
    check(claims, "reply: header", reply[:10] == b"\x05\x01" + v["query_with_token"][54:62])
    body = bytes.fromhex("92cd1234a4706f6e67")
    plain = aead_open(v["k_r"], reply[10:34], reply[:10], reply[34:])
    check(claims, "reply: plaintext", plain == v["reply_plaintext"] == b"\x01\x06" + source[12:] + token +
          v["answerer_epoch_record"] + len(body).to_bytes(2, "big") + body)
    return claims


def load(path):
    raw = json.loads(path.read_text(encoding="ascii"))
    texts = ("network_name", "network_secret", "asker_address")
    return {k: x if k in texts or isinstance(x, int) else bytes.fromhex(x) for k, x in raw.items()}


def main():
    vectors = load(pathlib.Path(__file__).resolve().parents[1] / "vectors" / "seal.json")
    claims = check_all(vectors)
    # The check can fail: one changed bit in any packet is noticed.
    for name in ("probe", "rekey", "query", "retry", "reply", "answerer_epoch_record"):
        broken = dict(vectors)
        broken[name] = broken[name][:-1] + bytes([broken[name][-1] ^ 1])
        try:
            check_all(broken)
        except (SystemExit, ValueError):
            continue
        if name != "probe":  # the last byte of a probe is random and means nothing
            sys.exit(f"a changed bit of {name} was not noticed")
    print(f"{len(claims)} claims of seal.json hold")


if __name__ == "__main__":
    main()
