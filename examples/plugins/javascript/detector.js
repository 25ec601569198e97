/**
 * A detector to copy: reports electricity at night and on weekends that is too near to that of working hours.
 *
 * A building that is empty needs little. What it takes then is compared with what it takes when people are in, so that one rule
 * fits small buildings and large ones.
 */

import { InvalidConfig, MeterDetector, quantity } from './wattdog-plugin.js';

const US_PER_HOUR = 3.6e9;
// 1970-01-01 was a Thursday.
const DAYS = ['Thursday', 'Friday', 'Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday'];

/** What is kept about one meter. */
export default class NightWaste extends MeterDetector {
  working = nothingKnown();
  outside = nothingKnown();
  /** The local day under way, in days since 1970. It is learned as a whole when a later one begins, so that a day counts once,
   * whether the meter speaks once or a thousand times in it. */
  day = null;

  static describe() {
    const hour = { type: 'float', unit: 'h', minimum: 0, maximum: 24 };
    return {
      name: 'night-waste',
      version: '0.1.0',
      summary: 'Reports electricity at night and on weekends that is too near to that of working hours.',
      inputs: [{ name: 'electricity', unit: 'kWh' }],
      params: [
        { name: 'opens', ...hour, default: 8, text: 'Working hours begin at this local hour.' },
        { name: 'closes', ...hour, default: 18, text: 'Working hours end at this local hour.' },
        { name: 'time_zone_offset_hours', type: 'float', unit: 'h', default: 0, minimum: -14, maximum: 14,
          text: 'Local time minus UTC.' },
        { name: 'weekend', type: 'text-list', default: ['Saturday', 'Sunday'], text: 'Days without working hours.' },
        { name: 'largest_share', type: 'float', default: 0.6, minimum: 0.01,
          text: 'A reading outside working hours may be this share of their average.' },
        { name: 'min_kwh', type: 'float', unit: 'kWh', default: 5, minimum: 0.001,
          text: 'A reading up to this is never reported.' },
        { name: 'min_days', type: 'integer', default: 5, minimum: 1,
          text: 'A meter is judged once so many days with and without working hours were seen.' },
        { name: 'memory_days', type: 'integer', default: 20, minimum: 1, text: 'Older days are forgotten little by little.' },
      ],
      numbers: [
        { name: 'share', text: 'The reading as a share of the average in working hours.' },
        { name: 'working_kwh', unit: 'kWh', text: 'The average in working hours.' },
      ],
    };
  }

  static prepare(settings) {
    const { opens, closes, weekend } = settings;
    if (opens >= closes) throw new InvalidConfig(`\`opens\` is ${opens} and \`closes\` ${closes}: it must open before it closes`);
    const unknown = weekend.find((day) => !DAYS.includes(day));
    if (unknown !== undefined) throw new InvalidConfig(`\`weekend\` has \`${unknown}\`, which is none of ${DAYS.join(', ')}`);
  }

  score(settings, row, verdict) {
    const value = row.value('electricity');
    // A missing reading says nothing about the meter, so nothing is said of it.
    if (Number.isNaN(value)) return;

    const { day, isWorking } = localTime(row.eventTimeUs, settings);
    if (this.day === null || day > this.day) {
      learn(this.working, settings);
      learn(this.outside, settings);
      this.day = day;
    }
    if (day === this.day) {
      // A reading that comes late, from a day before, is judged and not learned.
      const average = isWorking ? this.working : this.outside;
      average.readings += 1;
      average.sumKwh += value;
    }
    if (isWorking || Math.min(this.working.days, this.outside.days) < settings.min_days) return;

    const high = Math.max(settings.largest_share * this.working.kwh, settings.min_kwh);
    // A meter that feeds in is no waste.
    verdict.score = Math.max(value, 0) / high;
    if (verdict.score > 1) {
      const share = value / this.working.kwh;
      verdict.report(share < 1 ? 'minor' : 'anomaly', {
        reason: reason(value, high, this.working.kwh),
        // A building that wastes each night is not expected to.
        expected: { electricity: { value: Math.min(this.outside.kwh, high), low: 0, high } },
        blame: { electricity: 1 },
        // A share of nothing is not known.
        numbers: { share: this.working.kwh > 0 ? share : NaN, working_kwh: this.working.kwh },
      });
    }
  }
}

/** A slow average: days learned so far, and the readings of the day under way. */
function nothingKnown() {
  return { days: 0, kwh: 0, readings: 0, sumKwh: 0 };
}

/** Adds the day under way: a plain average of the first days, an exponentially weighted one later. */
function learn(average, settings) {
  if (average.readings === 0) return;
  average.days += 1;
  average.kwh += (average.sumKwh / average.readings - average.kwh) / Math.min(average.days, settings.memory_days);
  average.readings = 0;
  average.sumKwh = 0;
}

function localTime(eventTimeUs, { opens, closes, weekend, time_zone_offset_hours: offset }) {
  const hours = eventTimeUs / US_PER_HOUR + offset;
  const day = Math.floor(hours / 24);
  const hour = hours - day * 24;
  const name = DAYS[((day % 7) + 7) % 7];
  return { day, isWorking: hour >= opens && hour < closes && !weekend.includes(name) };
}

function reason(value, high, workingKwh) {
  const working = `working hours take ${quantity(workingKwh, 'kWh')}`;
  return `electricity ${quantity(value, 'kWh')} outside working hours is above ${quantity(high, 'kWh')}; ${working}`;
}
