"""Trains, replays and runs the real program, then recomputes every row of both stores from the topic.

Run through `cargo xtask verify`, which builds the program and starts the servers.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from compare import Comparison
from oracle import expect
from scorer import KMeans
from stores import Mongo, Postgres

PATIENCE_S = 600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wattdog", required=True, type=Path, help="the program")
    parser.add_argument("--plugins", required=True, type=Path, help="folder with kmeans.wasm")
    parser.add_argument("--readings", type=Path, help="recorded readings, JSON lines; generated ones when left out")
    parser.add_argument("--until", help="train on the readings before this time; the first half when left out")
    return parser.parse_args()


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        return Verification(args, Path(folder)).run()


class Verification:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.name = f"verify_{os.getpid()}_{int(time.time())}"
        self.kafka = os.environ["WATTDOG_TEST_KAFKA"]
        self.postgres = os.environ["WATTDOG_TEST_POSTGRES"].rsplit("/", 1)[0] + "/" + self.name
        self.mongodb = os.environ["WATTDOG_TEST_MONGODB"]

    def run(self):
        readings = self.args.readings or self.generate()
        model = self.train(readings)
        self.make_topic()
        self.wattdog("replay", "--bootstrap", self.kafka, "--topic", self.name, readings)
        say("recomputing every window and distance from the topic")
        expected = expect(self.kafka, self.name, model)
        self.run_until(len(expected.windows), len(expected.anomalies))
        late, repeats = expected.set_aside["late"], expected.set_aside["repeat"]
        print(f"readings in the topic      {expected.messages:>9}   late {late}   repeats {repeats}")
        print(f"windows expected           {len(expected.windows):>9}")
        print(f"anomalies expected         {len(expected.anomalies):>9}   threshold {model.threshold:.6f}")
        equal = all([self.compare(store, expected.windows, expected.anomalies) for store in self.stores()])
        return self.finds_lies(expected.anomalies) and equal

    def generate(self):
        file = self.folder / "readings.jsonl"
        self.wattdog("generate", "readings", "--count", "100000", "--start", "2025-12-01T00:00:00Z", "--output", file)
        return file

    def train(self, readings):
        output = self.folder / "kmeans_energy.json"
        until = self.args.until or middle(readings)
        self.wattdog("train", readings, "--until", until, "--output", output)
        return KMeans(output, self.folder / "kmeans_energy.threshold.json")

    def make_topic(self):
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(self.name, 3, 1)])[self.name].result(30)

    def config(self):
        plugins = self.folder / "plugins"
        plugins.mkdir()
        shutil.copy(self.args.plugins / "kmeans.wasm", plugins)
        (plugins / "kmeans.toml").write_text('kind = "detector"\nmodel = "../kmeans_energy.json"\n')
        file = self.folder / "wattdog.toml"
        file.write_text(
            f'[kafka]\nbootstrap = "{self.kafka}"\ntopic = "{self.name}"\ngroup = "{self.name}"\n'
            f'[topics]\naggregations = "{self.name}.aggregations"\nanomalies = "{self.name}.anomalies"\n'
            f'dead_letters = "{self.name}.dead-letters"\n[plugins]\ndir = "{plugins}"\n'
            f'[sink.postgres]\nurl = "{self.postgres}"\n[sink.mongodb]\nurl = "{self.mongodb}"\n'
            f'database = "{self.name}"\n[web]\nlisten = "127.0.0.1:0"\n'
        )
        return file

    def stores(self):
        return [Postgres(self.postgres), Mongo(self.mongodb, self.name)]

    def run_until(self, windows, anomalies):
        """Runs the program until both stores have as many rows, and a little longer; then ends it as an operator would."""
        say(f"running until both stores have {windows} windows and {anomalies} anomalies")
        started = time.monotonic()
        program = subprocess.Popen([self.args.wattdog, "run", "--config", self.config()], env=quiet())
        counts = None
        try:
            while time.monotonic() - started < PATIENCE_S and program.poll() is None:
                time.sleep(1)
                try:
                    counts = [store.counts() for store in self.stores()]
                except Exception:  # The program makes the databases when it starts.
                    continue
                if all(w >= windows and a >= anomalies for w, a in counts):
                    break
            say(f"rows in the stores after {time.monotonic() - started:.0f} s: {counts}")
            time.sleep(3)
        finally:
            program.terminate()
            if program.wait(30) != 0:
                sys.exit(f"wattdog run ended with {program.returncode}")

    def compare(self, store, windows, anomalies):
        comparison = Comparison(store.name)
        there = comparison.rows("aggregations", windows, store.windows())
        print(f"windows in {store.name:<15} {there:>9}")
        there = comparison.rows("anomalies", anomalies, store.anomalies())
        print(f"anomalies in {store.name:<13} {there:>9}   largest relative difference {comparison.largest:.1e}")
        return comparison.report()

    def finds_lies(self, anomalies):
        """The comparison compared: three small lies about what is to be expected must be found out."""
        changed, left_out = list(anomalies)[:2]
        lies = dict(anomalies) | {"made up": anomalies[changed]}
        lies[changed] = lies[changed] | {"distance": lies[changed]["distance"] * (1 + 1e-8)}
        del lies[left_out]
        comparison = Comparison("a lie")
        comparison.rows("anomalies", lies, self.stores()[0].anomalies())
        found = len(comparison.differences())
        print(f"lies found out             {found:>9}   of 3")
        return found == 3

    def wattdog(self, *arguments):
        say("wattdog " + " ".join(str(argument) for argument in arguments))
        subprocess.run([self.args.wattdog, *arguments], check=True, env=quiet())


def quiet():
    return os.environ | {"WATTDOG_LOG": "warn"}


def middle(readings):
    """The timestamp half-way through a file in order of time."""
    opener = gzip.open if readings.suffix == ".gz" else open
    with opener(readings, "rt") as lines:
        timestamps = [line.split('"timestamp":"', 1)[1].split('"', 1)[0] for line in lines]
    return timestamps[len(timestamps) // 2]


def say(text):
    print(f"verify: {text}", file=sys.stderr)


if __name__ == "__main__":
    equal = main()
    print("equal: every window and every anomaly, each once" if equal else "NOT EQUAL")
    sys.exit(0 if equal else 1)
