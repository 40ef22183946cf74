#!/usr/bin/env python3
"""make_cities.py CSV > cities_table.c - round-trip times between cities, two characters for each pair.

CSV: a matrix with a header line and a header column, milliseconds, symmetric (wonderproxy.csv of relab/hotstuff,
cmd/latencygen/latencies). A time is rounded to eighths of a millisecond and written as two digits to the base 64."""
import csv
import sys

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
LINE = 108  # characters, even

rows = list(csv.reader(open(sys.argv[1], encoding="utf-8")))[1:]
count = len(rows)
print(f"""/* sim/world/cities_table.c - round-trip times between {count} cities. Written by sim/world/make_cities.py.
 *
 * Measured by WonderProxy, published in relab/hotstuff, cmd/latencygen/latencies/wonderproxy.csv (MIT licence).
 * Row i has two digits to the base 64 for each j < i: eighths of a millisecond.
 */
#include "sim/world/cities.h"

/* clang-format off */
const char *const gn_cities_table[GN_CITIES] = {{""")
for i, row in enumerate(rows):
    eighths = [round(float(row[1 + j]) * 8) for j in range(i)]
    assert all(0 <= e < 4096 for e in eighths) and all(row[1 + j] == rows[j][1 + i] for j in range(i))
    text = "".join(DIGITS[e // 64] + DIGITS[e % 64] for e in eighths)
    lines = [text[at:at + LINE] for at in range(0, len(text), LINE)] or [""]
    print("\n".join(f'    "{line}"' for line in lines) + f", /* {row[0]} */")
print("};")
