"""What the stores must hold, computed from the input topic by other code than the host's."""

import uuid
from collections import Counter
from dataclasses import dataclass, field

from topics import messages
from windows import Reading, Windows


@dataclass
class Expected:
    messages: int = 0
    set_aside: Counter = field(default_factory=Counter)  # by reason
    windows: dict = field(default_factory=dict)  # by building and start in µs
    anomalies: dict = field(default_factory=dict)  # by id


def expect(bootstrap, topic, scorer):
    expected, windows = Expected(), Windows()
    for message in messages(bootstrap, topic):
        expected.messages += 1
        reading = Reading.of(message.value())
        if reason := windows.take(message, reading):
            expected.set_aside[reason] += 1
        elif finding := scorer.finding(reading):
            partition, offset = message.partition(), message.offset()
            name = f"{topic}/{partition}/{offset}/{message.timestamp()[1]}/{scorer.name}"
            place = {"source_partition": partition, "source_offset": offset}
            expected.anomalies[str(uuid.uuid5(uuid.NAMESPACE_URL, name))] = reading.row() | finding | place
    expected.windows = windows.rows()
    return expected
