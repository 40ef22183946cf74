#!/usr/bin/env python3
"""sim_tables.py - what the simulator shows about the DHT, against what others have published: a line per row.

Columns: name, figure, target, pass or fail. Exit 1 when a row fails. Speeds depend on the machine; the rest does not."""
import json
import os
import subprocess
import sys


def run(scenario, *options):
    out = subprocess.run([os.environ["GN_PROGRAM"], "-q", "--json", "sim", "run", scenario, *options],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not out.stdout:
        sys.exit(f"sim-tables: {scenario} ended with {out.returncode} and no report")
    return json.loads(out.stdout)


def right(doc):
    return 100.0 * doc["lookups"]["succeeded"] / max(doc["lookups"]["judged"], 1)


failed = 0


def row(name, figure, unit, target, holds):
    global failed
    failed += not holds
    print(f"{name:58} {figure:>12} {unit:12} {target:>14}  {'pass' if holds else 'fail'}", flush=True)


def at_least(name, value, unit, target):
    row(name, f"{value:.2f}", unit, f">= {target:g}", value >= target)


def at_most(name, value, unit, target):
    row(name, f"{value:.2f}", unit, f"<= {target:g}", value <= target)


hour = run("lookup", "--nodes", "1000", "--duration", "1h")
at_least("no churn, 1,000 nodes: lookups right (Kademlia)", right(hour), "%", 99.9)
at_most("no churn, 1,000 nodes: hops to the nearest node", hour["lookups"]["mean_hops"], "", 2)
at_least("1,000 nodes: speed", hour["virtual_s"] / hour["wall_s"], "x real time", 500)
at_least("10,000 lookups, 1,000 nodes: events, 20 x PeerSim", hour["events_per_s"], "1/s", 20 * 65200)
at_most("10,000 lookups, 1,000 nodes: memory, 1/5 of PeerSim", hour["bytes_per_node"], "bytes/node", 25500 / 5)
big = run("lookup", "--nodes", "10000", "--duration", "2m")
at_least("no churn, 10,000 nodes: lookups right (Kademlia)", right(big), "%", 99.9)
at_most("no churn, 10,000 nodes, 217 cities: lookup p50", big["lookups"]["p50_ms"], "ms", 600)
at_least("10,000 nodes: speed", big["virtual_s"] / big["wall_s"], "x real time", 40)
bamboo = run("bamboo", "--nodes", "1000", "--duration", "10m")
at_least("sessions of median 1.4 min, 1,000 nodes: lookups right (Bamboo)", right(bamboo), "%", 99)
at_most("sessions of median 1.4 min, 1,000 nodes: traffic (Bamboo)", bamboo["traffic_bytes_per_node_s"], "B/s/node", 900)
kv = run("kv")
at_most("30 % of 500 nodes crash: acknowledged values lost", kv["values"]["lost"], "values", 0)
for name in ("crash", "partition"):
    doc = run(name, "--nodes", "300")
    at_most(f"{name}, 300 nodes: invariants violated", doc["invariants"]["violated"], "", 0)
sys.exit(1 if failed else 0)
