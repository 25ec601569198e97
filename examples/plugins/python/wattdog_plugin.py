"""Wattdog plugins in Python: write one class for one meter, this module does the contract.

A detector is a `MeterDetector`, an enricher a `MeterEnricher`; the last line of the file exports it:

    Lifecycle, Detection = export_detector(MyDetector)
    Lifecycle, Enrichment = export_enricher(MyEnricher)

The attributes of an instance are what is kept about its meter. The host takes them out as JSON and puts them into another
instance, so they hold JSON values: numbers (None instead of NaN), texts, lists, dicts with text keys.

Answers must depend on nothing but the rows and the settings. There is no clock, and no file: import at the top of a file, not in
a function. Without WebAssembly, in tests, everything here works alike, and the log goes nowhere.
"""

import functools
import json
import math
import os
import sys
from types import SimpleNamespace as Record

try:
    from componentize_py_types import Err
    from wit_world.imports import host, types
except ImportError:  # not in a component
    Err = host = types = None

MISSING = 0xFFFFFFFF
_PARAM_TYPES = ["float", "integer", "boolean", "text", "float-list", "text-list", "table"]
_SEVERITIES = ["minor", "anomaly", "critical"]


def Column(name, unit="", *, text=False, required=True):
    """A column of numbers, or of text. An input that is not `required` is all missing where the host has none."""
    return Record(name=name, type=Record(value=int(text)), unit=unit, required=required)


def Param(name, type, text, *, unit="", default=None, minimum=None, maximum=None):
    """A parameter of one of the types in `_PARAM_TYPES`, with inclusive bounds; without a default it must be given."""
    return Record(name=name, type=_enum(_PARAM_TYPES, type), unit=unit, default=None if default is None else json.dumps(default),
                  minimum=minimum, maximum=maximum, text=text)


def Number(name, unit, text):
    """A number that a detector reports with each finding."""
    return Record(name=name, unit=unit, text=text)


def Description(name, version, summary, *, inputs=(), outputs=(), params=(), numbers=(), needs_model=False, state=(1, 1)):
    """The plugin in its own words. `state`: the version of the state that it writes, and the oldest that it reads."""
    return Record(name=name, version=version, summary=summary, inputs=list(inputs), outputs=list(outputs), params=list(params),
                  numbers=list(numbers), needs_model=needs_model, state_version=state[0], oldest_state_version=state[1])


class PluginError(Exception):
    """What the plugin says to the host; the host shows the text."""
    variant = "Internal"


class InvalidConfig(PluginError):
    """A parameter or the model is wrong: say which, and what would be right."""
    variant = "InvalidConfig"


class InvalidInput(PluginError):
    """A batch that is not what the plugin described."""
    variant = "InvalidInput"


class IncompatibleState(PluginError):
    """State that this version cannot read."""
    variant = "IncompatibleState"


class Meter:
    """What is kept about one meter; one that has never been seen is made without arguments."""

    @staticmethod
    def describe():
        """Returns the plugin's `Description`."""
        raise NotImplementedError("describe")

    @staticmethod
    def prepare(settings, model):
        """Checks the parameters, which are attributes of `settings`, and adds what is worked out once. `model`: bytes by part."""

    @classmethod
    def from_state(cls, version, state):
        """A meter from its attributes, written in format `version`. An attribute that is not among them stays as it is made."""
        meter = cls()
        vars(meter).update(state)
        return meter


class MeterDetector(Meter):
    def score(self, settings, row, verdict):
        """Judges the meter's next row. Rows come in the order they arrived; a time may be before that of the row above."""
        raise NotImplementedError("score")


class MeterEnricher(Meter):
    def enrich(self, settings, row):
        """Returns the values of the outputs by name; one that is left out, or None, is missing."""
        raise NotImplementedError("enrich")


class Row:
    """One row: `row["electricity"]` is an input's value, NaN or, for text, None where it is missing. Valid during the call."""
    __slots__ = ("meter", "event_time_us", "_columns", "_index")

    def __getitem__(self, name):
        return self._columns[name][self._index]


class Verdict:
    """What a detector says of a row; if it says nothing, it cannot judge yet."""
    __slots__ = ("_score", "_description", "_finding")

    @property
    def score(self):
        """How unusual the row is: 1.0 is the detector's own threshold. NaN: cannot judge."""
        return self._score

    @score.setter
    def score(self, score):
        self._score = float(score)

    def report(self, severity, reason="", *, expected=None, blame=None, numbers=None):
        """Reports the row, once: `minor`, `anomaly` or `critical`.

        `expected`: (value, low, high) by input, what was expected and the interval that would have been accepted;
        `blame`: shares by input, summing to 1; `numbers`: what the description lists. Checked here, where the author's line is.
        """
        if self._finding is not None:
            raise ValueError("the row is reported already")
        inputs, declared = _names(self._description.inputs), _names(self._description.numbers)
        for what, given, known in [("input", expected, inputs), ("input", blame, inputs), ("number", numbers, declared)]:
            for name in given or ():
                if name not in known:
                    raise ValueError(f"the description has no {what} `{name}`")
        self._finding = Record(
            severity=_enum(_SEVERITIES, severity),
            reason=str(reason),
            expected={name: tuple(float(x) for x in triple) for name, triple in (expected or {}).items()},
            blame={name: float(share) for name, share in (blame or {}).items()},
            numbers={name: float(number) for name, number in (numbers or {}).items()},
        )


def quantity(value, unit=""):
    """A value for a person, with three digits or all its whole ones, and its unit: `271 kWh`, `15.2 kWh`, `0.035 kWh`."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:.{decimals}f}" if size >= 1e-3 or size == 0 else f"{value:.3g}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}".rstrip()


def log(message, level="info"):
    """A line of the host's log: `debug`, `info`, `warn` or `error`."""
    if host:
        host.log(host.Level[level.upper()], message)


def export_detector(meter_class):
    """The classes of the world `detector`."""
    plugin = _Plugin(meter_class)

    class Detection:
        score = _guarded(lambda self, batch: plugin.score(batch))

    return _lifecycle(plugin), Detection


def export_enricher(meter_class):
    """The classes of the world `enricher`."""
    plugin = _Plugin(meter_class)

    class Enrichment:
        enrich = _guarded(lambda self, batch: plugin.enrich(batch))

    return _lifecycle(plugin), Enrichment


def _lifecycle(plugin):
    class Lifecycle:
        describe = _guarded(lambda self: plugin.description)
        configure = _guarded(lambda self, config: plugin.configure(config))
        export_state = _guarded(lambda self, meters: plugin.export_state(meters))
        import_state = _guarded(lambda self, version, meters, states: plugin.import_state(version, meters, states))
        forget = _guarded(lambda self, meters: plugin.forget(meters))

    return Lifecycle


class _Plugin:
    """A component's one instance."""

    def __init__(self, meter_class):
        self.meter_class = meter_class
        self.description = meter_class.describe()
        # A class without attributes keeps nothing.
        self.description.stateful = bool(vars(meter_class()))
        self.settings = None

    def configure(self, config):
        self.settings = Record(**json.loads(config.params))
        self.meter_class.prepare(self.settings, {part.part: part.bytes for part in config.model})
        self.states = {}
        self.meters = {}
        self.texts = [[] for _ in self.description.inputs]
        self.codes = [{} for _ in self.description.outputs]
        self.untold = [[] for _ in self.description.outputs]

    def export_state(self, meters):
        if not self.description.stateful:
            return []
        # What JSON cannot say is refused here, where its name is known, and not read wrongly later.
        write = lambda code: json.dumps(vars(self.states[code]), allow_nan=False, separators=(",", ":")).encode()
        return [Record(meter=code, bytes=write(code)) for code in meters if code in self.states]

    def import_state(self, version, meters, states):
        oldest, newest = self.description.oldest_state_version, self.description.state_version
        if not oldest <= version <= newest:
            raise IncompatibleState(f"state of version {version}; {self.description.name} reads versions {oldest} to {newest}")
        self.meters.update((meter.code, meter) for meter in meters)
        for state in states:
            self.states[state.meter] = self.meter_class.from_state(version, json.loads(bytes(state.bytes)))

    def forget(self, meters):
        for code in meters:
            self.states.pop(code, None)

    def rows(self, batch):
        """The batch row by row, each with the state of its meter. It is one `Row` that moves on: objects cost time here."""
        if self.settings is None:
            raise PluginError("called before it was configured")
        self.meters.update((meter.code, meter) for meter in batch.new_meters)
        for new in batch.new_entries:
            known = self.texts[new.column]
            if new.first_code != len(known):
                raise InvalidInput(f"new texts of input {new.column} begin at {new.first_code}, not {len(known)}")
            known.extend(new.values)
        row = Row()
        row._columns = {
            spec.name: [None if code == MISSING else texts[code] for code in column.value] if spec.type.value else column.value
            for spec, texts, column in zip(self.description.inputs, self.texts, batch.columns, strict=True)
        }
        for index, (code, event_time_us) in enumerate(zip(batch.meters, batch.event_times_us, strict=True)):
            row._index, row.event_time_us, row.meter = index, event_time_us, self.meters[code]
            state = self.states.get(code)
            if state is None:
                state = self.states[code] = self.meter_class()
            yield row, state

    def score(self, batch):
        scores, found, findings = [math.nan] * batch.rows, [], []
        verdict = Verdict()
        verdict._description = self.description
        for row, state in self.rows(batch):
            verdict.score, verdict._finding = math.nan, None
            state.score(self.settings, row, verdict)
            scores[row._index] = verdict.score
            if verdict._finding is not None:
                found.append(row._index)
                findings.append(verdict._finding)
        return Record(scores=scores, findings=self.findings(found, findings))

    def findings(self, rows, findings):
        """Findings as flat lists. One that no finding fills stays empty; in the others NaN says that nothing is known."""
        inputs, numbers = _names(self.description.inputs), _names(self.description.numbers)
        expected, blame = [[], [], []], []
        if any(finding.expected for finding in findings):
            triples = [finding.expected.get(name, (math.nan,) * 3) for finding in findings for name in inputs]
            expected = [list(values) for values in zip(*triples)]
        if any(finding.blame for finding in findings):
            alike = dict.fromkeys(inputs, 1 / len(inputs))
            blame = [(finding.blame or alike).get(name, 0.0) for finding in findings for name in inputs]
        return Record(
            rows=rows, severities=[finding.severity for finding in findings],
            expected=expected[0], expected_low=expected[1], expected_high=expected[2], blame=blame,
            numbers=[finding.numbers.get(name, math.nan) for finding in findings for name in numbers],
            reasons=[finding.reason for finding in findings],
        )

    def enrich(self, batch):
        outputs = self.description.outputs
        columns = [[MISSING if spec.type.value else math.nan] * batch.rows for spec in outputs]
        at = {spec.name: index for index, spec in enumerate(outputs)}
        for row, state in self.rows(batch):
            for name, value in state.enrich(self.settings, row).items():
                if name not in at:
                    raise ValueError(f"the description has no output `{name}`")
                if value is not None:
                    output = at[name]
                    columns[output][row._index] = self.code(output, str(value)) if outputs[output].type.value else float(value)
        columns = [_column(spec, column) for spec, column in zip(outputs, columns)]
        return Record(columns=columns, new_entries=self.take_new_entries())

    def code(self, output, text):
        codes = self.codes[output]
        if text not in codes:
            codes[text] = len(codes)
            self.untold[output].append(text)
        return codes[text]

    def take_new_entries(self):
        """Texts that the host has not been told; each is told once."""
        new = [Record(column=output, first_code=len(self.codes[output]) - len(values), values=values)
               for output, values in enumerate(self.untold) if values]
        self.untold = [[] for _ in self.untold]
        return new


def _names(specs):
    return [spec.name for spec in specs]


def _enum(names, name):
    """A value of an enum of the contract, whose numbers follow the order of its names."""
    if name not in names:
        raise ValueError(f"`{name}` is none of {', '.join(names)}")
    return Record(value=names.index(name))


def _column(spec, values):
    if types is None:
        return Record(value=values)
    return types.Column_Codes(values) if spec.type.value else types.Column_Floats(values)


def _guarded(call):
    """Makes what goes wrong in `call` readable for the host: an exception alone ends the component without a word."""

    @functools.wraps(call)
    def guarded(*arguments):
        try:
            return call(*arguments)
        except PluginError as error:
            if types is None:
                raise
            raise Err(getattr(types, f"Error_{error.variant}")(str(error))) from error
        except BaseException as error:
            # The host starts a new instance after this: state that stopped half way through a batch must not be used again.
            log(_last_words(error), "error")
            raise

    return guarded


def _last_words(error):
    """The exception and the author's line. By hand: the module `traceback` would read source files, and there are none."""
    place, trace = "", error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        if code.co_filename != __file__:
            place = f", {os.path.basename(code.co_filename)} line {trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}{place}"


class _Printed:
    """Takes what is printed: there is no standard output in a component."""

    def __init__(self, level):
        self.level = level

    def write(self, text):
        if text.strip():
            log(text.rstrip(), self.level)
        return len(text)

    def flush(self):
        pass


if host:
    sys.stdout, sys.stderr = _Printed("info"), _Printed("warn")
