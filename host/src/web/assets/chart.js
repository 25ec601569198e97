// Charts as elements: <wd-chart> for a measure over time, <wd-spark> for its last day in small.

import uPlot from "./vendor/uPlot.js";
import { atAxis, atClock, atDay, timeZone, withUnit } from "./format.js";
import { colours } from "./theme.js";

/** Nearer than this, in CSS pixels, the pointer means a finding. */
const NEAR = 14;
const HEIGHT = 260;
const dark = matchMedia("(prefers-color-scheme: dark)");

/**
 * One measure: the band from the smallest to the largest value, the average, and findings as marks.
 *
 * `series`: { label, unit, times: [s], averages, smallest, largest, findings: [{ time_s, value, severity, text }], onZoom(since_s, until_s) };
 * null where there is no value.
 */
class Chart extends HTMLElement {
  #series;
  #plot;
  #resized = new ResizeObserver(([{ contentRect }]) => this.#plot?.setSize({ width: contentRect.width, height: HEIGHT }));
  #themed = () => this.#make();

  set series(series) {
    this.#series = series;
    if (this.#plot) this.#update();
    else if (this.isConnected) this.#make();
  }

  connectedCallback() {
    this.tabIndex = 0;
    this.setAttribute("role", "img");
    this.addEventListener("keydown", (event) => this.#step(event));
    this.#resized.observe(this);
    dark.addEventListener("change", this.#themed);
    if (this.#series) this.#make();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    dark.removeEventListener("change", this.#themed);
    this.#plot?.destroy();
    this.#plot = null;
  }

  #data() {
    const { times, averages, smallest, largest } = this.#series;
    return [times, largest, smallest, averages];
  }

  #update() {
    this.#label();
    this.#plot.setData(this.#data());
  }

  #label() {
    const { label, unit, times, averages, findings } = this.#series;
    const last = averages.findLast((value) => value !== null);
    const range = times.length ? `from ${atDay(times[0] * 1000)} to ${atDay(times.at(-1) * 1000)}` : "without a value";
    this.setAttribute("aria-label", `${label} ${range}, last ${withUnit(last, unit)}, ${findings.length} anomalies. Arrow keys go along it.`);
  }

  #make() {
    this.#plot?.destroy();
    this.replaceChildren();
    this.#label();
    const colour = colours(this);
    const [ink, grid, line, band] = ["--ink-soft", "--line", "--accent", "--band"].map(colour);
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const { unit } = this.#series;
    const value = (_, value) => withUnit(value, unit);
    const options = {
      width: Math.max(this.clientWidth, 100),
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), timeZone()),
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      scales: { x: { time: true } },
      axes: [{ ...axis, values: (_, seconds, __, ___, step) => seconds.map((at) => atAxis(at * 1000, step)) }, { ...axis, size: 56 }],
      series: [
        { value: (_, seconds) => (seconds === null ? "–" : atDay(seconds * 1000)), label: "Time" },
        { label: "largest", stroke: band, value, points: { show: false } },
        { label: "smallest", stroke: band, value, points: { show: false } },
        { label: "average", stroke: line, width: 2, value, points: { show: false } },
      ],
      bands: [{ series: [1, 2], fill: band }],
      hooks: {
        draw: [(plot) => this.#mark(plot, colour)],
        setCursor: [(plot) => this.#tell(plot)],
        setSelect: [(plot) => this.#zoom(plot)],
      },
    };
    this.#plot = new uPlot(options, this.#data(), this);
    const word = document.createElement("p");
    word.className = "word";
    word.setAttribute("aria-live", "polite");
    this.append(word);
  }

  /** Findings, each severity in its own shape: colour alone tells not everybody. */
  #mark(plot, colour) {
    const { ctx } = plot;
    const size = 5 * devicePixelRatio;
    ctx.save();
    for (const { time_s, value, severity } of this.#series.findings) {
      const [x, y] = [plot.valToPos(time_s, "x", true), plot.valToPos(value, "y", true)];
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      ctx.fillStyle = colour(`--${severity}`);
      ctx.beginPath();
      if (severity === "minor") ctx.arc(x, y, size * 0.7, 0, 2 * Math.PI);
      else if (severity === "anomaly") ctx.rect(x - size * 0.7, y - size * 0.7, size * 1.4, size * 1.4);
      else for (const [dx, dy] of [[0, -size * 1.2], [size, size * 0.8], [-size, size * 0.8]]) ctx.lineTo(x + dx, y + dy);
      ctx.fill();
    }
    ctx.restore();
  }

  #tell(plot) {
    const word = this.querySelector(".word");
    if (!word) return;
    const { left, top } = plot.cursor;
    const away = ({ time_s, value }) => {
      const dy = top < 0 ? 0 : plot.valToPos(value, "y") - top;
      return Math.hypot(plot.valToPos(time_s, "x") - left, dy);
    };
    const nearest = this.#series.findings
      .map((finding) => ({ finding, away: away(finding) }))
      .filter(({ away }) => away < NEAR)
      .sort((a, b) => a.away - b.away)[0];
    word.textContent = nearest ? `${atClock(nearest.finding.time_s * 1000)} ${nearest.finding.text}` : "";
  }

  #zoom(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    this.#series.onZoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  #step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const { times } = this.#series;
    if (!by || times.length === 0) return;
    event.preventDefault();
    const at = Math.min(Math.max((this.#plot.cursor.idx ?? times.length) + by, 0), times.length - 1);
    this.#plot.setCursor({ left: this.#plot.valToPos(times[at], "x"), top: -1 });
    const { averages, smallest, largest, unit } = this.#series;
    const word = this.querySelector(".word");
    const values = `average ${withUnit(averages[at], unit)}, from ${withUnit(smallest[at], unit)} to ${withUnit(largest[at], unit)}`;
    word.textContent = `${atDay(times[at] * 1000)}: ${values}. ${word.textContent}`;
  }
}

/** `values`: numbers and nulls at equal distances. */
class Spark extends HTMLElement {
  set values(values) {
    const present = values.filter((value) => value !== null);
    const [low, high] = [Math.min(...present), Math.max(...present)];
    const y = (value) => (high > low ? 23 - (22 * (value - low)) / (high - low) : 12);
    let path = "";
    let pen = "M";
    values.forEach((value, index) => {
      if (value === null) {
        pen = "M";
        return;
      }
      path += `${pen}${((100 * index) / Math.max(values.length - 1, 1)).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    });
    if (path === this.path) return;
    this.path = path;
    const names = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(names, "svg");
    svg.setAttribute("viewBox", "0 0 100 24");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(names, "path");
    line.setAttribute("d", path);
    svg.append(line);
    this.replaceChildren(svg);
  }
}

customElements.define("wd-chart", Chart);
customElements.define("wd-spark", Spark);
