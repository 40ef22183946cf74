"""idle.py - what an idle node costs: 64 processes; memory, CPU and packets over 20 s of those that know 50 peers."""
import json
import os
import pathlib
import re
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import libswarm  # noqa: E402

AS_JSON = "--json" in sys.argv
TICK = os.sysconf("SC_CLK_TCK")
SECONDS = 20


def status(pid, name):
    for file in ("status", "smaps_rollup"):
        found = re.search(rf"^{name}:\s+(\d+) kB", open(f"/proc/{pid}/{file}").read(), re.M)
        if found:
            return int(found.group(1)) / 1000
    return 0.0


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:13]) / TICK


def packets(node):
    text = node.ask("GET", "/metrics")[2].decode()
    return sum(float(x) for x in re.findall(r'^ghostnet_udp_packets_total\{.*\} (\S+)$', text, re.M))


with libswarm.Swarm(["--log-level", "warn"]) as swarm:
    began = time.monotonic()
    swarm.start(64)
    rich = libswarm.wait_for(
        "half of the nodes to know 50 peers",
        lambda: (lambda r: len(r) >= 32 and r)([n for n in swarm.nodes if n.json("GET", "/v1/node")["peers"] >= 50]), 120)
    known = time.monotonic() - began
    time.sleep(35)  # the joining is over, and memory that it took was given back
    pids = [n.process.pid for n in rich]
    before = [cpu(p) for p in pids], [packets(n) for n in rich]
    time.sleep(SECONDS)
    used = [(cpu(p) - b) / SECONDS * 100 for p, b in zip(pids, before[0])]
    sent = [(packets(n) - b) / SECONDS for n, b in zip(rich, before[1])]
    rows = [
        ("rss_median", statistics.median(status(p, "VmRSS") for p in pids), "MB"),
        ("rss_max", max(status(p, "VmRSS") for p in pids), "MB"),
        ("pss_median", statistics.median(status(p, "Pss") for p in pids), "MB"),
        ("cpu_median", statistics.median(used), "%"),
        ("packets_per_node", statistics.median(sent), "1/s"),
        ("half_know_50", known, "s"),
    ]
    swarm.drain()
for metric, value, unit in rows:
    if AS_JSON:
        print(json.dumps({"bench": "idle", "system": "ghostnet", "metric": metric, "value": round(value, 3), "unit": unit}))
    else:
        print(f"{metric:18} {value:9.2f} {unit}")
