"""What the stores must hold, computed from the input topic by other code than the host's.

Windows: tumbling, of event time, for each building under a watermark of its own (its latest event time). A window is final when
the watermark reaches its end, or when its building has been silent for long in the time of the partition's records; until the
allowed lateness after its end a reading corrects it (revision + 1); beyond that it is late. Not so in a silence: where the watermark
went on by more than the allowed lateness, windows are taken until it has gone on by as much again. A reading that is there already
is a repeat. What is late or a repeat changes nothing.
Anomalies: the distance of ((x - mean) / std) to the nearest centre, above the threshold.
"""

import json
import math
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, TopicPartition

MEASURES = ("electricity", "water")
WINDOW_US = 30_000_000
LATENESS_US = 3_600_000_000
RESEND_US = 86_400_000_000
IDLE_MS = 600_000


@dataclass
class Window:
    end: int
    values: dict = field(default_factory=lambda: {measure: [] for measure in MEASURES})
    revision: int = 0
    final: bool = False
    said: set = field(default_factory=set)


@dataclass
class Building:
    watermark: float = -math.inf
    silence: tuple = (-math.inf, -math.inf)  # where the last one began and ended
    heard_ms: float = math.inf  # the partition's time at its last reading
    open: Window = None

    def in_silence(self):
        return self.watermark < self.silence[1] + LATENESS_US

    def is_late(self, end):
        began, ended = self.silence
        awaited = self.in_silence() and end > max(began, ended - RESEND_US)
        return end + LATENESS_US <= self.watermark and not awaited

    def advance(self, time):
        if -math.inf < self.watermark < time - LATENESS_US:
            self.silence = (self.silence[0] if self.in_silence() else self.watermark, time)
        self.watermark = time

    def close(self):
        if self.open:
            self.open.final, self.open = True, None


@dataclass
class Expected:
    readings: int = 0
    late: int = 0
    repeats: int = 0
    windows: dict = field(default_factory=dict)
    anomalies: dict = field(default_factory=dict)


class Model:
    def __init__(self, path, threshold_path):
        model = json.loads(path.read_text())
        self.features, self.mean, self.std = model["features"], model["mean"], model["std"]
        self.centroids = model["centroids_scaled"]
        self.threshold = json.loads(threshold_path.read_text())["threshold"]

    def distance(self, reading):
        scaled = [(reading[f] - m) / s for f, m, s in zip(self.features, self.mean, self.std)]
        return min((math.dist(scaled, centre), index) for index, centre in enumerate(self.centroids))


def messages(bootstrap, topic):
    """Every message of a topic, partition by partition, in offset order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "oracle", "enable.auto.commit": False})
    for partition in consumer.list_topics(topic, 10).topics[topic].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
        consumer.assign([TopicPartition(topic, partition, low)])
        seen = low
        while seen < high:
            for message in consumer.consume(10_000, 1.0):
                if message.error():
                    raise RuntimeError(message.error())
                seen = message.offset() + 1
                yield message
    consumer.close()


def micros(text):
    instant = datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (instant.days * 86_400 + instant.seconds) * 1_000_000 + instant.microseconds


def expect(bootstrap, topic, model):
    expected, lanes, now_ms = Expected(), {}, {}
    for message in messages(bootstrap, topic):
        reading = json.loads(message.value())
        name, time, floor = reading["building"], micros(reading["timestamp"]), reading.get("floor")
        meter = name if floor is None else f"{name}/{floor}"
        start = time // WINDOW_US * WINDOW_US
        lane = lanes.setdefault(message.partition(), {})
        building = lane.get(name, Building())
        if building.is_late(start + WINDOW_US):
            expected.late += 1
            continue
        said = (meter, time, *(float(reading[measure]) for measure in MEASURES))
        if (name, start) in expected.windows and said in expected.windows[name, start].said:
            expected.repeats += 1
            continue
        expected.readings += 1
        kind, record_ms = message.timestamp()
        before_ms = now_ms.get(message.partition(), -math.inf)
        now = now_ms[message.partition()] = before_ms if kind == TIMESTAMP_NOT_AVAILABLE else max(before_ms, record_ms)
        for silent in lane.values():
            if now - silent.heard_ms >= IDLE_MS:
                silent.close()
        lane[name] = building
        building.heard_ms = now if now > -math.inf else math.inf
        if time > building.watermark:
            building.advance(time)
            if building.open and building.open.end <= time:
                building.close()
        window = expected.windows.setdefault((name, start), Window(start + WINDOW_US))
        window.said.add(said)
        for measure in MEASURES:
            window.values[measure].append(reading[measure])
        window.revision += window.final
        if window.end <= building.watermark:
            window.final = True
        elif not window.final:
            building.open = window
        distance, cluster = model.distance(reading)
        if distance > model.threshold:
            row_name = f"{topic}/{message.partition()}/{message.offset()}/{message.timestamp()[1]}/kmeans"
            expected.anomalies[str(uuid.uuid5(uuid.NAMESPACE_URL, row_name))] = {
                "building": name,
                "floor": floor,
                "meter": meter,
                "detected_at": time,
                "electricity": float(reading["electricity"]),
                "water": float(reading["water"]),
                "distance": distance,
                "threshold": model.threshold,
                "score": distance / model.threshold,
                "cluster": cluster,
                "source_partition": message.partition(),
                "source_offset": message.offset(),
                "detector": "kmeans",
            }
    return expected


def window_row(window):
    row = {"count": len(window.values[MEASURES[0]]), "revision": window.revision, "final": window.final}
    for measure, values in window.values.items():
        total = math.fsum(values)
        row |= {f"avg_{measure}": total / len(values), f"min_{measure}": min(values)}
        row |= {f"max_{measure}": max(values), f"sum_{measure}": total}
    return row
