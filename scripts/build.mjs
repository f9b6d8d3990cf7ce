// Brings everything up to date that a program of this clone needs; quick when nothing has changed.
import { buildAddon } from './lib/addon.mjs';
import { buildBundles } from './lib/bundle.mjs';
import { layerViolations } from './lib/layers.mjs';
import { fail, progress } from './lib/print.mjs';
import { buildTypeScript } from './lib/typescript.mjs';
import { setup } from './setup.mjs';

await setup();

const violations = layerViolations();
if (violations.length > 0) {
  fail(violations.join('\n'));
}

if (process.platform === 'linux') {
  await buildAddon();
} else {
  progress(`overlayfs exists on Linux only: no addon is built on ${process.platform}.`);
}
await buildTypeScript();
await buildBundles();
