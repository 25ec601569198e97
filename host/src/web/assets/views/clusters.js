// What K-Means holds for usual, and where the newest readings lie.

import { html, nothing } from "../vendor/lit-html.js";
import "../clusters.js";
import { ask } from "../host.js";
import { number } from "../format.js";
import { empty, table, title } from "./parts.js";

export const clusters = {
  title: () => "Clusters",
  every: 5000,

  async load() {
    const [models, readings] = await Promise.all([ask("models"), ask("readings", { limit: 1000 })]);
    return { models: models.filter(({ model }) => model.format === "wattdog-kmeans"), readings };
  },

  draw({ models, readings }, { settings }) {
    if (models.length === 0) return empty("No detector with a K-Means model runs.", "`wattdog train` makes a model; the sidecar of a detector names it.");
    return models.map(({ plugin, version, model }) => html`<section>
      <h2><bdi>${plugin}</bdi> <span class="soft">${version}</span></h2>
      ${drawn(model, readings, settings)}
    </section>`);
  },
};

function drawn(model, readings, settings) {
  const features = model.features.slice(0, 2);
  const places = features.map((feature) => settings.measures.indexOf(feature));
  if (features.length < 2 || places.includes(-1)) return empty("This model does not compare two measures of this host.");
  const scene = {
    features: features.map(title),
    units: features.map((feature) => settings.units[feature]),
    centroids: model.centroids.map((centroid) => centroid.slice(0, 2)),
    std: model.std.slice(0, 2),
    threshold: model.threshold,
    readings: readings.map(({ measures }) => places.map((place) => measures[place])).filter((values) => !values.includes(null)),
  };
  const rows = model.centroids.map((centroid, index) => html`<tr><td class="number">${index}</td>
    ${centroid.map((value) => html`<td class="number">${number(value)}</td>`)}<td class="number">${number(model.sizes?.[index])}</td></tr>`);
  return html`
    <wd-clusters .scene=${scene}></wd-clusters>
    <p class="soft">Crosses: centroids. Area: no further than the threshold of ${number(model.threshold)} from one of them, in standard deviations.
      Points: the newest readings.${model.features.length > 2 ? " The model has more measures than these two; a point may be beyond the threshold by another." : nothing}</p>
    ${table("Centroids", ["#Cluster", ...model.features.map((feature, index) => `#${title(feature)} (${model.units?.[index] ?? ""})`), "#Rows it was trained on"], rows)}`;
}
