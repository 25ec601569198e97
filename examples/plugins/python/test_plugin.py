"""Runs testcases/ as the host would run the plugin, without WebAssembly: a new case is a folder and needs no Python.

`kind` in a case's plugin.toml says which plugin it is for. UPDATE_EXPECTED=1 writes expected.jsonl from what the plugin says now:
read it before you keep it.
"""

import datetime
import importlib
import json
import math
import os
import pathlib
import tomllib
import unittest
from types import SimpleNamespace as Record

from wattdog_plugin import MISSING, Description, IncompatibleState, MeterDetector, export_detector

CASES = pathlib.Path(__file__).parent / "testcases"
SEVERITIES = ["minor", "anomaly", "critical"]


class Case:
    """A case and the plugin that it is for."""

    def __init__(self, folder):
        self.folder = folder
        sidecar = tomllib.loads((folder / "plugin.toml").read_text())
        self.kind = sidecar.get("kind", "detector")
        self.module = importlib.import_module(self.kind)
        self.lifecycle = self.module.Lifecycle()
        self.description = self.lifecycle.describe()
        params = {param.name: json.loads(param.default) for param in self.description.params if param.default is not None}
        given = sidecar.get("params", {})
        unknown = given.keys() - {param.name for param in self.description.params}
        assert not unknown, f"{folder}/plugin.toml: the plugin has no parameter {unknown}; correct the case, or remove it"
        self.config = Record(params=json.dumps(params | given), model=self.model(sidecar.get("model")))
        self.readings = [json.loads(line) for line in (folder / "readings.jsonl").read_text().splitlines()]
        self.meters = {}
        for reading in self.readings:
            floor = reading.get("floor")
            floor = None if floor is None else str(floor)
            name = reading["building"] if floor is None else f"{reading['building']}/{floor}"
            meter = Record(code=len(self.meters), name=name, building=reading["building"], floor=floor)
            reading["meter"] = self.meters.setdefault(name, meter)

    def model(self, file):
        """`x.json` is the part "", `x.threshold.json` beside it the part `threshold`."""
        if file is None:
            return []
        main = self.folder / file
        parts = main.parent.glob(f"{main.stem}*.json")
        return [Record(part=part.stem[len(main.stem) + 1:], bytes=part.read_bytes()) for part in parts]

    def answers(self, length):
        """What the plugin says of all readings in batches of that length; another instance takes over before each."""
        answers, states = [], []
        for first in range(0, len(self.readings), length):
            self.lifecycle.configure(self.config)
            codes = {state.meter for state in states}
            known = [meter for meter in self.meters.values() if meter.code in codes]
            self.lifecycle.import_state(self.description.state_version, known, states)
            answers += self.answer(self.readings[first:first + length])
            states = self.lifecycle.export_state([meter.code for meter in self.meters.values()])
        return answers

    def answer(self, readings):
        new = {reading["meter"].name: reading["meter"] for reading in readings}
        columns, entries = [], []
        for input, spec in enumerate(self.description.inputs):
            values = [reading.get(spec.name) for reading in readings]
            if spec.type.value:
                # A new instance knows no texts yet.
                texts = list(dict.fromkeys(value for value in values if value is not None))
                entries.append(Record(column=input, first_code=0, values=texts))
                values = [MISSING if value is None else texts.index(value) for value in values]
            else:
                values = [math.nan if value is None else float(value) for value in values]
            columns.append(Record(value=values))
        batch = Record(rows=len(readings), meters=[reading["meter"].code for reading in readings],
                       event_times_us=[microseconds(reading["timestamp"]) for reading in readings],
                       columns=columns, new_meters=list(new.values()), new_entries=entries)
        if self.kind == "enricher":
            return self.enriched(self.module.Enrichment().enrich(batch), len(readings))
        return self.scored(self.module.Detection().score(batch))

    def scored(self, answer):
        lines = [{"score": known(score)} for score in answer.scores]
        inputs, numbers = [[spec.name for spec in specs] for specs in (self.description.inputs, self.description.numbers)]
        found = answer.findings
        for index, row in enumerate(found.rows):
            of = lambda values, names: dict(zip(names, map(known, values[index * len(names):(index + 1) * len(names)])))
            lines[row]["severity"] = SEVERITIES[found.severities[index].value]
            lines[row] |= of(found.numbers, numbers)
            for name in ("expected", "expected_low", "expected_high", "blame"):
                if getattr(found, name):
                    lines[row][name] = of(getattr(found, name), inputs)
            if found.reasons:
                lines[row]["reason"] = found.reasons[index]
        return lines

    def enriched(self, answer, rows):
        texts_of = {new.column: new.values for new in answer.new_entries}
        lines = [{} for _ in range(rows)]
        for output, (spec, column) in enumerate(zip(self.description.outputs, answer.columns, strict=True)):
            texts = texts_of.get(output)
            for line, value in zip(lines, column.value, strict=True):
                line[spec.name] = known(value) if not spec.type.value else None if value == MISSING else texts[value]
        return lines


class TestCases(unittest.TestCase):
    def test_cases(self):
        for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
            with self.subTest(folder.name):
                case = Case(folder)
                answers = case.answers(len(case.readings))
                for length in (1, 3, 7):
                    self.assertEqual(case.answers(length), answers, f"in batches of {length} it says something else")
                file = folder / "expected.jsonl"
                if os.environ.get("UPDATE_EXPECTED"):
                    lines = [json.dumps(answer, sort_keys=True, separators=(",", ":")) for answer in answers]
                    file.write_text("\n".join(lines) + "\n")
                expected = [json.loads(line) for line in file.read_text().splitlines()]
                remedy = "UPDATE_EXPECTED=1 before the command writes it anew"
                self.assertEqual(len(expected), len(answers), f"expected.jsonl has not as many lines as readings; {remedy}")
                for number, (says, wanted) in enumerate(zip(answers, expected), 1):
                    self.assertTrue(alike(says, wanted), f"reading {number}\n  says     {says}\n  expected {wanted}")


class TestHelper(unittest.TestCase):
    """What `wattdog_plugin` promises and no case shows."""

    def setUp(self):
        class Careless(MeterDetector):
            def __init__(self):
                self.last = None

            @staticmethod
            def describe():
                return Description("careless", "0.1.0", "Fails.", state=(3, 2))

            def score(self, settings, row, verdict):
                self.last = math.nan
                verdict.report("anomaly", expected={"electricty": (1.0, 0.0, 2.0)})

        lifecycle, self.detection = export_detector(Careless)
        self.lifecycle = lifecycle()
        self.lifecycle.configure(Record(params="{}", model=[]))
        meter = Record(code=0, name="A", building="A", floor=None)
        self.batch = Record(rows=1, meters=[0], event_times_us=[0], columns=[], new_meters=[meter], new_entries=[])

    def test_a_wrong_name_is_refused(self):
        with self.assertRaisesRegex(ValueError, "the description has no input `electricty`"):
            self.detection().score(self.batch)

    def test_state_that_json_cannot_say_is_refused(self):
        self.assertRaises(ValueError, self.detection().score, self.batch)
        self.assertRaises(ValueError, self.lifecycle.export_state, [0])

    def test_state_of_another_version_is_refused(self):
        for version in (1, 4):
            self.assertRaises(IncompatibleState, self.lifecycle.import_state, version, [], [])
        self.lifecycle.import_state(2, [], [Record(meter=0, bytes=b'{"last":1.0}')])
        self.assertEqual(self.lifecycle.export_state([0])[0].bytes, b'{"last":1.0}')
        self.lifecycle.forget([0])
        self.assertEqual(self.lifecycle.export_state([0]), [])


def known(value):
    """A number as JSON has it."""
    return None if math.isnan(value) else value


def microseconds(timestamp):
    since = datetime.datetime.fromisoformat(timestamp) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1)


def alike(a, b):
    """Another order of the same arithmetic may differ by 1e-9 of a number's size."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9)
    return a == b


if __name__ == "__main__":
    unittest.main()
