"""Windows that follow from the messages of an input topic, computed by other code than the host's.

Tumbling, of event time, for each building under a watermark of its own (its latest event time). A window is final when the watermark
reaches its end, or when its building has been silent for long in the time of the partition's records; until the allowed lateness
after its end a reading corrects it (revision + 1); beyond that it is late. Not so in a silence: where the watermark went on by more
than the allowed lateness, windows are taken until it has gone on by as much again. A reading that is there already is a repeat. What
is late or a repeat changes nothing.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime, timezone

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

MEASURES = ("electricity", "water")
WINDOW_US = 30_000_000
LATENESS_US = 3_600_000_000
RESEND_US = 86_400_000_000
IDLE_MS = 600_000


@dataclass(frozen=True)
class Reading:
    building: str
    floor: object
    time: int  # µs of the epoch
    values: tuple  # in the order of MEASURES

    @classmethod
    def of(cls, text):
        """Raises ValueError for what is no JSON."""
        fields = json.loads(text)
        values = tuple(float(fields[measure]) for measure in MEASURES)
        return cls(fields["building"], fields.get("floor"), micros(fields["timestamp"]), values)

    @property
    def meter(self):
        """Parts joined with `/`, which a backslash marks within a part. A building alone is its own name."""
        if self.floor is None:
            return self.building
        parts = (str(part).replace("\\", "\\\\").replace("/", "\\/") for part in (self.building, self.floor))
        return "/".join(parts)

    def row(self):
        """The columns that a finding has of its reading."""
        reading = {"building": self.building, "floor": self.floor, "meter": self.meter, "detected_at": self.time}
        return reading | dict(zip(MEASURES, self.values))


def micros(timestamp):
    """Of a text of RFC 3339, or of whole seconds."""
    if isinstance(timestamp, int):
        return timestamp * 1_000_000
    instant = datetime.fromisoformat(timestamp.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (instant.days * 86_400 + instant.seconds) * 1_000_000 + instant.microseconds


@dataclass
class Window:
    end: int
    readings: list = field(default_factory=list)
    said: set = field(default_factory=set)
    revision: int = 0
    final: bool = False

    def row(self):
        row = {"count": len(self.readings), "revision": self.revision, "final": self.final}
        for measure, values in zip(MEASURES, zip(*(reading.values for reading in self.readings))):
            total = math.fsum(values)
            row[f"count_{measure}"] = len(values)
            row |= {f"avg_{measure}": total / len(values), f"min_{measure}": min(values)}
            row |= {f"max_{measure}": max(values), f"sum_{measure}": total}
        return row


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


class Windows:
    """Takes a topic's readings, each partition in its order."""

    def __init__(self):
        self._windows = {}  # by building and start
        self._buildings = {}  # of each partition, by name
        self._now_ms = {}  # of each partition

    def rows(self):
        return {key: window.row() for key, window in self._windows.items()}

    def take(self, message, reading):
        """Why the reading is set aside; None when it is in its window now."""
        buildings = self._buildings.setdefault(message.partition(), {})
        building = buildings.get(reading.building, Building())
        key = reading.building, reading.time // WINDOW_US * WINDOW_US
        end = key[1] + WINDOW_US
        if building.is_late(end):
            return "late"
        if key in self._windows and reading in self._windows[key].said:
            return "repeat"
        now = self._time_goes_on(message)
        for silent in buildings.values():
            if now - silent.heard_ms >= IDLE_MS:
                silent.close()
        buildings[reading.building] = building
        building.heard_ms = now if now > -math.inf else math.inf
        if reading.time > building.watermark:
            building.advance(reading.time)
            if building.open and building.open.end <= reading.time:
                building.close()
        window = self._windows.setdefault(key, Window(end))
        window.readings.append(reading)
        window.said.add(reading)
        window.revision += window.final
        if end <= building.watermark:
            window.final = True
        elif not window.final:
            building.open = window
        return None

    def _time_goes_on(self, message):
        kind, record_ms = message.timestamp()
        before_ms = self._now_ms.get(message.partition(), -math.inf)
        now = before_ms if kind == TIMESTAMP_NOT_AVAILABLE else max(before_ms, record_ms)
        self._now_ms[message.partition()] = now
        return now
