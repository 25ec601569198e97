"""What is lost, doubled or wrong after a host came through its faults, as one line of JSON.

It ran K-Means and the tests' detector `tally`, which says of each reading how many of its meter it has seen, and cannot bear some.
"""

import argparse
import json
import signal
from collections import Counter
from pathlib import Path

from compare import Comparison
from scorer import KMeans
from stores import Mongo, Postgres
from topics import messages
from windows import Reading, Windows, micros

LIMIT_S = 180


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--input", required=True, help="topic that readings are sent to")
    parser.add_argument("--keyed", help="topic between the input and the lanes, when there is one")
    parser.add_argument("--anomalies", required=True, help="topic")
    parser.add_argument("--dead-letters", required=True, help="topic")
    parser.add_argument("--postgres", required=True, help="URL of the database")
    parser.add_argument("--mongodb", required=True, help="URL of the server")
    parser.add_argument("--database", required=True, help="in MongoDB")
    parser.add_argument("--models", required=True, type=Path, help="folder of kmeans_energy.json and its threshold")
    parser.add_argument("--recorded-input", type=Path, help="a copy of the input, whose records were deleted, without those that hosts have named as lost")
    parser.add_argument("--recorded-rows", type=Path, help="a copy of the rows of windows, likewise")
    parser.add_argument("--lost", type=Path, help="what hosts have named as deleted before it was read")
    parser.add_argument("--unbearable", required=True, type=float, help="electricity at which tally fails")
    return parser.parse_args()


class Expected:
    """Of the topic that lanes read."""

    def __init__(self, args):
        scorer = KMeans(args.models / "kmeans_energy.json", args.models / "kmeans_energy.threshold.json")
        self.windows, self.findings, self.dead_letters = {}, {}, {}
        windows, seen = Windows(), Counter()
        for message in messages(args.kafka, args.keyed or args.input):
            place = message.partition(), message.offset()
            try:
                reading = Reading.of(message.value())
            except ValueError:
                self.dead_letters[*place, "reading", "not-json"] = {}
                continue
            if reason := windows.take(message, reading):
                self.dead_letters[*place, "reading", reason] = {}
                continue
            row = reading.row() | {"source_partition": place[0], "source_offset": place[1]}
            if finding := scorer.finding(reading):
                self.findings[scorer.name, *place] = row | finding
            if row["electricity"] == args.unbearable:
                self.dead_letters[*place, "scoring", "plugin"] = {}
            else:
                meter = reading.building, reading.meter
                seen[meter] += 1
                self.findings["tally", *place] = row | {"seen": seen[meter]}
        self.windows = windows.rows()

    def __str__(self):
        windows, findings, letters = len(self.windows), len(self.findings), len(self.dead_letters)
        return f"{windows} windows, {findings} findings, {letters} dead letters"


def of_finding(row):
    """A finding under its detector and place."""
    seen = (row["context"] or {}).get("seen")
    return (row["detector"], row["source_partition"], row["source_offset"]), row | {"seen": seen}


def finding_in_topic(message):
    row = json.loads(message.value())
    return of_finding(row | {"detected_at": micros(row["detected_at"])})


def dead_letter(message):
    headers = {name: value.decode() for name, value in message.headers()}
    return (int(headers["partition"]), int(headers["offset"]), headers["kind"], headers["reason"]), {}


def moved(args):
    """Whether each message of the input stands once in the topic that is keyed by building. Texts may be there more than once."""

    def counted(values):
        return {(text, number): {} for text, times in Counter(values).items() for number in range(times)}

    if args.recorded_input:
        values = [value.encode() for _, value in recorded(args.recorded_input)]
    else:
        values = [message.value() for message in messages(args.kafka, args.input)]
    comparison = Comparison(args.keyed)
    comparison.rows("message", counted(values), counted(message.value() for message in messages(args.kafka, args.keyed)).items())
    return comparison


def recorded(path):
    """Place and value of each record of a copy."""
    for line in path.read_text().splitlines():
        record = json.loads(line)
        yield (record["partition"], record["offset"]), record["value"]


class Lost:
    """What hosts have named as deleted before it was read."""

    def __init__(self, args):
        self._ranges = json.loads(args.lost.read_text()) if args.lost else []
        self._rows = list(recorded(args.recorded_rows)) if args.recorded_rows and args.recorded_rows.exists() else []

    def has(self, reader, topic_end, place):
        partition, offset = place
        return any(
            reader.startswith(lost["reader"])
            and lost["topic"].endswith(topic_end)
            and lost["partition"] == partition
            and lost["from"] <= offset < lost["until"]
            for lost in self._ranges
        )

    def windows(self, store):
        """Those of which a store lacks a row."""
        rows = (json.loads(value) for place, value in self._rows if self.has(store, ".aggregations", place))
        return {(row["building"], micros(row["window_start"])) for row in rows}

    def __str__(self):
        return f"{sum(lost['until'] - lost['from'] for lost in self._ranges)} offsets named as lost"


def compare(args, expected, lost):
    topics = Comparison("Kafka")
    letters = (dead_letter(message) for message in messages(args.kafka, args.dead_letters))
    topics.rows("dead letter", expected.dead_letters, letters)
    # Twice in a topic is twice, even where a store would not notice.
    topics.rows("finding", expected.findings, (finding_in_topic(message) for message in messages(args.kafka, args.anomalies)))
    yield topics
    for store in (Postgres(args.postgres), Mongo(args.mongodb, args.database)):
        comparison = Comparison(store.name)
        lacking = lost.windows(store.name.lower())
        windows = {key: row for key, row in expected.windows.items() if key not in lacking}
        comparison.rows("window", windows, ((key, row) for key, row in store.windows() if key not in lacking))
        comparison.rows("finding", expected.findings, (of_finding(row) for _, row in store.anomalies()))
        yield comparison


def main():
    args = arguments()
    # A client that waits for ever ends with the process; whoever compares tries again.
    signal.alarm(LIMIT_S)
    lost = Lost(args)
    comparisons = [moved(args)] if args.keyed else []
    expected = Expected(args)
    comparisons += compare(args, expected, lost)
    kinds = ("lost", "doubled", "wrong")
    differences = {kind: [text for comparison in comparisons for text in getattr(comparison, kind)] for kind in kinds}
    print(json.dumps({"expected": f"{expected}; {lost}"} | differences))


if __name__ == "__main__":
    main()
