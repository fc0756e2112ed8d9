"""The lowest and the highest of the measurements that are left."""

import csv

with open("clean.csv", newline="") as file:
    values = [float(row[1]) for row in csv.reader(file)]
with open("extremes.txt", "w") as file:
    print(min(values), max(values), file=file)
