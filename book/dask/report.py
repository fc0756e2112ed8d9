"""Report what the nodes before have found."""

from pathlib import Path

lowest, highest = Path("extremes.txt").read_text().split()
mean = Path("mean.txt").read_text().strip()
report = f"Temperatures from {lowest} to {highest}, mean {mean}"
Path("report.txt").write_text(report)
print(report)
