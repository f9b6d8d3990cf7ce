// Every mistake has its own error: code, the path it is about, the cause and the way out. And after a
// failure nothing is mounted, created or removed.
import { chmodSync, readdirSync, statSync } from 'node:fs';
import test from 'ava';
import type { OverlayError } from 'overlayfs';
import { mistakes, whyNotHere } from './helpers/mistakes.ts';
import { mountOverlay, mountOverlaySync } from './helpers/mounting.ts';
import { Place, standard } from './helpers/place.ts';

/** Everything below a place, with what would change if somebody touched it. */
function inventory(place: Place): string[] {
  return readdirSync(place.base, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size, uid } = statSync(place.at(name));
      return `${name} ${mode} ${size} ${uid}`;
    });
}

for (const mistake of mistakes) {
  const title = `refused with a reason: ${mistake.title}`;
  const why = whyNotHere(mistake);
  if (why !== undefined) {
    test.skip(`${title} ${why}`, () => undefined);
    continue;
  }
  test(title, async (t) => {
    using place = new Place('lower', 'target');
    const options = mistake.prepare(place);
    const before = inventory(place);
    const mounts = place.overlays();
    const error = (await t.throwsAsync(mountOverlay(options), {
      name: 'OverlayError',
      code: mistake.code,
    })) as OverlayError;
    t.regex(error.hint ?? '', mistake.hint);
    t.regex(error.message, new RegExp(`^${error.code}: .*, ${error.syscall}`));
    t.true(error.message.endsWith(error.hint ?? ''));
    t.true((error.errno ?? 0) < 0);
    t.deepEqual(place.overlays(), mounts);
    t.deepEqual(inventory(place), before);
    const sync = t.throws(() => mountOverlaySync(options), { name: 'OverlayError' });
    t.is(sync?.message, error.message);
    t.deepEqual(inventory(place), before);
  });
}

test('a target that is busy with another overlay is stacked upon, not replaced', async (t) => {
  using place = new Place('lower', 'target');
  await using first = await mountOverlay(standard(place));
  await using second = await mountOverlay({ ...standard(place), upper: place.at('second') });
  t.deepEqual(place.overlays(), [first.path, second.path]);
  await second.close();
  t.deepEqual(place.overlays(), [first.path]);
});

test('a work directory without permission for us is named', async (t) => {
  using place = new Place('lower', 'target', 'work');
  chmodSync(place.at('work'), 0);
  await using overlay = await mountOverlay({ ...standard(place), work: place.at('work') });
  // Root may write it all the same, also in a user namespace that owns it.
  t.is(overlay.work, place.at('work'));
  await overlay.close();
  chmodSync(place.at('work'), 0o700);
});
