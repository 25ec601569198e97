// What the host says: its API, and its events. Addresses are relative, so that a proxy may put the page anywhere.

/** Asks the API; throws what the host says is wrong. */
export async function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ""));
  let answer;
  try {
    answer = await fetch(address(path, query), { headers: { accept: "application/json" } });
  } catch {
    throw new Error("wattdog does not answer. Does it run? `wattdog status` asks it from a terminal.");
  }
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.error ?? `wattdog answers with ${answer.status} ${answer.statusText}`);
}

export const address = (path, query) => `api/v1/${path}${query?.size ? `?${query}` : ""}`;

/** The metrics, as a list of { name, labels, value }. */
export async function metrics() {
  const answer = await fetch("metrics");
  return (await answer.text()).split("\n").map(sample).filter(Boolean);
}

/** A line of the OpenMetrics text format. */
function sample(line) {
  const parts = /^wattdog_([a-z0-9_]+)(?:\{(.*)\})? (\S+)/.exec(line);
  if (!parts) return null;
  const labels = {};
  for (const [, label, value] of (parts[2] ?? "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[label] = value.replace(/\\(.)/g, (_, mark) => (mark === "n" ? "\n" : mark));
  }
  return { name: parts[1], labels, value: Number(parts[3]) };
}

/** Follows the events: `on` has a function for `rows`, `status` and `missed`, and one for `word`, told whether the host is heard. */
export function follow(on) {
  let heard = 0;
  const source = new EventSource("api/v1/events");
  for (const event of ["rows", "status", "missed"]) {
    source.addEventListener(event, ({ data }) => {
      heard = Date.now();
      on.word(true);
      on[event](JSON.parse(data));
    });
  }
  // The status comes each two seconds.
  setInterval(() => on.word(Date.now() - heard < 6000), 1000);
}
