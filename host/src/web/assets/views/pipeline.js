// The pipeline: lanes, how far behind each part is, how fast things go, what was set aside.

import { html, nothing } from "../vendor/lit-html.js";
import { count, number, span } from "../format.js";
import { ask, metrics } from "../host.js";
import { empty, table, toBuilding, when } from "./parts.js";

const MOST_LETTERS = 50;
const MOST_BUILDINGS = 50;

/** The samples of the last load, and when that was: rates are differences. */
let last;

export const pipeline = {
  title: () => "Pipeline",
  every: 5000,

  async load() {
    // The store or the broker may be away; that is what this view is looked at for.
    const [samples, letters, watermarks] = await Promise.all([
      metrics(),
      ask("dead-letters", { limit: MOST_LETTERS }).catch(() => []),
      ask("watermarks"),
    ]);
    const at_ms = performance.now();
    const data = new Samples(samples, last?.samples ?? [], last ? (at_ms - last.at_ms) / 1000 : 0);
    last = { samples, at_ms };
    return { data, letters, watermarks };
  },

  draw({ data, letters, watermarks }, { status }) {
    return html`
      <dl class="figures">
        <div><dt>Readings a second</dt><dd>${number(data.rate("readings_total"))}</dd></div>
        <div><dt>Readings</dt><dd>${count(data.value("readings_total"))}</dd></div>
        <div><dt>Windows closed</dt><dd>${count(data.value("windows_closed_total"))}</dd></div>
        <div><dt>Late readings</dt><dd>${count(data.value("late_total"))}</dd></div>
      </dl>
      <h2>Lanes</h2>${lanes(data, status?.lanes ?? [])}
      <h2>Stores</h2>${stores(data)}
      <h2>Set aside</h2>${setAside(data, letters)}
      <h2>How far each building is</h2>${progress(watermarks)}`;
  },
};

/** Metrics of now and a moment ago. */
class Samples {
  constructor(now, before, seconds) {
    Object.assign(this, { now, before, seconds });
  }

  /** Of the first sample that has all these labels. */
  value(name, labels = {}) {
    return value(this.now, name, labels);
  }

  rate(name, labels = {}) {
    const [now, before] = [value(this.now, name, labels), value(this.before, name, labels)];
    return before === undefined ? undefined : (now - before) / this.seconds;
  }

  /** What the label says in all samples of the name. */
  each(name, label) {
    return this.now.filter((sample) => sample.name === name).map(({ labels }) => labels[label]);
  }
}

function value(samples, name, labels) {
  const wanted = Object.entries(labels);
  return samples.find((sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value))?.value;
}

function lanes(data, lanes) {
  if (lanes.length === 0) return empty("No partition is assigned to this host.", "Others of its group may have them all.");
  return table("Lanes", ["#Partition", "State", "#Behind by", "Event time"], lanes.map(({ partition, running }) => {
    const of = { partition: String(partition) };
    const watermark_s = data.value("watermark_seconds", of);
    return html`<tr>
      <td class="number">${partition}</td>
      <td>${running ? "runs" : "starts"}</td>
      <td class="number">${count(data.value("consumer_lag", of))} records</td>
      <td>${watermark_s > 0 ? when(new Date(watermark_s * 1000).toISOString()) : "–"}</td>
    </tr>`;
  }));
}

function stores(data) {
  const sinks = data.each("sink_rows_total", "sink");
  if (sinks.length === 0) return empty("No row is stored yet.");
  return table("Stores", ["Store", "State", "#Rows", "#Rows a second", "#Behind by"], sinks.map((sink) => {
    const away_s = data.value("sink_away_seconds", { sink });
    return html`<tr>
      <td>${sink}</td>
      <td>${away_s > 0 ? html`<strong>away for ${span(away_s)}</strong>` : "answers"}</td>
      <td class="number">${count(data.value("sink_rows_total", { sink }))}</td>
      <td class="number">${number(data.rate("sink_rows_total", { sink }))}</td>
      <td class="number">${count(data.value("sink_lag", { sink }))} records</td>
    </tr>`;
  }));
}

function setAside(data, letters) {
  const reasons = data.each("dead_letters_total", "reason");
  if (reasons.length === 0 && letters.length === 0) return empty("Nothing was set aside.");
  const since = reasons.map((reason) => html`<tr>
    <td>${reason}</td><td class="number">${count(data.value("dead_letters_total", { reason }))}</td>
  </tr>`);
  const heads = ["When", "Kind", "Reason", "Why", "From", "Message"];
  return html`
    ${reasons.length === 0 ? nothing : table("Dead letters by reason", ["Reason", "#Since this host's start"], since)}
    <h3>The last ones</h3>
    ${table("Dead letters", heads, letters.map(letter))}
    <p class="soft"><code>wattdog dead-letters list</code> shows them all, and <code>redrive</code> sends them through again.</p>`;
}

const letter = (letter) => html`<tr>
  <td>${when(letter.time)}</td>
  <td>${letter.kind}</td>
  <td>${letter.reason}</td>
  <td class="why">${letter.message} ${letter.plugin ? html`<span class="soft">${letter.plugin} ${letter.plugin_version}</span>` : nothing}</td>
  <td><code>${letter.source_topic} ${letter.source_partition}/${letter.source_offset}</code></td>
  <td><details><summary>Show</summary><code class="message">${letter.value ?? "no value"}</code></details></td>
</tr>`;

/** Those furthest behind come first: they are the ones to look at. */
function progress(watermarks) {
  if (watermarks.length === 0) return empty("This host has heard of no building yet.");
  const rows = watermarks.slice(0, MOST_BUILDINGS).map(({ building, partition, watermark }) => html`<tr>
    <td>${toBuilding(building)}</td><td class="number">${partition}</td><td>${when(watermark)}</td>
  </tr>`);
  return html`
    ${table("Watermarks", ["Building", "#Partition", "Watermark: latest event time"], rows)}
    ${rows.length < watermarks.length ? html`<p class="soft">and ${count(watermarks.length - rows.length)} more that are further</p>` : nothing}`;
}
