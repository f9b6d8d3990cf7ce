import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles } from './files.mjs';
import { root } from './root.mjs';

const foreign = /\b(?:napi\.h|node\w*\.h|uv\.h|v8[\w-]*\.h|js_native_api\w*\.h)/g;

/** native/core knows nothing of JavaScript. Returns one line for each place that says otherwise. */
export function layerViolations() {
  return listFiles('native/core', /\.(cc|h)$/).flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        (line.match(foreign) ?? [])
          // A header of our own that happens to be called node_something.h is no header of Node.
          .filter((name) => !existsSync(join(root, 'native/core', name)))
          .map((name) => `${file}:${index + 1}: native/core must not know ${name}`),
      ),
  );
}
