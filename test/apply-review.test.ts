// Changes that are applied as somebody at a terminal says; and layers that are no session.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { startApplying } from './helpers/applying.ts';
import { program } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import { reviewCases } from './helpers/review-cases.ts';
import { at, own, plant } from './helpers/scene.ts';
import { type } from './helpers/typing.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

reviewCases();

test.serial('layers by name, to another directory', async (t) => {
  const { source, copy, scene } = await startApplying(t, lab, {
    lower: plant({ a: 'old\n', b: 'old\n' }),
    edit: async (_, merged) => {
      await lab.write(at(merged, 'a'), 'new\n');
      await lab.write(at(merged, 'b'), 'new\n');
    },
  });
  const layers = ['--upper', `${source.upper}`, '--lower', `${source.lower}`, '--xattrs', own];
  const words = [program, 'apply', '--interactive', '--to', `${copy}`, ...layers];
  const steps = [
    ['(1/2)', 'n\n'],
    ['(2/2)', 'y\n'],
  ] as const;
  const typed = type([process.execPath, ...words], steps, { cwd: `${scene.root}` });
  t.deepEqual([typed.missing, typed.status], [[], 0], typed.said);
  t.deepEqual(
    ['a', 'b'].map((name) => readFileSync(`${copy}/${name}`, 'utf8')),
    ['old\n', 'new\n'],
  );
});
