// Makes a component of ./detector.js or ./enricher.js: node build.js <world>. build.sh calls this.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { componentize } from '@bytecodealliance/componentize-js';
import { component } from './wattdog-plugin.js';

const world = process.argv[2];
const duty = { detector: 'detection', enricher: 'enrichment' }[world];
if (duty === undefined) throw new Error(`the world is detector or enricher, not ${world}`);
const { default: MeterClass } = await import(`./${world}.js`);
// The file is called as the plugin calls itself.
const file = `${component(MeterClass).lifecycle.describe().name}.wasm`;

// What joins the plugin to the host. It is made here because Node.js cannot import the host's log, and tests need not.
const entry = '.component.js';
writeFileSync(entry, `import { log } from 'wattdog:plugin/host@1.0.0';
import MeterClass from './${world}.js';
import { component, printTo } from './wattdog-plugin.js';
printTo(log);
const { lifecycle, ${duty} } = component(MeterClass, log);
export { lifecycle, ${duty} };
`);
try {
  const built = await componentize({
    sourcePath: entry,
    // A plugin's own folder has its copy of the contract; this one is beside wattdog's.
    witPath: existsSync('wit') ? 'wit' : '../../../wit/v1',
    worldName: world,
    // No clock, no randomness, no network: the component imports nothing but the host's log.
    disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
  });
  writeFileSync(file, built.component);
  console.log(`${file}, ${built.component.length} bytes`);
} finally {
  rmSync(entry);
}
