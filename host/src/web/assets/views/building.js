// One building: each measure over time, with what was found. The address holds the range.

import { html, nothing } from "../vendor/lit-html.js";
import "../chart.js";
import { atDay, count } from "../format.js";
import { ask } from "../host.js";
import { blamed, empty, findings, title } from "./parts.js";

const SPANS = { "1h": ["hour", 3600], "6h": ["6 hours", 21600], "24h": ["day", 86400], "7d": ["week", 604800], "30d": ["30 days", 2592000], "365d": ["year", 31536000] };
const DEFAULT_SPAN = "24h";
/** A chart shows no more points than it has pixels for. */
const MOST_POINTS = 800;
const BUCKETS_S = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 604800];
const MOST_FINDINGS = 1000;

export const building = {
  title: ({ name }) => name,

  async load({ name, query }, { settings }) {
    const range = await rangeOf(query, settings.window_s);
    const length_s = range.until_s - range.since_s;
    const bucket_s = BUCKETS_S.find((seconds) => length_s / seconds <= MOST_POINTS) ?? BUCKETS_S.at(-1);
    const times = { building: name, since: iso(range.since_s), until: iso(range.until_s) };
    const bucket = bucket_s > settings.window_s ? `${bucket_s}s` : undefined;
    const [windows, anomalies] = await Promise.all([
      ask("aggregations", { ...times, bucket, limit: MOST_POINTS + 2 }),
      ask("anomalies", { ...times, limit: MOST_FINDINGS }),
    ]);
    return { name, range, bucket_s: Math.max(bucket_s, settings.window_s), windows, anomalies };
  },

  rows(data, { windows, anomalies }) {
    if (!data.range.live) return;
    for (const row of windows.filter((row) => row.building === data.name)) take(data, row);
    const known = new Set(data.anomalies.map(({ id }) => id));
    data.anomalies.unshift(...anomalies.filter((row) => row.building === data.name && !known.has(row.id)).reverse());
  },

  draw(data, page) {
    const { settings, route, go } = page;
    const { range, windows } = data;
    const span = route.query.get("since") ? null : (route.query.get("span") ?? DEFAULT_SPAN);
    return html`
      <div class="tools" role="group" aria-label="Range">
        ${Object.entries(SPANS).map(([name, [words]]) => html`<button aria-pressed=${name === span} @click=${() => go({ span: name, since: "", until: "" })}>${words}</button>`)}
        ${span ? nothing : html`<button @click=${() => go({ since: "", until: "" })}>Back to now</button>`}
        <span class="soft">${atDay(range.since_s * 1000)} – ${atDay(range.until_s * 1000)}</span>
      </div>
      ${windows.length === 0
        ? empty("No window of this building in this range.", "It may be silent, or the range before its first reading.")
        : settings.measures.map((measure) => html`<section><h2>${title(measure)} <span class="soft">${settings.units[measure]}</span></h2>
            <wd-chart .series=${series(data, measure, settings, go)}></wd-chart></section>`)}
      <p class="soft">Band: smallest to largest value; line: average. Drag to zoom.
        <span class="key minor"></span> minor <span class="key anomaly"></span> anomaly <span class="key critical"></span> critical</p>
      <h2>${count(data.anomalies.length)}${data.anomalies.length >= MOST_FINDINGS ? " and more" : ""} anomalies</h2>
      ${data.anomalies.length === 0 ? empty("Nothing was found in this range.") : findings(data.anomalies.slice(0, 100), settings, false)}`;
  },
};

const iso = (seconds) => new Date(Math.round(seconds * 1000)).toISOString();

/** Either as the address says, or so long up to the end of the latest window of all, whose findings are later than its start. */
async function rangeOf(query, window_s) {
  const [since, until] = [query.get("since"), query.get("until")].map((text) => new Date(text ?? NaN).getTime() / 1000);
  if (since < until) return { since_s: since, until_s: until, live: false };
  const [latest] = await ask("aggregations", { limit: 1 });
  const latest_s = (latest ? new Date(latest.window_start).getTime() : Date.now()) / 1000;
  const [, length_s] = SPANS[query.get("span")] ?? SPANS[DEFAULT_SPAN];
  return { since_s: latest_s + window_s - length_s, until_s: latest_s + window_s, live: true };
}

/** A row as it was committed, into the windows that are shown; where those are buckets, the next load has it. */
function take(data, row) {
  const start_s = new Date(row.window_start).getTime() / 1000;
  const at = data.windows.findIndex(({ window_start }) => window_start === row.window_start);
  if (at >= 0) data.windows[at] = row;
  else if (start_s >= data.range.until_s - data.bucket_s) data.windows.push(row);
  data.range.until_s = Math.max(data.range.until_s, start_s + 1);
}

/** What a chart shows; a gap where a window is missing. */
function series({ windows, anomalies, bucket_s }, measure, settings, go) {
  const shown = { times: [], averages: [], smallest: [], largest: [] };
  const push = (time, average, smallest, largest) => {
    shown.times.push(time);
    shown.averages.push(average);
    shown.smallest.push(smallest);
    shown.largest.push(largest);
  };
  let before;
  for (const row of windows) {
    const time = new Date(row.window_start).getTime() / 1000;
    if (time - before > 2.5 * bucket_s) push(before + bucket_s, null, null, null);
    push(time, row[`avg_${measure}`], row[`min_${measure}`], row[`max_${measure}`]);
    before = time;
  }
  const mark = (row) => ({ time_s: new Date(row.detected_at).getTime() / 1000, value: row[measure], severity: row.severity, text: `${row.severity}: ${row.reason}` });
  const findings = anomalies.filter((row) => row[measure] !== null && (blamed(row) ?? measure) === measure).map(mark);
  const onZoom = (since_s, until_s) => go({ since: iso(since_s), until: iso(until_s), span: "" });
  return { label: title(measure), unit: settings.units[measure], ...shown, findings, onZoom };
}
