// Every building at a glance: its last day, now, today against the usual, what was found.

import { html, nothing } from "../vendor/lit-html.js";
import "../chart.js";
import { against, count, number, span, withUnit } from "../format.js";
import { ask } from "../host.js";
import { SEVERITIES, badge, empty, title, toBuilding } from "./parts.js";

const ORDERS = {
  name: ["by name", (a, b) => a.building.localeCompare(b.building, undefined, { numeric: true })],
  anomalies: ["most anomalies first", (a, b) => found(b) - found(a)],
  unusual: ["furthest from the usual first", (a, b) => unusual(b) - unusual(a)],
};

const found = ({ anomalies }) => Object.values(anomalies).reduce((sum, count) => sum + count, 0);
const unusual = ({ measures }) => Math.max(...Object.values(measures).map(({ today, usual }) => (usual > 0 ? Math.abs(today / usual - 1) : 0)));

export const overview = {
  title: () => "Overview",
  every: 10_000,

  async load() {
    const answer = await ask("overview");
    const latest_s = answer.latest ? new Date(answer.latest).getTime() / 1000 : 0;
    return { ...answer, latest_s, now: new Map() };
  },

  rows(data, { windows, anomalies }) {
    for (const row of windows) {
      data.now.set(row.building, row);
      data.latest_s = Math.max(data.latest_s, new Date(row.window_start).getTime() / 1000);
    }
    for (const { building, severity } of anomalies) {
      const of = data.buildings.find((known) => known.building === building);
      if (of) of.anomalies[severity] = (of.anomalies[severity] ?? 0) + 1;
    }
  },

  draw(data, page) {
    const { settings, status, route } = page;
    if (data.buildings.length === 0) {
      return empty("No window yet.", "Readings make one as soon as they come. `wattdog demo` and `wattdog generate readings` make readings.");
    }
    const search = (route.query.get("search") ?? "").toLowerCase();
    const order = route.query.get("order") ?? "name";
    const buildings = data.buildings
      .filter(({ building }) => building.toLowerCase().includes(search))
      .sort((ORDERS[order] ?? ORDERS.name)[1]);
    return html`
      <dl class="figures">
        <div><dt>Buildings</dt><dd>${count(data.buildings.length)}</dd></div>
        <div><dt>Anomalies of the last day</dt><dd>${count(data.buildings.reduce((sum, building) => sum + found(building), 0))}</dd></div>
        <div><dt>Readings since the start</dt><dd>${count(status?.readings)}</dd></div>
      </dl>
      <form class="tools" @submit=${(event) => event.preventDefault()}>
        <label>Search <input type="search" .value=${route.query.get("search") ?? ""} @input=${(event) => page.go({ search: event.target.value })}></label>
        <label>Order <select @change=${(event) => page.go({ order: event.target.value })}>
          ${Object.entries(ORDERS).map(([name, [words]]) => html`<option value=${name} ?selected=${name === order}>${words}</option>`)}
        </select></label>
      </form>
      ${buildings.length === 0 ? empty("No building has that in its name.") : nothing}
      <ul class="cards">${buildings.map((building) => card(building, data, settings))}</ul>`;
  },
};

function card(building, data, settings) {
  const silent_s = data.latest_s - building.seen_s;
  const now = data.now.get(building.building);
  const silent = !now && silent_s > 2 * data.bucket_s + settings.window_s;
  return html`<li class="card">
    <h2>${toBuilding(building.building)}</h2>
    ${silent ? html`<p class="soft">Silent for ${span(silent_s)}</p>` : nothing}
    ${settings.measures.map((measure) => {
      const { averages, today, usual } = building.measures[measure];
      const unit = settings.units[measure];
      const value = now?.[`avg_${measure}`] ?? averages.findLast((average) => average !== null);
      return html`<div class="measure">
        <span class="soft">${title(measure)}</span>
        <strong class="now">${withUnit(value, unit)}</strong>
        <wd-spark .values=${averages}></wd-spark>
        <span class="soft">${withUnit(today, unit)} today${usual === null ? nothing : html`,
          <span title="usual at this time of such a day: ${number(usual)} ${unit}">${against(today, usual)}</span>`}</span>
      </div>`;
    })}
    <p class="found">${SEVERITIES.filter((severity) => building.anomalies[severity]).map((severity) => badge(severity, `${building.anomalies[severity]} ${severity}`))}</p>
  </li>`;
}
