// Parts that views share.

import { html, nothing } from "../vendor/lit-html.js";
import { atDay, inFull, withUnit } from "../format.js";

export const SEVERITIES = ["minor", "anomaly", "critical"];

export const loading = () => html`<p class="note" role="status">Loading…</p>`;

/** `kept`: what was known before is still shown. */
export const failure = (error, kept) => html`
  <div class="note failure" role="alert"><strong>${kept ? "Not up to date." : "Nothing to show."}</strong> ${error.message}</div>`;

/** Nothing is there, and that is right. */
export const empty = (words, hint) => html`<div class="note"><p>${words}</p>${hint ? html`<p class="soft">${hint}</p>` : nothing}</div>`;

export const badge = (severity, words = severity) => html`<span class="badge ${severity}">${words}</span>`;

export const when = (time) => html`<time datetime=${time} title=${inFull(time)}>${atDay(time)}</time>`;

export const toBuilding = (name, query = "") => html`<a href="#/building/${encodeURIComponent(name)}${query}"><bdi>${name}</bdi></a>`;

export const title = (measure) => measure.charAt(0).toUpperCase() + measure.slice(1).replaceAll("_", " ");

/** A table that may be wider than the page. `heads`: what stands above each column; one that begins with `#` is of numbers. */
export const table = (label, heads, rows, kind = "") => html`
  <div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table class=${kind}>
      <thead><tr>${heads.map((head) => html`<th class=${head.startsWith("#") ? "number" : ""}>${head.replace("#", "")}</th>`)}</tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`;

/** Findings as a table. `place`: whether to say which building. */
export const findings = (rows, settings, place = true) => {
  const measures = settings.measures;
  const heads = ["When", ...(place ? ["Building"] : []), "Meter", "Severity", ...measures.map((measure) => `#${title(measure)}`), "Why", "Detector"];
  return table("Anomalies", heads, rows.map((row) => html`<tr>
    <td>${when(row.detected_at)}</td>
    ${place ? html`<td>${toBuilding(row.building, around(row))}</td>` : nothing}
    <td><bdi>${row.floor === null ? row.meter : `Floor ${row.floor}`}</bdi></td>
    <td>${badge(row.severity)}</td>
    ${measures.map((measure) => seen(row, measure, settings.units[measure]))}
    <td class="why">${row.reason}${row.score === null ? nothing : html` <span class="soft">${row.score.toFixed(1)} × the threshold</span>`}</td>
    <td><bdi>${row.detector}</bdi> <span class="soft">${row.detector_version}</span></td>
  </tr>`), "findings");
};

/** What was seen, and what was expected where the detector knows. */
function seen(row, measure, unit) {
  const { value } = row.expected?.[measure] ?? {};
  const words = withUnit(row[measure], unit);
  return html`<td class="number">${blamed(row) === measure ? html`<strong>${words}</strong>` : words}
    ${value === undefined || value === null ? nothing : html`<span class="soft">expected ${withUnit(value, unit)}</span>`}</td>`;
}

/** The measure that is most to blame, where the detector says so. */
export function blamed(row) {
  const shares = Object.entries(row.expected ?? {}).map(([measure, { blame }]) => [measure, blame ?? 0]);
  return shares.filter(([, blame]) => blame > 0).sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Parameters that show the hours around a finding. */
function around(row) {
  const time = new Date(row.detected_at).getTime();
  const query = new URLSearchParams({ since: new Date(time - 6 * 3600e3).toISOString(), until: new Date(time + 2 * 3600e3).toISOString() });
  return `?${query}`;
}
