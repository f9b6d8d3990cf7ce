/** Mounts ten overlays one after the other, in a worker. */
import { writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { mountOverlay } from 'overlayfs';

for (let i = 0; i < 10; i++) {
  const overlay = await mountOverlay({ lower: workerData as string, upper: 'tmpfs' });
  writeFileSync(overlay.resolve('new'), '');
  await overlay.close();
}
