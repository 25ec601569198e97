// <wd-clusters>: one measure against another, what K-Means holds for usual, and the newest readings.

import uPlot from "./vendor/uPlot.js";
import { withUnit } from "./format.js";
import { colours } from "./theme.js";

const HEIGHT = 480;

/** `scene`: { features: [name, name], units: [unit, unit], centroids: [[x, y]], std: [x, y], threshold, readings: [[x, y]] }. */
class Clusters extends HTMLElement {
  #scene;
  #plot;
  #resized = new ResizeObserver(([{ contentRect }]) => this.#plot?.setSize({ width: contentRect.width, height: HEIGHT }));

  set scene(scene) {
    this.#scene = scene;
    if (this.#plot) this.#plot.setData(this.#data());
    else if (this.isConnected) this.#make();
  }

  connectedCallback() {
    this.setAttribute("role", "img");
    this.#resized.observe(this);
    if (this.#scene) this.#make();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** Readings by the first measure; those beyond the threshold are a series of their own. */
  #data() {
    const { readings, features } = this.#scene;
    const sorted = readings.toSorted(([a], [b]) => a - b);
    const beyond = sorted.map((reading) => distance(reading, this.#scene) > this.#scene.threshold);
    const many = beyond.filter(Boolean).length;
    this.setAttribute("aria-label", `${sorted.length} readings, ${features.join(" against ")}; ${many} of them further from every centroid than the threshold`);
    return [
      sorted.map(([x]) => x),
      sorted.map(([, y], index) => (beyond[index] ? null : y)),
      sorted.map(([, y], index) => (beyond[index] ? y : null)),
    ];
  }

  #make() {
    const colour = colours(this);
    const [ink, grid, within, beyond] = ["--ink-soft", "--line", "--accent", "--critical"].map(colour);
    const { features, units } = this.#scene;
    const axis = (index) => ({ stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, label: `${features[index]} (${units[index]})`, labelSize: 24 });
    const points = (label, stroke) => ({ label, stroke, paths: () => null, points: { show: true, size: 4, fill: stroke }, value: (_, value) => withUnit(value, units[1]) });
    const options = {
      width: Math.max(this.clientWidth, 100),
      height: HEIGHT,
      scales: { x: { time: false, range: (_, low, high) => this.#reach(0, low, high) }, y: { range: (_, low, high) => this.#reach(1, low, high) } },
      axes: [axis(0), { ...axis(1), size: 56 }],
      series: [{ label: features[0], value: (_, value) => withUnit(value, units[0]) }, points("within the threshold", within), points("beyond it", beyond)],
      hooks: { drawAxes: [(plot) => this.#contour(plot, colour)], draw: [(plot) => this.#centroids(plot, colour)] },
    };
    this.#plot = new uPlot(options, this.#data(), this);
  }

  /** All readings, and all that the contour encloses. */
  #reach(axis, low, high) {
    const { centroids, std, threshold } = this.#scene;
    const edges = centroids.flatMap((centroid) => [-1, 1].map((side) => centroid[axis] + side * threshold * std[axis]));
    const [from, to] = [Math.min(low ?? Infinity, ...edges), Math.max(high ?? -Infinity, ...edges)];
    return [from - 0.03 * (to - from), to + 0.03 * (to - from)];
  }

  /** Where the distance to the nearest centroid is the threshold: circles in scaled space, ellipses in real units. */
  #contour(plot, colour) {
    const { centroids, std, threshold } = this.#scene;
    const area = new Path2D();
    for (const [x, y] of centroids) {
      const at = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
      const radius = [Math.abs(plot.valToPos(x + threshold * std[0], "x", true) - at[0]), Math.abs(plot.valToPos(y + threshold * std[1], "y", true) - at[1])];
      area.moveTo(at[0] + radius[0], at[1]);
      area.ellipse(...at, ...radius, 0, 0, 2 * Math.PI);
    }
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--accent");
    ctx.lineWidth = 3 * devicePixelRatio;
    ctx.stroke(area);
    // The inner half of the lines, and where ellipses overlap, is painted over: what stays is the outline of all.
    for (const paint of ["--card", "--band"]) {
      ctx.fillStyle = colour(paint);
      ctx.fill(area);
    }
    ctx.restore();
  }

  #centroids(plot, colour) {
    const { ctx } = plot;
    const size = 7 * devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = colour("--ink");
    ctx.lineWidth = 2.5 * devicePixelRatio;
    for (const [x, y] of this.#scene.centroids) {
      const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
      ctx.beginPath();
      ctx.moveTo(left - size, top);
      ctx.lineTo(left + size, top);
      ctx.moveTo(left, top - size);
      ctx.lineTo(left, top + size);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** To the nearest centroid, in scaled space. */
function distance([x, y], { centroids, std }) {
  return Math.min(...centroids.map(([cx, cy]) => Math.hypot((x - cx) / std[0], (y - cy) / std[1])));
}

customElements.define("wd-clusters", Clusters);
