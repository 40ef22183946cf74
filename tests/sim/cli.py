#!/usr/bin/env python3
"""cli.py - ghostnet sim on the command line: the document, repeatability, bad input, memory limit, interruption."""
import json
import os
import signal
import subprocess
import sys
import time

PROGRAM = os.environ["GN_PROGRAM"]
failures = 0


def sim(*arguments):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)


def check(claim, what):
    global failures
    failures += not claim
    print(("ok      " if claim else "FAILED  ") + what)


listed = [json.loads(line) for line in sim("sim", "list", "--json").stdout.splitlines()]
names = [row["scenario"] for row in listed]
check(len(names) == len(set(names)) >= 6, "sim list --json has a document per scenario")
check(all(row["line"] and row["nodes"] >= 20 and row["duration_s"] >= 60 for row in listed), "each says what it is")
text = sim("sim", "list").stdout
check(len(text.splitlines()) == len(names) and all(name in text for name in names), "sim list explains each in a line")

small = ("--nodes", "60", "--duration", "2m", "--seed", "7")
for name in names:
    run = sim("sim", "run", name, "--json", *small)
    check(run.returncode == 0 and run.stderr == "", f"{name}: 60 nodes, no violation, nothing on stderr")
    doc = json.loads(run.stdout)
    members = {"scenario", "seed", "nodes", "virtual_s", "wall_s", "events", "trace_hash", "bytes_per_node",
               "invariants", "lookups", "traffic_bytes_per_node_s", "values"}
    check(members <= doc.keys() and doc["scenario"] == name and doc["seed"] == 7 and doc["nodes"] == 60,
          f"{name}: the document has its members")
    check({"checked", "violated"} <= doc["invariants"].keys() and doc["invariants"]["checked"] > 100
          and doc["invariants"]["violated"] == 0, f"{name}: invariants were checked")
    check({"started", "succeeded", "p50_ms", "p95_ms", "mean_hops"} <= doc["lookups"].keys(), f"{name}: lookups")
    check({"acknowledged", "lost"} <= doc["values"].keys() and doc["values"]["lost"] == 0, f"{name}: values")
    check(len(doc["trace_hash"]) == 16 and int(doc["trace_hash"], 16) > 0 and doc["virtual_s"] >= 120,
          f"{name}: trace hash and time")
    if name in ("churn", "kv"):
        again = json.loads(sim("sim", "run", name, "--json", *small).stdout)
        differ = {key for key in doc if doc[key] != again[key]}
        check(differ <= {"wall_s", "events_per_s"}, f"{name}: the same seed gives the same document but for real time")
        other = json.loads(sim("sim", "run", name, "--json", *small[:-1], "8").stdout)
        check(other["trace_hash"] != doc["trace_hash"], f"{name}: another seed gives another run")

people = sim("sim", "run", "lookup", *small)
check(people.returncode == 0 and "trace hash" in people.stdout and "0 violated" in people.stdout, "a report for people")
for arguments, said in ((["nonsense"], "lookup"), (["kv", "--nodes", "19"], "20"), (["kv", "--nodes", "x"], "number"),
                        (["kv", "--nodes", "99999999"], "1048576"), (["kv", "--duration", "59s"], "1m"),
                        (["kv", "--duration", "soon"], "1m"), (["kv", "--seed", "-1"], "number"),
                        (["kv", "--memory", "0"], "size"), ([], "SCENARIO"), (["kv", "lookup"], "too many")):
    run = sim("sim", "run", *arguments)
    check(run.returncode == 2 and said in run.stderr and run.stdout == "" and run.stderr.count("\n") == 1,
          f"sim run {' '.join(arguments)}: refused in one line")
full = sim("sim", "run", "lookup", "--nodes", "500", "--memory", "4MiB", "--json")
check(full.returncode == 1 and "nodes up" in full.stderr and "virtual_s" in json.loads(full.stdout),
      "a memory limit ends the run with the report so far, and tells how many nodes fit")

with subprocess.Popen([PROGRAM, "sim", "run", "churn", "--nodes", "500", "--duration", "300h", "--json"],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
    caught = 0
    while not caught and process.poll() is None:  # until the program holds the signal back
        for line in open(f"/proc/{process.pid}/status", encoding="utf-8"):
            if line.startswith("SigBlk:"):
                caught = int(line.split()[1], 16) & 1 << (signal.SIGINT - 1)
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    check(process.returncode == 130 and "virtual_s" in json.loads(out), "Ctrl-C ends the run with the report so far")
sys.exit(1 if failures else 0)
