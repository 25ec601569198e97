// The page: which view the address names, what it shows, and what happens meanwhile.

import { html, nothing, render } from "./vendor/lit-html.js";
import { setZone } from "./format.js";
import { ask, follow } from "./host.js";
import { anomalies } from "./views/anomalies.js";
import { building } from "./views/building.js";
import { clusters } from "./views/clusters.js";
import { overview } from "./views/overview.js";
import { failure, loading } from "./views/parts.js";
import { pipeline } from "./views/pipeline.js";
import { plugins } from "./views/plugins.js";

/*
 * A view is { title(route), load(route, page) → data, draw(data, page), rows?(data, rows, page), every? }:
 * `rows` takes committed rows into the data as they come; `every` is after how many milliseconds it is loaded again.
 */
const VIEWS = { "": overview, building, anomalies, clusters, plugins, pipeline };
const MENU = [["", "Overview"], ["anomalies", "Anomalies"], ["clusters", "Clusters"], ["plugins", "Plugins"], ["pipeline", "Pipeline"]];

/** What views know of: the host's settings and status, where the page is, and how to go elsewhere. */
const page = { settings: null, status: null, heard: true, route: null, go, redraw: draw };
let shown = { data: null, error: null };
let timer;

/** `#/building/Building%20A?span=24h` is { view: "building", name: "Building A", query }. */
function routeOf(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, name] = path.split("/", 2).map(decoded);
  return { view: Object.hasOwn(VIEWS, view) ? view : "", name: name ?? "", query: new URLSearchParams(query) };
}

/** A part of the address; one that is not encoded as it should be stays as it is written. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Changes the address's parameters; those without a value go. */
function go(changes) {
  const query = new URLSearchParams(page.route.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const path = [page.route.view, page.route.name].filter(Boolean).map(encodeURIComponent).join("/");
  location.hash = `#/${path}${query.size ? `?${query}` : ""}`;
}

/** Loads the view again. What was shown stays until there is something new. */
async function refresh() {
  const { route } = page;
  const view = VIEWS[route.view];
  clearTimeout(timer);
  try {
    page.settings ??= await settings();
    const data = await view.load(route, page);
    if (route === page.route) shown = { data, error: null };
  } catch (error) {
    if (route === page.route) shown = { ...shown, error };
  }
  if (route === page.route) {
    timer = setTimeout(refresh, shown.error ? 3000 : (view.every ?? 60000));
    draw();
  }
}

async function settings() {
  const settings = await ask("settings");
  setZone(settings.time_zone);
  return settings;
}

function visit() {
  const before = page.route;
  page.route = routeOf(location.hash);
  if (before?.view !== page.route.view || before?.name !== page.route.name) shown = { data: null, error: null };
  const title = VIEWS[page.route.view].title(page.route);
  document.title = `${title} · wattdog`;
  draw();
  refresh();
  if (before && before.view !== page.route.view) document.querySelector("main")?.focus();
}

let due = false;
function draw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    render(frame(), document.body);
  });
}

function frame() {
  const { route, status, heard } = page;
  const view = VIEWS[route.view];
  const { data, error } = shown;
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to the content</a>
    <header>
      <a class="brand" href="#/"><img src="assets/icon.svg" alt="" width="28" height="28"> wattdog</a>
      <nav aria-label="Views">
        ${MENU.map(([name, label]) => html`<a href="#/${name}" aria-current=${route.view === name ? "page" : nothing}>${label}</a>`)}
      </nav>
      <p class="state ${heard ? (status?.ready === false ? "waiting" : "well") : "lost"}" role="status">${stateOf(status, heard)}</p>
    </header>
    <main id="main" tabindex="-1">
      <h1>${view.title(route)}</h1>
      ${error ? failure(error, data !== null) : nothing}
      ${data === null ? (error ? nothing : loading()) : view.draw(data, page)}
    </main>
    <footer>wattdog ${page.settings?.version} · times in ${page.settings?.time_zone ?? "UTC"} ·
      <a href="metrics">Metrics</a> · <a href="api/v1/status">Status</a> · <a href="api/v1/plugins">Plugins</a></footer>`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

function stateOf(status, heard) {
  if (!heard) return "No word from the host; what you see may be old";
  if (!status) return "Asking the host";
  return status.ready ? "Live" : `Not ready: ${status.reason}`;
}

addEventListener("hashchange", visit);
visit();
follow({
  rows(rows) {
    if (shown.data !== null) VIEWS[page.route.view].rows?.(shown.data, rows, page);
    draw();
  },
  status(status) {
    page.status = status;
    draw();
  },
  missed: refresh,
  word(heard) {
    if (heard === page.heard) return;
    page.heard = heard;
    draw();
  },
});
