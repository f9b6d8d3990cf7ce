/** A process in which every call of the addon is counted and fails, and a place to name in calls. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as overlayfs from 'overlayfs';

/** The code of the error that every call of it is. */
export const called: string = 'ERR_TEST_CALLED';

let calls = 0;
/** Of the addon, until now. */
export const addonCalls = (): number => calls;

/** What the only call that succeeds answers: an overlay has to come from somewhere. */
let mounted: object | undefined;

// This is what `require` loads addons with.
process.dlopen = (module: object) => {
  const get = (_: object, name: string) => () => {
    if (mounted !== undefined && name === 'mountOverlay') {
      return { value: mounted };
    }
    calls++;
    throw Object.assign(new Error(`${name} of the addon was called`), { code: called });
  };
  Object.assign(module, { exports: new Proxy({}, { get }) });
};

export const base: string = mkdtempSync(join(tmpdir(), 'overlayfs-test-arguments-'));
export const at = (name: string): string => join(base, name);
export const directories: readonly string[] = ['lower', 'target', 'upper'];
for (const name of directories) {
  mkdirSync(at(name));
}

/** An overlay that was never mounted: what needs a mount fails, what comes first does not. */
mounted = [Buffer.from(at('target')), null, null, true, 1n, false, false, 1, [], {}, {}];
export const unmounted: overlayfs.AttachedOverlay = overlayfs.mountOverlaySync({
  lower: at('lower'),
  upper: at('upper'),
  target: at('target'),
});
mounted = undefined;
