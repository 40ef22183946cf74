"""idle.py - what an idle node costs: 51 processes, memory of the largest, CPU and packets over 20 s."""
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
    swarm.start(51)
    for node in swarm.nodes:
        libswarm.wait_for("50 peers", lambda: node.json("GET", "/v1/node")["peers"] >= 50, 60)
    known = time.monotonic() - began
    time.sleep(5)
    pids = [n.process.pid for n in swarm.nodes]
    before = [cpu(p) for p in pids], [packets(n) for n in swarm.nodes]
    time.sleep(SECONDS)
    used = [(cpu(p) - b) / SECONDS * 100 for p, b in zip(pids, before[0])]
    sent = [(packets(n) - b) / SECONDS for n, b in zip(swarm.nodes, before[1])]
    rows = [
        ("rss_median", statistics.median(status(p, "VmRSS") for p in pids), "MB"),
        ("rss_max", max(status(p, "VmRSS") for p in pids), "MB"),
        ("pss_median", statistics.median(status(p, "Pss") for p in pids), "MB"),
        ("cpu_median", statistics.median(used), "%"),
        ("packets_per_node", statistics.median(sent), "1/s"),
        ("all_know_all", known, "s"),
    ]
    swarm.drain()
for metric, value, unit in rows:
    if AS_JSON:
        print(json.dumps({"bench": "idle", "system": "ghostnet", "metric": metric, "value": round(value, 3), "unit": unit}))
    else:
        print(f"{metric:18} {value:9.2f} {unit}")
