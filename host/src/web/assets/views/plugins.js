// The plugins: what runs, what does not and why, what each costs and finds, and what has happened to them.

import { html, nothing } from "../vendor/lit-html.js";
import { count, number } from "../format.js";
import { ask } from "../host.js";
import { empty, loading, table, toBuilding, when } from "./parts.js";

const MOST_EVENTS = 100;
/** A comparison reads all findings of a day, so it is not made anew with each look. */
const COMPARED_FOR_MS = 60_000;

/** Bins of scores up to a detector's own threshold. */
const BINS_OF_ONE = 4;

/** By "active/shadow": what came of it, if that is known yet, and when it was asked for. */
const compared = new Map();

export const plugins = {
  title: () => "Plugins",
  every: 2000,

  async load(route, { redraw }) {
    const [plugins, audit] = await Promise.all([ask("plugins"), ask("plugins/audit")]);
    const shadows = plugins.filter(({ state }) => state === "shadow");
    const pairs = shadows.flatMap((shadow) => plugins.filter(isBeside).map((active) => [active, shadow]));
    for (const pair of pairs) compare(pair, redraw);
    return { plugins, audit, pairs };
  },

  draw({ plugins, audit, pairs }) {
    const heads = ["Plugin", "Kind", "State", "#Readings", "#Failed", "#ns a reading", "Since", "Digest"];
    return html`
      ${plugins.length === 0
        ? empty("No plugin.", "Drop a .wasm file into the folder of plugins; it runs as soon as it is whole.")
        : table("Plugins", heads, plugins.map(row))}
      ${pairs.map(comparison)}
      <h2>What has happened</h2>
      ${audit.length === 0
        ? empty("Nothing yet.")
        : table("Events", ["When", "Event", "Plugin", "Why"], audit.toReversed().slice(0, MOST_EVENTS).map(event))}`;
  },
};

const row = (plugin) => html`<tr>
  <td><strong><bdi>${plugin.file}</bdi></strong>
    <span class="soft">${plugin.name && plugin.name !== plugin.file ? html`<bdi>${plugin.name}</bdi> ` : nothing}${plugin.version}</span></td>
  <td>${plugin.kind}</td>
  <td>
    <span class="badge state-${plugin.state}">${plugin.state}</span>
    ${plugin.reason ? html`<p class="why">${plugin.reason}</p>` : nothing}
    ${(plugin.warm_up ?? []).map(warmUp)}
  </td>
  <td class="number">${count(plugin.scored)}</td>
  <td class="number">${count(plugin.failed)}</td>
  <td class="number">${number(plugin.ns_per_reading)}</td>
  <td>${when(plugin.since)}</td>
  <td><code title=${plugin.digest}>${plugin.digest.slice(0, 12)}</code></td>
</tr>`;

const warmUp = ([partition, { read, total, done }]) =>
  done ? nothing : html`<p class="soft">lane ${partition}: has gone through ${count(read)} of ${count(total)} earlier readings</p>`;

const event = (line) => html`<tr>
  <td>${when(line.time)}</td>
  <td>${line.event}</td>
  <td><bdi>${line.plugin || line.file}</bdi> <span class="soft">${line.version}</span></td>
  <td class="why">${line.reason}</td>
</tr>`;

const isBeside = ({ kind, state }) => kind === "detector" && state === "active";

const nameOf = ([active, shadow]) => `${active.file}/${shadow.file}`;

/** Asks where it was not asked of late. The view does not wait: a day's findings take a moment. */
async function compare(pair, redraw) {
  const [active, shadow] = pair;
  const known = compared.get(nameOf(pair));
  if (known && Date.now() - known.at < COMPARED_FOR_MS) return;
  compared.set(nameOf(pair), { ...known, at: Date.now() });
  const result = await ask("plugins/compare", { a: active.file, b: shadow.file }).catch((error) => ({ error }));
  compared.set(nameOf(pair), { result, at: Date.now() });
  redraw();
}

/** A detector in the shadow beside the active one. */
function comparison(pair) {
  const [active, shadow] = pair;
  return html`
    <section>
      <h2><bdi>${shadow.file}</bdi> in the shadow of <bdi>${active.file}</bdi></h2>
      ${outcome(pair, compared.get(nameOf(pair))?.result)}
    </section>`;
}

function outcome(pair, result) {
  if (!result) return loading();
  if (result.error) return html`<p class="note">They cannot be compared: ${result.error.message}</p>`;
  const { agreement, both, sides } = result;
  return html`
    <p>Of the readings that either found in the last day, both found ${count(both)}: they agree in ${number(agreement * 100)} %.
      <code>wattdog plugin promote ${pair[1].file}</code> lets them change places.</p>
    ${pair.map((plugin, side) => alone(plugin, sides[side]))}
    ${spread(pair)}`;
}

const alone = ({ file }, { found, alone, examples }) => html`
  <h3>Only <bdi>${file}</bdi>: ${count(alone)} of its ${count(found)}</h3>
  ${examples.length === 0 ? nothing : table(`Only ${file}`, ["When", "Building", "Meter", "#Score", "Why"], examples.map((row) => html`<tr>
    <td>${when(row.detected_at)}</td>
    <td>${toBuilding(row.building)}</td>
    <td><bdi>${row.meter}</bdi></td>
    <td class="number">${number(row.score)}</td>
    <td class="why">${row.reason}</td>
  </tr>`))}`;

/** How the scores of all readings are spread; 1 is a detector's own threshold. */
function spread(plugins) {
  const counts = plugins.map(({ scores }) => scores?.counts ?? []);
  const totals = plugins.map(({ scores }, side) => counts[side].reduce((sum, bin) => sum + bin, scores?.not_judged ?? 0));
  const bins = [...Array(Math.max(...counts.map(({ length }) => length))).keys()];
  const share = (side, bin) => (counts[side][bin] ?? 0) / Math.max(totals[side], 1);
  const cell = (side, bin) => html`<td><meter min="0" max="1" value=${share(side, bin)}
    aria-label="share of ${plugins[side].file}"></meter> ${share(side, bin) ? `${number(share(side, bin) * 100)} %` : nothing}</td>`;
  return table("Scores", ["#Score from", ...plugins.map(({ file }) => file)], bins.map((bin) => html`<tr>
    <td class="number">${(bin / BINS_OF_ONE).toFixed(2)}</td>${[0, 1].map((side) => cell(side, bin))}
  </tr>`));
}
