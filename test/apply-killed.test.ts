// An apply of 5,000 changes that is killed at any moment: afterwards it is finished, or undone, and
// either is exact. At each of its calls to the kernel in turn: native/faults.
import { execFileSync, spawn } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { abortApply, applyChanges, findPendingApply, resumeApply } from 'overlayfs';
import { applyWords } from './helpers/applying.ts';
import { Lab } from './helpers/lab.ts';
import { asUser, mountByLab, own } from './helpers/scene.ts';
import { snapshot } from './helpers/snapshot.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** As root, who may keep the trees in memory, all that are promised. */
const kills = asUser ? 20 : 200;
const directories = 50;
const files = 80;
const options = { sync: false };

class Ground {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'overlayfs-test-')));
  readonly pristine = this.at('pristine');
  readonly lower = this.at('lower');
  readonly upper = this.at('upper');

  at(name: string): string {
    return join(this.root, name);
  }

  /** The lower as it was, with the same times. */
  renew(): void {
    rmSync(this.lower, { recursive: true, force: true });
    execFileSync('cp', ['-a', this.pristine, this.lower]);
  }

  source(): { upper: string; lower: string; xattrs: 'trusted' | 'user' } {
    return { upper: this.upper, lower: this.lower, xattrs: own };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!asUser) await lab.umount(this.root);
    rmSync(this.root, { recursive: true });
  }
}

function makeLower(root: string): void {
  for (let d = 0; d < directories; d++) {
    const directory = join(root, `d${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < files; f++) writeFileSync(join(directory, `f${f}`), `old ${d} ${f}`);
    linkSync(join(directory, 'f0'), join(directory, 'link'));
    mkdirSync(join(directory, 'sub'));
    for (const name of ['a', 'b']) writeFileSync(join(directory, 'sub', name), name);
  }
}

/** About a hundred changes in each directory. */
function edit(root: string): void {
  for (let d = 0; d < directories; d++) {
    const directory = join(root, `d${d}`);
    for (let f = 0; f < files; f++) {
      const path = join(directory, `f${f}`);
      if (f % 4 === 0) rmSync(path);
      else if (f % 4 === 1) writeFileSync(path, `new, and of another length: ${d} ${f}`);
      else if (f % 4 === 2) renameSync(path, `${path}.renamed`);
      else writeFileSync(path, `NEW ${d} ${f}`);
    }
    if (d % 2 === 0) {
      rmSync(join(directory, 'sub'), { recursive: true });
      if (d % 4 === 0) symlinkSync('f1', join(directory, 'sub'));
    }
    mkdirSync(join(directory, 'new/deeper'), { recursive: true });
    writeFileSync(join(directory, 'new/deeper/file'), 'in a new directory');
    linkSync(join(directory, 'new/deeper/file'), join(directory, 'new/again'));
  }
}

async function start(): Promise<Ground> {
  const ground = new Ground();
  if (!asUser) await lab.mount('none', ground.root, 'tmpfs', [], '');
  for (const name of ['pristine', 'target']) mkdirSync(ground.at(name));
  makeLower(ground.pristine);
  ground.renew();
  const close = await mountByLab({
    lab,
    lowers: [Buffer.from(ground.lower)],
    upper: Buffer.from(ground.upper),
    work: Buffer.from(ground.at('work')),
    target: Buffer.from(ground.at('target')),
  });
  try {
    edit(ground.at('target'));
  } finally {
    await close();
  }
  return ground;
}

/** Kills one `after` milliseconds from its beginning; how long it took where it had ended before. */
async function killed(ground: Ground, after: number): Promise<number | undefined> {
  const { upper, lower } = ground;
  const [node, ...words] = applyWords(upper, lower, lower);
  const apply = spawn(node, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => apply.once('close', resolve));
  let said = '';
  let took: number | undefined;
  let began = 0;
  apply.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (began === 0) {
      began = performance.now();
      setTimeout(() => apply.kill('SIGKILL'), after).unref();
    } else {
      took = performance.now() - began;
    }
  });
  await gone;
  if (took !== undefined && !said.includes('complete\n')) throw new Error(`it says ${said}`);
  return took;
}

test('killed at random moments it is finished or undone', async (t) => {
  t.timeout(40 * 60_000);
  await using ground = await start();
  const before = snapshot(ground.lower).join('\n');
  const first = await applyChanges(ground.source(), options);
  t.true(first.complete);
  t.true(first.applied >= 5000, `${first.applied}`);
  const after = snapshot(ground.lower).join('\n');
  t.not(after, before);
  ground.renew();
  // How long it takes, after the last that showed it: the machine has other work too.
  let whole: number | undefined = await killed(ground, 600_000);
  if (whole === undefined) throw new Error('an apply that nobody kills ends');
  ground.renew();

  const states: Record<string, number> = { nothing: 0, preparing: 0, ready: 0, done: 0 };
  // Kills that meet it at work, and not before or after.
  const wanted = Math.ceil(kills / 40);
  const met = (): boolean => (states.ready ?? 0) >= wanted && (states.preparing ?? 0) >= wanted;
  let made = 0;
  for (; made < kills || (!met() && made < 10 * kills); made++) {
    // Names are put in place near its end, which is where it is killed more often.
    const moment: number = whole * (made % 4 < 2 ? Math.random() : 0.6 + 0.4 * Math.random());
    whole = (await killed(ground, moment)) ?? whole;
    const { state } = (await findPendingApply(ground.lower)) ?? { state: 'nothing' };
    states[state] = (states[state] ?? 0) + 1;
    if (state === 'preparing' && moment > 0.9 * whole) whole *= 1.3;
    const undo = made % 2 === 0;
    if (state === 'done') {
      await resumeApply(ground.lower, options);
    } else if (state !== 'nothing' && undo) {
      await abortApply(ground.lower, options);
    } else if (state === 'ready' && made % 4 === 1) {
      t.true((await resumeApply(ground.lower, options)).complete);
    } else if (state !== 'nothing') {
      t.true((await applyChanges(ground.source(), options)).complete);
    }
    const now = snapshot(ground.lower).join('\n');
    // Of one that left nothing it had not begun, or had ended.
    const ended = state === 'nothing' ? now !== before : state === 'done' || !undo;
    t.true(now === (ended ? after : before), `killed after ${moment} ms, ${state}, undo: ${undo}`);
    t.is(await findPendingApply(ground.lower), undefined);
    if (ended) ground.renew();
  }
  t.log(`${made} kills within about ${whole.toFixed(0)} ms: ${JSON.stringify(states)}`);
  t.true(met(), JSON.stringify(states));
});
