// What was found, everywhere: the latest first, by filter, and as CSV.

import { html, nothing } from "../vendor/lit-html.js";
import { address, ask } from "../host.js";
import { SEVERITIES, empty, findings } from "./parts.js";

const PAGE = 100;
const SPANS = { "1h": ["the last hour", 3600], "24h": ["the last day", 86400], "7d": ["the last week", 604800], "30d": ["the last 30 days", 2592000], all: ["all", Infinity] };
const DEFAULT_SPAN = "24h";

export const anomalies = {
  title: () => "Anomalies",

  async load({ query }) {
    const { latest, buildings } = await ask("overview");
    const filter = filterOf(query, latest);
    const rows = await ask("anomalies", { ...filter, limit: PAGE });
    return { filter, rows, more: rows.length === PAGE, buildings: buildings.map(({ building }) => building) };
  },

  rows(data, { anomalies }) {
    const { building, severity, detector } = data.filter;
    const wanted = (row) => (!building || row.building === building) && (!severity || severity.split(",").includes(row.severity)) && (!detector || row.detector === detector);
    const known = new Set(data.rows.map(({ id }) => id));
    data.rows.unshift(...anomalies.filter((row) => wanted(row) && !known.has(row.id)).reverse());
  },

  draw(data, page) {
    const { route, settings, go } = page;
    const severities = (route.query.get("severity") ?? "").split(",").filter(Boolean);
    const toggle = (severity) => go({ severity: SEVERITIES.filter((one) => severities.includes(one) !== (one === severity)).join(",") });
    return html`
      <form class="tools" @submit=${(event) => event.preventDefault()}>
        <label>Building <input list="buildings" .value=${route.query.get("building") ?? ""} @change=${(event) => go({ building: event.target.value })}></label>
        <datalist id="buildings">${data.buildings.map((name) => html`<option value=${name}></option>`)}</datalist>
        <label>Detector <input .value=${route.query.get("detector") ?? ""} @change=${(event) => go({ detector: event.target.value })}></label>
        <label>Time <select @change=${(event) => go({ span: event.target.value })}>
          ${Object.entries(SPANS).map(([name, [words]]) => html`<option value=${name} ?selected=${name === (route.query.get("span") ?? DEFAULT_SPAN)}>${words}</option>`)}
        </select></label>
        <fieldset><legend>Severity</legend>
          ${SEVERITIES.map((severity) => html`<label><input type="checkbox" .checked=${severities.includes(severity)} @change=${() => toggle(severity)}> ${severity}</label>`)}
        </fieldset>
        <a class="button" download href=${address("anomalies", new URLSearchParams({ ...known(data.filter), limit: 100000, format: "csv" }))}>CSV</a>
      </form>
      ${data.rows.length === 0 ? empty("Nothing was found.", "Either all is well, or the filter is narrow.") : findings(data.rows, settings)}
      ${data.more ? html`<p><button @click=${() => more(data, page)}>Earlier ones</button></p>` : nothing}`;
  },
};

function filterOf(query, latest) {
  const [, length_s] = SPANS[query.get("span")] ?? SPANS[DEFAULT_SPAN];
  const end = latest ? new Date(latest).getTime() : Date.now();
  const since = Number.isFinite(length_s) ? new Date(end - length_s * 1000).toISOString() : "0001-01-02T00:00:00Z";
  const [building, severity, detector] = ["building", "severity", "detector"].map((name) => query.get(name) ?? undefined);
  // Findings go on while the page is looked at.
  return { building, severity, detector, since, until: "9999-12-30T00:00:00Z" };
}

const known = (filter) => Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));

async function more(data, page) {
  const last = data.rows.at(-1);
  const rows = await ask("anomalies", { ...data.filter, limit: PAGE, after: `${last.detected_at},${last.id}` });
  data.rows.push(...rows);
  data.more = rows.length === PAGE;
  page.redraw();
}
