// Applying where there is no space: nothing is lost, and undoing needs none.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { abortApply, applyChanges, findPendingApply, resumeApply } from 'overlayfs';
import { applied, applyWords, startApplying } from './helpers/applying.ts';
import type { ImageKind } from './helpers/image.ts';
import { imageKinds, mountImage, whyNoImage } from './helpers/image.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit } from './helpers/scene.ts';
import { asUser, at } from './helpers/scene.ts';
import { snapshot } from './helpers/snapshot.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const options = { sync: false };

const lowerTree: Edit = async (_, directory) => {
  for (let d = 0; d < 20; d++) {
    await lab.mkdir(at(directory, `d${d}`));
    for (let f = 0; f < 20; f++) await lab.fill(at(directory, `d${d}`, `f${f}`), 5000, f);
  }
};
const edit: Edit = async (_, merged) => {
  for (let d = 0; d < 20; d++) {
    for (let f = 0; f < 10; f++) await lab.fill(at(merged, `d${d}`, `f${f}`), 9000, d);
    await lab.unlink(at(merged, `d${d}`, 'f10'));
    await lab.mkdir(at(merged, `d${d}`, 'new'));
    await lab.fill(at(merged, `d${d}`, 'new/file'), 9000, d);
  }
};

/** Takes all the space that there is. */
function fill(file: string): void {
  const fd = openSync(file, 'w');
  try {
    for (let size = 1 << 20; size >= 512; ) {
      try {
        writeSync(fd, Buffer.alloc(size));
        fsyncSync(fd);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size >>= 1;
      }
    }
  } finally {
    closeSync(fd);
  }
}

/** In the middle of putting names in place. */
function killInTheMiddle({ upper, lower }: Record<'upper' | 'lower', string>, to: string): void {
  const inject = ['-e', 'trace=renameat2', '-e', 'inject=renameat2:signal=KILL:when=100'];
  const words = applyWords(upper, lower, to);
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }; // each thread is counted by itself
  const strace = ['-qq', '-f', '-o', '/dev/null', ...inject];
  const { stdout } = spawnSync('strace', [...strace, ...words], { env });
  if (`${stdout}` !== 'begins\n') throw new Error(`it was not killed: ${stdout}`);
}

const kinds: readonly ImageKind[] = [{ name: 'ext4', mebibytes: 16 }, ...imageKinds];
for (const kind of kinds) {
  const missing = whyNoImage(kind);
  const run = asUser || missing !== undefined ? test.serial.skip : test.serial;
  const why = missing === undefined ? '' : ` (${missing})`;
  run(`a full ${kind.name}${why} [root only]`, async (t) => {
    const { source, copy, scene, differs } = await startApplying(t, lab, {
      lower: lowerTree,
      edit,
    });
    const image = at(scene.root, 'image');
    await lab.mkdir(image);
    const unmount = await mountImage(kind, `${at(scene.root, 'file')}`, image);
    try {
      const to = `${at(image, 'copy')}`;
      const full = `${at(image, 'full')}`;
      const layers = { upper: `${source.upper}`, lower: `${source.lower}` };
      const renew = async (): Promise<void> => {
        rmSync(full, { force: true });
        rmSync(to, { recursive: true, force: true });
        await lab.mkdir(to);
        await lab.copyTree(copy, to);
      };
      await renew();
      const before = snapshot(to);

      fill(full);
      t.true(statfsSync(to).bavail < 16, 'it is full');
      // The one or the other, as there may be space for the journal and not for the files.
      const refused = await applyChanges(source, { to, ...options }).catch((error) => error);
      const failure = 'failed' in refused ? refused.failed[0]?.error : refused;
      t.is(failure.code, 'ENOSPC', failure.message);
      t.regex(failure.message, /no room, or a quota is used up, .*nothing was changed/);
      t.deepEqual(snapshot(to), before);
      t.is(await findPendingApply(to), undefined);
      rmSync(full);

      for (const end of [abortApply, resumeApply]) {
        await renew();
        const was = snapshot(to);
        killInTheMiddle(layers, to);
        t.is((await findPendingApply(to))?.state, 'ready');
        fill(full);
        if (end === abortApply) {
          await abortApply(to, options);
          t.deepEqual(snapshot(to), was);
        } else {
          // It needs none either, where the filesystem keeps some for itself.
          await resumeApply(to, options).catch((error) =>
            t.is(error.code, 'ENOSPC', error.message),
          );
          rmSync(full);
          if ((await findPendingApply(to)) !== undefined) await resumeApply(to, options);
          t.deepEqual(await differs(Buffer.from(to)), []);
        }
        t.is(await findPendingApply(to), undefined);
        t.deepEqual(
          readdirSync(join(to, '..')).filter((name) => name.startsWith('.copy')),
          [],
        );
      }
      await renew();
      t.true((await applied(source, { to })).result.complete);
      t.deepEqual(await differs(Buffer.from(to)), []);
    } finally {
      await unmount();
    }
  });
}
