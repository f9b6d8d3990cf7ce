// Every mistake is found without mounting, with the way out, and nothing is touched on the way. What
// is no mistake is not found.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import test from 'ava';
import type { Finding } from 'overlayfs';
import { diagnose, diagnoseSync, mountOverlay, syscalls } from 'overlayfs';
import { mistakes, whyNotHere } from './helpers/mistakes.ts';
import { asRoot, Place, standard } from './helpers/place.ts';

function inventory(place: Place): string[] {
  return readdirSync(place.base, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size, uid, ctimeMs } = statSync(place.at(name));
      return `${name} ${mode} ${size} ${uid} ${ctimeMs}`;
    });
}

const reasonsOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ severity, reason }) => `${severity} ${reason}`);

for (const mistake of mistakes) {
  const title = `found without mounting: ${mistake.title}`;
  const why = whyNotHere(mistake);
  if (why !== undefined) {
    test.skip(`${title} ${why}`, () => undefined);
    continue;
  }
  test(title, async (t) => {
    using place = new Place('lower', 'target');
    const options = mistake.prepare(place);
    const before = inventory(place);
    const overlays = place.overlays();
    const findings = await diagnose(options);
    t.log(reasonsOf(findings).join(', '));
    const [first] = findings;
    t.like(first, { severity: 'error', reason: mistake.reason, code: mistake.code });
    t.regex(first?.message ?? '', mistake.hint);
    t.deepEqual(diagnoseSync(options), findings);
    t.deepEqual(place.overlays(), overlays);
    t.deepEqual(inventory(place), before);
    // A mistake is told once, and nothing is found that is none.
    t.is(new Set(findings.map((each) => JSON.stringify(each))).size, findings.length);
    const others = findings.filter(
      ({ severity, reason }) => severity === 'error' && reason !== mistake.reason,
    );
    t.deepEqual(reasonsOf(others), []);
  });
}

test('nothing is found where nothing is wrong', async (t) => {
  using place = new Place('lower', 'second', 'target');
  t.deepEqual(await diagnose(standard(place)), []);
  const two = { lower: [place.at('lower'), place.at('second')] };
  t.deepEqual(await diagnose(two), []);
  t.deepEqual(await diagnose({ ...two, upper: place.at('upper'), volatile: true }), []);
  await using overlay = await mountOverlay(standard(place));
  t.deepEqual(await diagnose({ ...standard(place), upper: place.at('second-upper') }), []);
  await overlay.close();
  t.deepEqual(await diagnose(standard(place)), []); // with the leftovers of a mount
});

test('a lower below a mount point of another lower is a tree of its own', async (t) => {
  using place = new Place('lower', 'target');
  mkdirSync(place.at('lower/volume'));
  const volume = place.tmpfs('lower/volume');
  const options = { ...standard(place), lower: [volume, place.at('lower')] };
  t.deepEqual(reasonsOf(await diagnose(options)), ['warning submounts-hidden']);
  await using overlay = await mountOverlay(options);
  t.truthy(overlay.path);
});

test('an overlay in place is one overlay, however it is named', async (t) => {
  using place = new Place('lower', 'target');
  const lower = place.at('lower');
  await using first = await mountOverlay({ ...standard(place), target: lower });
  t.is(first.path, lower);
  const again = { ...standard(place), upper: place.at('other') };
  t.deepEqual(await diagnose(again), []);
  await using second = await mountOverlay(again);
  t.truthy(second.path);
});

test('mounts below a lower are named', async (t) => {
  using place = new Place('lower/a', 'lower/b', 'target');
  place.tmpfs('lower/a');
  place.tmpfs('lower/b');
  const [found] = await diagnose(standard(place));
  t.like(found, { severity: 'warning', reason: 'submounts-hidden', dest: place.at('lower/a') });
  t.regex(found?.message ?? '', /^2 mounts lie below the lower .*lower\/a: the overlay will show/);
});

test('flags of the mounts of layers are not those of the overlay', async (t) => {
  using place = new Place('lower', 'target');
  place.bind(place.at('lower'), place.at('bound'));
  const flags = syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_NOEXEC | syscalls.MS_NOSUID;
  syscalls.mountSync(null, place.at('bound'), null, flags);
  const options = { ...standard(place), lower: place.at('bound') };
  const [found] = await diagnose(options);
  t.like(found, { severity: 'warning', reason: 'mount-flags-not-kept', path: place.at('bound') });
  t.regex(found?.message ?? '', /mounted nosuid, noexec, which the overlay does not take over/);
});

test('a table line that other programs cannot read is announced', async (t) => {
  using place = new Place('target');
  const names = Array.from({ length: 260 }, (_, i) => place.at(`${i}`.padEnd(250, 'x')));
  for (const name of names) {
    mkdirSync(name);
  }
  const findings = await diagnose({ ...standard(place), lower: names });
  t.deepEqual(reasonsOf(findings), ['warning mountinfo-line-long']);
});

test('a work directory that is merely not empty is none of our business', async (t) => {
  using place = new Place('lower', 'target', 'work/of-others');
  const options = { ...standard(place), work: place.at('work') };
  t.deepEqual(await diagnose(options), []);
  await using overlay = await mountOverlay(options);
  t.deepEqual(readdirSync(place.at('work')).sort(), ['of-others', 'overlayfs.lease', 'work']);
  await overlay.close();
});

(asRoot ? test.skip : test)(
  'owners that have no id in a user namespace are announced [user only]: root knows every id',
  async (t) => {
    using place = new Place('lower', 'target');
    const options = { ...standard(place), lower: '/usr/bin' };
    const findings = await diagnose(options);
    const [found] = findings.filter(({ severity }) => severity === 'warning');
    t.like(found, { reason: 'owner-unmapped', path: '/usr/bin', code: 'EOVERFLOW' });
  },
);

test('names that are not UTF-8 come back as bytes', async (t) => {
  using place = new Place('lower', 'target');
  const lower = Buffer.concat([Buffer.from(place.at('lower/')), Buffer.of(0xff, 0x0a)]);
  const [found] = await diagnose({ ...standard(place), lower });
  t.deepEqual(found?.pathBytes, lower);
});

test('wrong arguments are those of mountOverlay', async (t) => {
  // @ts-expect-error
  await t.throwsAsync(diagnose({ lowers: '/' }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(() => diagnoseSync({ lower: [] }), { code: 'ERR_INVALID_ARG_VALUE' });
});
