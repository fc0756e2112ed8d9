"""The mean of the measurements that are left."""

import csv

with open("clean.csv", newline="") as file:
    values = [float(row[1]) for row in csv.reader(file)]
with open("mean.txt", "w") as file:
    print(round(sum(values) / len(values), 2), file=file)
