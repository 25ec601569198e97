"""What the stores must hold, computed from the input topic by other code than the host's.

Windows: tumbling, of event time, for each building under a watermark of its own (its latest event time). A window is final when
the watermark reaches its end; until the allowed lateness later a reading corrects it (revision + 1); beyond that it is late.
Anomalies: the distance of ((x - mean) / std) to the nearest centre, above the threshold.
"""

import json
import math
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

from confluent_kafka import Consumer, TopicPartition

MEASURES = ("electricity", "water")
WINDOW_US = 30_000_000
LATENESS_US = 3_600_000_000


@dataclass
class Window:
    values: dict = field(default_factory=lambda: {measure: [] for measure in MEASURES})
    revision: int = 0
    final: bool = False


@dataclass
class Expected:
    readings: int = 0
    late: int = 0
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
    expected, watermarks, open_windows = Expected(), {}, {}
    for message in messages(bootstrap, topic):
        reading = json.loads(message.value())
        building, time = reading["building"], micros(reading["timestamp"])
        start = time // WINDOW_US * WINDOW_US
        watermark = watermarks.get(building, -math.inf)
        if start + WINDOW_US + LATENESS_US <= watermark:
            expected.late += 1
            continue
        expected.readings += 1
        opened = open_windows.setdefault(building, set())
        if time > watermark:
            watermark = watermarks[building] = time
            for ended in [s for s in opened if s + WINDOW_US <= time]:
                expected.windows[building, ended].final = True
                opened.discard(ended)
        window = expected.windows.setdefault((building, start), Window())
        for measure in MEASURES:
            window.values[measure].append(reading[measure])
        if start + WINDOW_US > watermark:
            opened.add(start)
        else:
            window.revision += window.final
            window.final = True
        distance, cluster = model.distance(reading)
        if distance > model.threshold:
            floor = reading.get("floor")
            name = f"{topic}/{message.partition()}/{message.offset()}/{message.timestamp()[1]}/kmeans"
            expected.anomalies[str(uuid.uuid5(uuid.NAMESPACE_URL, name))] = {
                "building": building,
                "floor": floor,
                "meter": building if floor is None else f"{building}/{floor}",
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
