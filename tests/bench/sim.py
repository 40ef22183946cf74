#!/usr/bin/env python3
"""sim.py [--json] [NODES...] - how fast `ghostnet sim run lookup` is, and how much memory a node takes.

The figures for PeerSim 1.0.5 (Kademlia, 1,000 nodes, 10,000 lookups in a virtual hour: 65,200 events/s, 25.5 kB a node)
were measured once on the same kind of machine and are not measured again here."""
import json
import os
import subprocess
import sys

VIRTUAL = {100: "1h", 1000: "20m", 10000: "2m", 100000: "1m"}


def run(nodes):
    out = subprocess.run([os.environ["GN_PROGRAM"], "-q", "--json", "sim", "run", "lookup", "--nodes", str(nodes),
                          "--duration", VIRTUAL.get(nodes, "1m")], stdout=subprocess.PIPE, text=True)
    if not out.stdout:
        sys.exit(f"bench: the run with {nodes} nodes ended with {out.returncode}")
    return json.loads(out.stdout)


as_json = "--json" in sys.argv[1:]
sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or [100, 1000]
if not as_json:
    print(f"{'nodes':>8} {'events/s':>12} {'x real time':>12} {'bytes/node':>12}")
for nodes in sizes:
    doc = run(nodes)
    rows = [("events", round(doc["events_per_s"]), "1/s"),
            ("speed", round(doc["virtual_s"] / doc["wall_s"], 1), "x real time"),
            ("memory", doc["bytes_per_node"], "bytes/node")]
    if as_json:
        for metric, value, unit in rows:
            print(json.dumps({"bench": "sim", "system": "ghostnet", "metric": f"{metric}_{nodes}", "value": value,
                              "unit": unit}))
    else:
        print(f"{nodes:8} " + " ".join(f"{value:12}" for _, value, _ in rows), flush=True)
