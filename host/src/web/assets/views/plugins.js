// The plugins: what runs, what does not and why, what each costs and finds, and what has happened to them.

import { html, nothing } from "../vendor/lit-html.js";
import { count, number } from "../format.js";
import { ask } from "../host.js";
import { empty, table, when } from "./parts.js";

const MOST_EVENTS = 100;

export const plugins = {
  title: () => "Plugins",
  every: 2000,

  async load() {
    const [plugins, audit] = await Promise.all([ask("plugins"), ask("plugins/audit")]);
    return { plugins, audit };
  },

  draw({ plugins, audit }) {
    const heads = ["Plugin", "Kind", "State", "#Readings", "#Failed", "#ns a reading", "Since", "Digest"];
    return html`
      ${plugins.length === 0
        ? empty("No plugin.", "Drop a .wasm file into the folder of plugins; it runs as soon as it is whole.")
        : table("Plugins", heads, plugins.map(row))}
      <h2>What has happened</h2>
      ${audit.length === 0
        ? empty("Nothing yet.")
        : table("Events", ["When", "Event", "Plugin", "Why"], audit.toReversed().slice(0, MOST_EVENTS).map(event))}`;
  },
};

const row = (plugin) => html`<tr>
  <td><strong><bdi>${plugin.name || plugin.file}</bdi></strong> <span class="soft">${plugin.version}</span></td>
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
