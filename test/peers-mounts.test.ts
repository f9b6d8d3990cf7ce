// What other programs that mount overlays got wrong, by name. The comments say where.
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import { changes, listOverlays, OverlayError } from 'overlayfs';
import { byMount, mountOverlay } from './helpers/mounting.ts';
import { Place } from './helpers/place.ts';

// containers/bubblewrap, kmxz/overlayfs-tools and others compare paths as strings (binpash/try#123): a
// directory whose name begins with that of another was "inside" of it.
test('layers whose names begin alike are not inside each other', async (t) => {
  using place = new Place('layer', 'layer2', 'layer.work2', 'target');
  await using overlay = await mountOverlay({
    lower: [place.at('layer2'), place.at('layer'), place.at('layer.work2')],
    upper: place.at('layer22'),
    work: place.at('layer.work'),
    target: place.at('target'),
  });
  t.true(existsSync(overlay.path));
});

// binpash/try#122: lowers that are the same by another name give ELOOP and no reason.
test('a lower that is another one by way of a link is named', async (t) => {
  using place = new Place('lower/deep', 'target');
  const error = await t.throwsAsync(
    mountOverlay({
      lower: [place.at('lower'), `${place.at('lower')}/deep/..`],
      upper: place.at('upper'),
      target: place.at('target'),
    }),
    { instanceOf: OverlayError },
  );
  t.is(error?.code, 'ELOOP');
  t.regex(error?.message ?? '', /is or lies inside the lower/);
});

// docker/for-linux#1012, moby/moby commit c923f6ac3b, containers/storage#1159, PR #1158: the options
// were one byte too long and were cut without a word.
test('at the limit of the options nothing is ever cut', async (t) => {
  using place = new Place('target');
  const words = 'lowerdir=,upperdir=,workdir=,userxattr'.length;
  const each = place.base.length + 1 + 200 + 1;
  // The name of the last lower has about 120 characters where the limit is reached.
  const rest =
    4095 - words - place.at('upper').length - place.at('upper.work').length - (each - 80);
  const lengths = Array.from({ length: Math.floor(rest / each) - 1 }, () => 200);
  lengths.push(100, (rest % each) - 1 + 100 - place.base.length - 2);
  const lowers = lengths.map((length, i) => place.at(`${i}`.padEnd(length, 'x')));
  for (const lower of lowers) mkdirSync(lower);
  let compacted = 0;
  for (let length = 40; length < 200; length++) {
    const last = place.at('y'.repeat(length));
    mkdirSync(last);
    writeFileSync(`${last}/in-the-last`, '');
    await using overlay = await mountOverlay({
      lower: [...lowers, last],
      upper: place.at('upper'),
      target: place.at('target'),
    });
    t.true(existsSync(`${overlay.path}/in-the-last`));
    writeFileSync(`${overlay.path}/new`, '');
    t.true(existsSync(place.at('upper/new')));
    if (overlay.warnings.some((warning) => warning.includes('numbers instead'))) {
      compacted++; // the names have not been cut, they are not there
      continue;
    }
    t.is(compacted, 0, 'what is longer fits again');
    const found = (await listOverlays()).find(({ target }) => target === overlay.path);
    t.deepEqual(found?.lower, [...lowers, last]);
    t.is(found?.work, place.at('upper.work'));
  }
  t.is(compacted > 0, byMount);
  t.true(compacted < 160);
});

// systemd/systemd#31987, composefs/composefs-rs#294, ostreedev/ostree#1843, kairos-io/kairos#4786 and
// #4787: the merged root got the mode of a fresh upper, or that of the umask.
for (const [mode, umask] of [
  [0o755, 0o077],
  [0o700, 0o022],
  [0o1777, 0o027],
] as const) {
  test.serial(
    `the root of the overlay is that of the lower, mode ${mode.toString(8)}`,
    async (t) => {
      using place = new Place('lower', 'target');
      chmodSync(place.at('lower'), mode);
      const before = process.umask(umask);
      try {
        await using overlay = await mountOverlay({
          lower: place.at('lower'),
          upper: place.at('upper'),
          target: place.at('target'),
        });
        t.is(statSync(overlay.path).mode & 0o7777, mode);
        const listing = changes(overlay);
        t.true((await listing.next()).done);
      } finally {
        process.umask(before);
      }
    },
  );
}

// containerd/containerd#1785, #1868, #10704: what could not be unmounted was removed, through the mount.
test('what cannot be unmounted keeps all its files', async (t) => {
  using place = new Place('lower', 'target');
  writeFileSync(place.at('lower/below'), 'below');
  const overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  });
  writeFileSync(place.at('target/above'), 'above');
  const open = openSync(place.at('target/below'), 'r');
  t.like(await t.throwsAsync(overlay.close()), { code: 'EBUSY' });
  t.is(readFileSync(place.at('target/below'), 'utf8'), 'below');
  t.is(readFileSync(place.at('target/above'), 'utf8'), 'above');
  closeSync(open);
  await overlay.close();
  t.is(readFileSync(place.at('lower/below'), 'utf8'), 'below');
  t.is(readFileSync(place.at('upper/above'), 'utf8'), 'above');
});

// containers/fuse-overlayfs#393: the mount point was the upper.
test('an overlay over its own upper can be read and closed', async (t) => {
  using place = new Place('lower', 'upper');
  writeFileSync(place.at('lower/below'), 'below');
  const overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    work: place.at('work'),
    target: place.at('upper'),
  });
  writeFileSync(place.at('upper/new'), 'new');
  const seen: string[] = [];
  for await (const { kind, path } of changes(overlay)) seen.push(`${kind} ${path}`);
  t.deepEqual(seen, ['added new']);
  await overlay.close();
  t.is(readFileSync(place.at('upper/new'), 'utf8'), 'new');
  t.false(existsSync(place.at('upper/below')));
});
