/** An enricher to copy: says of each reading which season it is from, and whether the heating is on. */

import { InvalidConfig, MeterEnricher } from './wattdog-plugin.js';

const SEASONS = ['winter', 'spring', 'summer', 'autumn'];

/** Keeps nothing about a meter. An enricher that does has fields, as the detector has. */
export default class HeatingSeason extends MeterEnricher {
  static describe() {
    return {
      name: 'heating-season',
      version: '0.1.0',
      summary: 'Adds the meteorological season, and whether the heating is on.',
      outputs: [{ name: 'name', type: 'text' }, { name: 'heating' }],
      params: [
        { name: 'heating_months', type: 'float-list', default: [10, 11, 12, 1, 2, 3, 4], text: 'Months with heating, 1 to 12.' },
      ],
    };
  }

  static prepare({ heating_months: months }) {
    const unknown = months.find((month) => !Number.isInteger(month) || month < 1 || month > 12);
    if (unknown !== undefined) throw new InvalidConfig(`\`heating_months\` has ${unknown}, which is none of 1 to 12`);
  }

  enrich({ heating_months: months }, row) {
    const month = new Date(row.eventTimeUs / 1000).getUTCMonth() + 1;
    return { name: SEASONS[Math.floor((month % 12) / 3)], heating: months.includes(month) ? 1 : 0 };
  }
}
