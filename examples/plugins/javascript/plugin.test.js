/**
 * Runs testcases/ as the host would run the plugin, without WebAssembly: a new case is a folder and needs no JavaScript.
 *
 * `kind` in a case's plugin.toml says which plugin it is for. UPDATE_EXPECTED=1 writes expected.jsonl from what the plugin says
 * now: read it before you keep it.
 */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { MeterDetector, component } from './wattdog-plugin.js';

const CASES = join(import.meta.dirname, 'testcases');
const MISSING = 0xffffffff;

for (const name of readdirSync(CASES).sort()) {
  test(name, async () => {
    const folder = join(CASES, name);
    const oneCase = await readCase(folder);
    const answers = answersOf(oneCase, oneCase.readings.length);
    for (const length of [1, 3, 7]) {
      assert.deepEqual(answersOf(oneCase, length), answers, `in batches of ${length} it says something else`);
    }
    const file = join(folder, 'expected.jsonl');
    if (process.env.UPDATE_EXPECTED) writeFileSync(file, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''));
    const expected = readLines(file);
    const remedy = 'UPDATE_EXPECTED=1 before the command writes it anew';
    assert.equal(expected.length, answers.length, `expected.jsonl has not as many lines as readings; ${remedy}`);
    answers.forEach((says, at) => {
      const both = `reading ${at + 1}\n  says     ${JSON.stringify(says)}\n  expected ${JSON.stringify(expected[at])}`;
      assert.ok(alike(says, expected[at]), both);
    });
  });
}

async function readCase(folder) {
  const sidecar = parse(readFileSync(join(folder, 'plugin.toml'), 'utf8'));
  const kind = sidecar.kind ?? 'detector';
  const { default: MeterClass } = await import(`./${kind}.js`);
  const plugin = component(MeterClass, (level, message) => assert.notEqual(level, 'error', message));
  const description = plugin.lifecycle.describe();
  const params = {};
  for (const param of description.params) {
    if (param.default !== undefined) params[param.name] = JSON.parse(param.default);
  }
  for (const [param, value] of Object.entries(sidecar.params ?? {})) {
    const isKnown = description.params.some(({ name }) => name === param);
    assert.ok(isKnown, `${folder}/plugin.toml: the plugin has no parameter ${param}; correct the case, or remove it`);
    params[param] = value;
  }
  const config = { params: JSON.stringify(params), model: readModel(folder, sidecar.model) };
  const meters = new Map();
  const readings = readLines(join(folder, 'readings.jsonl')).map((reading) => {
    const floor = reading.floor === undefined || reading.floor === null ? undefined : String(reading.floor);
    const name = floor === undefined ? reading.building : `${reading.building}/${floor}`;
    if (!meters.has(name)) meters.set(name, { code: meters.size, name, building: reading.building, floor });
    return { ...reading, meter: meters.get(name) };
  });
  return { kind, plugin, description, config, readings, meters: [...meters.values()] };
}

/** `x.json` is the part "", `x.threshold.json` beside it the part `threshold`. */
function readModel(folder, file) {
  if (file === undefined) return [];
  const main = join(folder, file);
  const stem = basename(main, extname(main));
  const siblings = readdirSync(dirname(main)).filter((name) => name.startsWith(`${stem}.`) && name.endsWith('.json'));
  return siblings.map((name) => ({
    part: basename(name, '.json').slice(stem.length + 1),
    bytes: readFileSync(join(dirname(main), name)),
  }));
}

/** What the plugin says of all readings in batches of that length; another instance takes over before each. */
function answersOf({ kind, plugin, description, config, readings, meters }, length) {
  const answers = [];
  let states = [];
  for (let first = 0; first < readings.length; first += length) {
    plugin.lifecycle.configure(config);
    const known = meters.filter(({ code }) => states.some(({ meter }) => meter === code));
    plugin.lifecycle.importState(description.stateVersion, known, states);
    const batch = batchOf(description, readings.slice(first, first + length));
    const lines = kind === 'enricher' ? enriched(plugin.enrichment.enrich(batch), batch.rows, description)
      : scored(plugin.detection.score(batch), description);
    answers.push(...lines);
    states = plugin.lifecycle.exportState(Uint32Array.from(meters, ({ code }) => code));
  }
  return answers;
}

function batchOf(description, readings) {
  const newEntries = [];
  const columns = description.inputs.map(({ name, type }, column) => {
    const values = readings.map((reading) => reading[name] ?? null);
    if (type === 'float') return { tag: 'floats', val: Float64Array.from(values, (value) => value ?? NaN) };
    // A new instance knows no texts yet.
    const texts = [...new Set(values.filter((value) => value !== null))];
    newEntries.push({ column, firstCode: 0, values: texts });
    return { tag: 'codes', val: Uint32Array.from(values, (value) => (value === null ? MISSING : texts.indexOf(value))) };
  });
  return {
    rows: readings.length,
    meters: Uint32Array.from(readings, ({ meter }) => meter.code),
    eventTimesUs: BigInt64Array.from(readings, ({ timestamp }) => BigInt(Date.parse(timestamp)) * 1000n),
    columns,
    newMeters: [...new Set(readings.map(({ meter }) => meter))],
    newEntries,
  };
}

function scored({ scores, findings }, { inputs, numbers }) {
  const lines = Array.from(scores, (score) => ({ score: known(score) }));
  findings.rows.forEach((row, index) => {
    const line = lines[row];
    const of = (values, specs) =>
      Object.fromEntries(specs.map(({ name }, at) => [name, known(values[index * specs.length + at])]));
    line.severity = findings.severities[index];
    Object.assign(line, of(findings.numbers, numbers));
    const lists = { expected: 'expected', expected_low: 'expectedLow', expected_high: 'expectedHigh', blame: 'blame' };
    for (const [name, list] of Object.entries(lists)) {
      if (findings[list].length > 0) line[name] = of(findings[list], inputs);
    }
    if (findings.reasons.length > 0) line.reason = findings.reasons[index];
  });
  return lines;
}

function enriched({ columns, newEntries }, rows, { outputs }) {
  const texts = new Map(newEntries.map(({ column, values }) => [column, values]));
  const value = (output, row) => {
    const { tag, val } = columns[output];
    if (tag === 'floats') return known(val[row]);
    return val[row] === MISSING ? null : texts.get(output)[val[row]];
  };
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(outputs.map(({ name }, output) => [name, value(output, row)])));
}

/** What `wattdog-plugin.js` promises and no case shows. */
class Careless extends MeterDetector {
  last = null;

  static describe() {
    return { name: 'careless', version: '0.1.0', summary: 'Fails.', stateVersion: 3, oldestStateVersion: 2 };
  }

  score(settings, row, verdict) {
    this.last = NaN;
    verdict.report('anomaly', { expected: { electricty: { value: 1 } } });
  }
}

test('what goes wrong is readable', () => {
  const logged = [];
  const { lifecycle, detection } = component(Careless, (level, message) => logged.push(`${level} ${message}`));
  lifecycle.configure({ params: '{}', model: [] });
  const meter = { code: 0, name: 'A', building: 'A' };
  const batch = { rows: 1, meters: [0], eventTimesUs: [0n], columns: [], newMeters: [meter], newEntries: [] };
  assert.throws(() => detection.score(batch), TypeError);
  assert.match(logged[0], /^error TypeError: the description has no input `electricty`, plugin\.test\.js:\d+$/);
  assert.throws(() => lifecycle.exportState([0]), /state `last` is NaN/);
});

test('state of another version is refused', () => {
  const { lifecycle } = component(Careless);
  lifecycle.configure({ params: '{}', model: [] });
  for (const version of [1, 4]) {
    assert.throws(() => lifecycle.importState(version, [], []), ({ tag }) => tag === 'incompatible-state');
  }
  const state = { meter: 0, bytes: new TextEncoder().encode('{"last":1}') };
  lifecycle.importState(2, [], [state]);
  assert.deepEqual(lifecycle.exportState([0]), [state]);
  lifecycle.forget([0]);
  assert.deepEqual(lifecycle.exportState([0]), []);
});

function readLines(file) {
  return readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** A number as JSON has it. */
function known(value) {
  return Number.isNaN(value) ? null : value;
}

/** Another order of the same arithmetic may differ by 1e-9 of a number's size. */
function alike(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && alike(a[key], b[key]));
}
