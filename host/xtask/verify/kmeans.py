"""`wattdog train` against scikit-learn on the same rows: inertia and time."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

WORSE_AT_MOST = 1.001


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wattdog", required=True, type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, output = Path(folder) / "training.csv", Path(folder) / "model.json"
        subprocess.run([args.wattdog, "generate", "training", "--rows", str(args.rows), "--output", data], check=True)
        started = time.perf_counter()
        train = subprocess.run([args.wattdog, "train", data, "--output", output], check=True, stdout=subprocess.PIPE, text=True)
        ours_s = time.perf_counter() - started
        ours_fit_s = float(re.search(r"fitted in ([0-9.]+) s", train.stdout)[1])
        ours = json.loads(output.read_text())["inertia"]
        header = data.open().readline().strip().split(",")
        columns = [header.index(name) for name in ("electricity", "water")]
        started = time.perf_counter()
        rows = numpy.loadtxt(data, delimiter=",", skiprows=1, usecols=columns)
        scaled = StandardScaler().fit_transform(rows)
        fit_started = time.perf_counter()
        theirs = KMeans(n_clusters=3, n_init=10, random_state=0).fit(scaled).inertia_
        theirs_s, fit_s = time.perf_counter() - started, time.perf_counter() - fit_started
    print(f"inertia: wattdog {ours:.3f}, scikit-learn {theirs:.3f}, ratio {ours / theirs:.6f}")
    print(f"time to fit, ten starts: wattdog {ours_fit_s:.2f} s, with quantile and silhouette; scikit-learn {fit_s:.2f} s")
    print(f"time with reading the rows: wattdog train {ours_s:.2f} s, whole program; scikit-learn {theirs_s:.2f} s, without Python's start")
    return ours <= theirs * WORSE_AT_MOST


if __name__ == "__main__":
    sys.exit(0 if main() else "inertia is more than 0.1 % worse than scikit-learn's best of 10 starts")
