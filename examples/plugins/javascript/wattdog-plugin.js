/**
 * Wattdog plugins in JavaScript: write one class for one meter, this module does the contract.
 *
 * A detector extends `MeterDetector`, an enricher `MeterEnricher`; the file exports the class as its default. The fields of an
 * instance are what is kept about its meter. The host takes them out as JSON and puts them into another instance, so they hold
 * JSON values: numbers (null instead of NaN), texts, arrays, plain objects.
 *
 * Answers must depend on nothing but the rows and the settings: in a component `Date.now()` and `Math.random()` stand still.
 */

const MISSING = 0xffffffff;
const SEVERITIES = ['minor', 'anomaly', 'critical'];

/** What the plugin says to the host; the host shows the text. `tag` is the contract's name of it. */
export class PluginError extends Error {
  tag = 'internal';
}

/** A parameter or the model is wrong: say which, and what would be right. */
export class InvalidConfig extends PluginError {
  tag = 'invalid-config';
}

/** A batch that is not what the plugin described. */
export class InvalidInput extends PluginError {
  tag = 'invalid-input';
}

/** State that this version cannot read. */
export class IncompatibleState extends PluginError {
  tag = 'incompatible-state';
}

/** What is kept about one meter; one that has never been seen is made without arguments. */
class Meter {
  /**
   * The plugin in its own words: `name`, `version`, `summary`, and where there are any
   * - `inputs` and `outputs`: `{ name, type: 'float' | 'text', unit, required }`; an input that is not required is all missing
   *   where the host has none;
   * - `params`: `{ name, type, text, unit, default, minimum, maximum }`, of type float, integer, boolean, text, float-list,
   *   text-list or table, with inclusive bounds; without a default it must be given;
   * - `numbers`: `{ name, unit, text }`, what a detector reports with each finding;
   * - `needsModel`; `stateVersion` and `oldestStateVersion`: the version of the state that it writes, the oldest that it reads.
   */
  static describe() {
    throw new TypeError('the plugin has no `static describe()`');
  }

  /** Checks the parameters and adds what is worked out once. `model`: bytes by part. */
  static prepare(settings, model) {}

  /** A meter from its fields, written in format `version`. A field that is not among them stays as it is made. */
  static fromState(version, state) {
    return Object.assign(new this(), state);
  }
}

export class MeterDetector extends Meter {
  /** Judges the meter's next row. Rows come in the order they arrived; a time may be before that of the row above. */
  score(settings, row, verdict) {
    throw new TypeError('the detector has no `score`');
  }
}

export class MeterEnricher extends Meter {
  /** Returns the values of the outputs by name; one that is left out, or null, is missing. */
  enrich(settings, row) {
    throw new TypeError('the enricher has no `enrich`');
  }
}

/** One row. Valid during the call. */
class Row {
  /** The meter: `code`, `name`, `building` and, where readings have one, `floor`. */
  meter = null;
  /** Microseconds since 1970-01-01T00:00:00Z; exact until the year 2255. */
  eventTimeUs = 0;

  /** An input's value; NaN or, for text, null where it is missing. */
  value(name) {
    const column = this.columns.get(name);
    if (column === undefined) throw new TypeError(`the description has no input \`${name}\``);
    return column[this.index];
  }
}

/** What a detector says of a row; if it says nothing, it cannot judge yet. */
class Verdict {
  /** How unusual the row is: 1.0 is the detector's own threshold. NaN: cannot judge. */
  get score() {
    return this.judged;
  }

  set score(score) {
    if (!isNumber(score)) throw new TypeError(`a score is a number, not ${score}`);
    this.judged = score;
  }

  judged = NaN;
  finding = null;

  constructor(description) {
    this.inputs = names(description.inputs);
    this.numbers = names(description.numbers);
  }

  /**
   * Reports the row, once: `minor`, `anomaly` or `critical`.
   *
   * `expected`: `{ value, low, high }` by input, what was expected and the interval that would have been accepted; `blame`:
   * shares by input, summing to 1; `numbers`: what the description lists.
   */
  report(severity, { reason = '', expected = {}, blame = {}, numbers = {} } = {}) {
    if (this.finding !== null) throw new TypeError('the row is reported already');
    if (!SEVERITIES.includes(severity)) throw new TypeError(`\`${severity}\` is none of ${SEVERITIES.join(', ')}`);
    check('input', this.inputs, expected, isInterval);
    check('input', this.inputs, blame);
    check('number', this.numbers, numbers);
    this.finding = { severity, reason: String(reason), expected, blame, numbers };
  }
}

/** A value for a person, with three digits or all its whole ones, and its unit: `271 kWh`, `15.2 kWh`, `0.035 kWh`. */
export function quantity(value, unit = '') {
  const size = Math.abs(value);
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = size >= 1e-3 || size === 0 ? String(Number(value.toFixed(decimals))) : value.toPrecision(3);
  return `${text} ${unit}`.trimEnd();
}

/**
 * The exports of the world `detector` or `enricher` for a class; `log(level, message)` writes to the host's log.
 * The build calls this; a test can, too, and drive the plugin as the host does.
 */
export function component(MeterClass, log = () => {}) {
  const plugin = new Plugin(MeterClass);
  const guarded = (name) => (...values) => {
    try {
      return plugin[name](...values);
    } catch (error) {
      if (error instanceof PluginError) throw { tag: error.tag, val: error.message };
      // The host starts a new instance after this: state that stopped half way through a batch must not be used again. An
      // exception alone would end the component without a word.
      log('error', lastWords(error));
      throw error;
    }
  };
  const lifecycle = {};
  for (const name of ['describe', 'configure', 'exportState', 'importState', 'forget']) lifecycle[name] = guarded(name);
  return { lifecycle, detection: { score: guarded('score') }, enrichment: { enrich: guarded('enrich') } };
}

/** Sends what is printed to the host's log: there is no standard output in a component. The build calls this, too. */
export function printTo(log) {
  const print = (level) => (...values) => log(level, values.map(String).join(' '));
  const [debug, info, warn] = ['debug', 'info', 'warn'].map(print);
  Object.assign(console, { debug, log: info, info, warn, error: warn });
}

/** A component's one instance. */
class Plugin {
  constructor(MeterClass) {
    this.MeterClass = MeterClass;
  }

  describe() {
    const column = ({ name, type = 'float', unit = '', required = true }) => ({ name, type, unit, required });
    const { inputs = [], outputs = [], params = [], numbers = [], ...rest } = this.MeterClass.describe();
    return {
      needsModel: false,
      stateVersion: 1,
      oldestStateVersion: 1,
      ...rest,
      // A class without fields keeps nothing.
      stateful: Object.keys(new this.MeterClass()).length > 0,
      inputs: inputs.map(column),
      outputs: outputs.map(column),
      params: params.map((param) => ({ unit: '', ...param, default: JSON.stringify(param.default) })),
      numbers: numbers.map((number) => ({ unit: '', ...number })),
    };
  }

  configure({ params, model }) {
    const settings = JSON.parse(params);
    this.MeterClass.prepare(settings, new Map(model.map(({ part, bytes }) => [part, bytes])));
    this.settings = settings;
    this.description = this.describe();
    this.states = new Map();
    this.meters = new Map();
    this.texts = this.description.inputs.map(() => []);
    this.codes = this.description.outputs.map(() => new Map());
    this.untold = this.description.outputs.map(() => []);
  }

  exportState(meters) {
    if (!this.description.stateful) return [];
    const known = Array.from(meters).filter((meter) => this.states.has(meter));
    return known.map((meter) => ({ meter, bytes: new TextEncoder().encode(JSON.stringify(this.states.get(meter), sayable)) }));
  }

  importState(version, meters, states) {
    const { name, stateVersion: newest, oldestStateVersion: oldest } = this.description;
    if (version < oldest || version > newest) {
      throw new IncompatibleState(`state of version ${version}; ${name} reads versions ${oldest} to ${newest}`);
    }
    for (const meter of meters) this.meters.set(meter.code, meter);
    for (const { meter, bytes } of states) {
      const state = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes)));
      this.states.set(meter, this.MeterClass.fromState(version, state));
    }
  }

  forget(meters) {
    for (const meter of meters) this.states.delete(meter);
  }

  /** Calls `each(row, state, index)` for the rows of a batch. It is one `Row` that moves on: objects cost time here. */
  forEachRow(batch, each) {
    if (this.settings === undefined) throw new PluginError('called before it was configured');
    for (const meter of batch.newMeters) this.meters.set(meter.code, meter);
    for (const { column, firstCode, values } of batch.newEntries) {
      const known = this.texts[column];
      if (firstCode !== known.length) {
        throw new InvalidInput(`new texts of input ${column} begin at ${firstCode}, not ${known.length}`);
      }
      known.push(...values);
    }
    const row = new Row();
    row.columns = new Map(this.description.inputs.map(({ name, type }, input) => {
      const values = batch.columns[input].val;
      const text = (code) => (code === MISSING ? null : this.texts[input][code]);
      return [name, type === 'text' ? Array.from(values, text) : values];
    }));
    for (let index = 0; index < batch.rows; index += 1) {
      const meter = batch.meters[index];
      let state = this.states.get(meter);
      if (state === undefined) {
        state = new this.MeterClass();
        this.states.set(meter, state);
      }
      row.index = index;
      row.eventTimeUs = Number(batch.eventTimesUs[index]);
      row.meter = this.meters.get(meter);
      each(row, state, index);
    }
  }

  score(batch) {
    const scores = new Float64Array(batch.rows);
    const rows = [];
    const findings = [];
    const verdict = new Verdict(this.description);
    this.forEachRow(batch, (row, state, index) => {
      verdict.score = NaN;
      verdict.finding = null;
      state.score(this.settings, row, verdict);
      scores[index] = verdict.score;
      if (verdict.finding !== null) {
        rows.push(index);
        findings.push(verdict.finding);
      }
    });
    return { scores, findings: this.flat(rows, findings) };
  }

  /** Findings as flat lists. One that no finding fills stays empty; in the others NaN says that nothing is known. */
  flat(rows, findings) {
    const [inputs, numbers] = [names(this.description.inputs), names(this.description.numbers)];
    const isSaid = (what) => findings.some((finding) => Object.keys(finding[what]).length > 0);
    const each = (list, value) => {
      const flat = [];
      for (const finding of findings) for (const name of list) flat.push(value(finding, name));
      return flat;
    };
    const expected = (key) => (isSaid('expected') ? each(inputs, (finding, name) => finding.expected[name]?.[key] ?? NaN) : []);
    const share = ({ blame }, name) => (Object.keys(blame).length > 0 ? blame[name] ?? 0 : 1 / inputs.length);
    return {
      rows,
      severities: findings.map(({ severity }) => severity),
      expected: expected('value'),
      expectedLow: expected('low'),
      expectedHigh: expected('high'),
      blame: isSaid('blame') ? each(inputs, share) : [],
      numbers: each(numbers, (finding, name) => finding.numbers[name] ?? NaN),
      reasons: findings.map(({ reason }) => reason),
    };
  }

  enrich(batch) {
    const { outputs } = this.description;
    const at = new Map(outputs.map(({ name }, output) => [name, output]));
    const columns = outputs.map(({ type }) =>
      type === 'text'
        ? { tag: 'codes', val: new Uint32Array(batch.rows).fill(MISSING) }
        : { tag: 'floats', val: new Float64Array(batch.rows).fill(NaN) });
    this.forEachRow(batch, (row, state, index) => {
      for (const [name, value] of Object.entries(state.enrich(this.settings, row))) {
        const output = at.get(name);
        if (output === undefined) throw new TypeError(`the description has no output \`${name}\``);
        if (value !== null && value !== undefined) {
          columns[output].val[index] = outputs[output].type === 'text' ? this.code(output, String(value)) : value;
        }
      }
    });
    return { columns, newEntries: this.takeNewEntries() };
  }

  code(output, text) {
    const codes = this.codes[output];
    if (!codes.has(text)) {
      codes.set(text, codes.size);
      this.untold[output].push(text);
    }
    return codes.get(text);
  }

  /** Texts that the host has not been told; each is told once. */
  takeNewEntries() {
    const entries = this.untold.map((values, column) => ({ column, firstCode: this.codes[column].size - values.length, values }));
    this.untold = this.untold.map(() => []);
    return entries.filter(({ values }) => values.length > 0);
  }
}

/** Here an exception has the author's line; a wrong value on its way to the host would end the component without a word. */
function check(what, known, given, isRight = isNumber) {
  for (const name in given) {
    if (!known.includes(name)) throw new TypeError(`the description has no ${what} \`${name}\``);
    if (!isRight(given[name])) throw new TypeError(`${what} \`${name}\`: ${JSON.stringify(given[name])} is not in numbers`);
  }
}

function isNumber(value) {
  return typeof value === 'number';
}

function isInterval({ value, low, high }) {
  return isNumber(value) && isNumber(low) && isNumber(high);
}

function names(specs) {
  return specs.map(({ name }) => name);
}

/** JSON would make null of NaN and infinities, and the meter would go on with that. */
function sayable(name, value) {
  if (isNumber(value) && !Number.isFinite(value)) throw new TypeError(`state \`${name}\` is ${value}; keep null instead`);
  return value;
}

/** The exception and the author's line: the first place that is not this file. */
function lastWords(error) {
  if (!(error instanceof Error)) return `exception: ${String(error)}`;
  const places = String(error.stack).match(/[\w.-]+\.m?js:\d+/g) ?? [];
  const place = places.find((candidate) => !candidate.startsWith('wattdog-plugin.js'));
  return `${error.name}: ${error.message}${place === undefined ? '' : `, ${place}`}`;
}
