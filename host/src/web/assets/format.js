// Numbers and times as people read them.

let zone = "UTC";
let clock, minute, day, full;

/** Times are told in this IANA time zone. */
export function setZone(name) {
  zone = name;
  const formatter = (options) => new Intl.DateTimeFormat(undefined, { timeZone: zone, hourCycle: "h23", ...options });
  clock = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  minute = formatter({ hour: "2-digit", minute: "2-digit" });
  day = formatter({ weekday: "short", day: "numeric", month: "short" });
  full = formatter({ weekday: "short", year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
setZone(zone);

export const timeZone = () => zone;

/** Three significant digits, or whole thousands with their separators. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(undefined, digits).format(value);
}

export const count = (value) => new Intl.NumberFormat().format(value ?? 0);

export const withUnit = (value, unit) => (unit ? `${number(value)}\u00a0${unit}` : number(value));

/** `time`: anything that Date takes. */
export const atClock = (time) => clock.format(new Date(time));
export const atDay = (time) => `${day.format(new Date(time))}, ${clock.format(new Date(time))}`;
export const inFull = (time) => `${full.format(new Date(time))} ${zone}`;

/** As short as steps of so many seconds allow. */
export function atAxis(time, step_s) {
  const at = new Date(time);
  if (step_s >= 86400) return day.format(at);
  if (step_s < 60) return clock.format(at);
  const words = minute.format(at);
  return words === "00:00" ? day.format(at) : words;
}

/** A length of time in its two largest units. */
export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.round(Math.abs(seconds));
  const parts = [];
  for (const [unit, size] of units) {
    const many = Math.floor(left / size);
    left -= many * size;
    if (many > 0 && parts.length < 2) parts.push(`${many}\u00a0${unit}`);
  }
  return parts.join(" ") || "0\u00a0s";
}

/** `+8 %`, `−12 %`: how far a value is from another. */
export function against(value, usual) {
  if (!(usual > 0)) return "";
  const percent = Math.round((value / usual - 1) * 100);
  return percent === 0 ? "as usual" : `${percent > 0 ? "+" : "−"}${Math.abs(percent)}\u00a0%`;
}
