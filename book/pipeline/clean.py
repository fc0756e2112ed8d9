"""Drop the measurements that cannot be right."""

import csv

from limits import is_plausible

with open("measurements.csv", newline="") as file:
    rows = [row for row in csv.reader(file) if is_plausible(float(row[1]))]
with open("clean.csv", "w", newline="") as file:
    csv.writer(file).writerows(rows)
