"""A swarm of real processes on loopback: all join, values are stored and found, nodes die and values survive."""
import os
import random
import time

from libswarm import SANITIZED, Swarm, check, main, wait_for

NODES = 12 if SANITIZED else 50
VALUES = 100 if SANITIZED else 1000
KILLED = NODES * 2 // 5


def everybody_joins_stores_finds_and_survives_kills():
    rng = random.Random(7)
    with Swarm() as swarm:
        began = time.monotonic()
        swarm.start(NODES)
        for node in swarm.nodes:
            wait_for("peers", lambda: node.json("GET", "/v1/node")["peers"] >= min(8, NODES - 1))
        joined = time.monotonic() - began
        check(joined < 10 or SANITIZED, f"joining took {joined:.1f} s")

        keys = {}
        began = time.monotonic()
        for i in range(VALUES):
            value = rng.randbytes(rng.choice((8, 100, 512, 1000)))
            stored = rng.choice(swarm.nodes).put(value)
            check(stored["replicas"] >= 8, f"only {stored['replicas']} replicas")
            keys[stored["key"]] = value
        put_s = time.monotonic() - began
        began = time.monotonic()
        missing = sum(rng.choice(swarm.nodes).get(key) != value for key, value in keys.items())
        get_s = time.monotonic() - began
        check(missing == 0, f"{missing} of {len(keys)} values missing")

        for node in rng.sample(swarm.nodes, KILLED):
            node.kill()
        alive = swarm.running
        check(len(alive) == NODES - KILLED, "a node died by itself")
        missing = sum(rng.choice(alive).get(key) != value for key, value in keys.items())
        check(missing <= len(keys) // 100, f"{missing} of {len(keys)} values missing after {KILLED} nodes were killed")
        rss = max(node.rss_kb() for node in alive)
        swarm.drain()
        return (f"{NODES} joined in {joined:.1f} s; {len(keys)} puts {put_s:.1f} s, gets {get_s:.1f} s, none missing; "
                f"{KILLED} killed: {missing} missing; largest RSS {rss} kB")


main(everybody_joins_stores_finds_and_survives_kills)
