#!/usr/bin/env python3
"""coverage_table.py BUILD --at-least PERCENT FOLDER... - line coverage per folder; fails when a FOLDER is below."""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--at-least", type=float, default=90.0)
parser.add_argument("folders", nargs="*")
args = parser.parse_intermixed_args()

root = pathlib.Path(__file__).resolve().parents[2]
report = subprocess.run(
    ["gcovr", "--root", str(root), "--exclude", "tests/", "--exclude", "build/", "--json-summary", "-", args.build],
    cwd=root, check=True, stdout=subprocess.PIPE).stdout
files = json.loads(report)["files"]

covered, total = collections.Counter(), collections.Counter()
for entry in files:
    folder = entry["filename"].split("/")[0]
    covered[folder] += entry["line_covered"]
    total[folder] += entry["line_total"]

worst = sorted((e for e in files if e["line_total"] > 0), key=lambda e: e["line_covered"] - e["line_total"])[:15]
print("files with the most lines not covered:")
for e in worst:
    print(f"  {e['filename']:<40} {e['line_total'] - e['line_covered']:>5} of {e['line_total']}")

failed = False
print(f"{'folder':<12} {'lines':>7} {'covered':>8} {'%':>7}")
for folder in sorted(set(total) | set(args.folders)):
    percent = 100.0 * covered[folder] / total[folder] if total[folder] else 0.0
    low = folder in args.folders and percent < args.at_least
    failed |= low
    print(f"{folder:<12} {total[folder]:>7} {covered[folder]:>8} {percent:>7.1f}{'  under ' + str(args.at_least) if low else ''}")
sys.exit(1 if failed else 0)
