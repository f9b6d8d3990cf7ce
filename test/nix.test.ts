// The story this library was written for: a CI job stacks what earlier jobs have built over the
// /nix/store of its image, in place, and real Nix works in it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Nix } from './helpers/nix.ts';
import { fingerprint, nixMissing } from './helpers/nix.ts';
import type { Book, Machine } from './helpers/nix-machine.ts';
import { startMachine } from './helpers/nix-machine.ts';

/** What the image brings, by the names in its store. */
interface Image {
  /** Optimised: its two equal files and an entry of .links are one file. */
  readonly tool: string;
  readonly doomed: string;
  /** In the store, but unknown to the database. */
  readonly forgotten: string;
  readonly greeting: { readonly output: string; readonly recipe: string };
  readonly sources: { readonly doomed: string; readonly forgotten: string };
}

async function buildImage(nix: Nix): Promise<Image> {
  const tool = await nix.add(
    await nix.source('tool', {
      'bin/a': 'same\n',
      'bin/b': 'same\n',
      'lib/c': 'alone\n',
      link: { target: 'bin/a' },
    }),
  );
  await nix.run(['--optimise']);
  const sources = {
    doomed: await nix.source('doomed', { 'd/f': 'same\n', g: 'other\n' }),
    forgotten: await nix.source('forgotten', { x: 'forgotten\n' }),
  };
  const doomed = await nix.add(sources.doomed);
  const greeting = await nix.build('greeting', 'hello');
  await nix.saveState('image-state');
  return { tool, doomed, forgotten: await nix.add(sources.forgotten), greeting, sources };
}

const added = (name: string, ...files: readonly string[]): string[] => [
  `A directory ${name}`,
  ...files.map((file) => `A file ${name}/${file}`),
];

/** What the earlier job leaves to the next one, apart from its files. */
interface Legacy {
  readonly kept: string;
  readonly spare: string;
  readonly registration: string;
}

async function earlierJob(machine: Machine, book: Book): Promise<Legacy> {
  const { nix } = machine;
  await nix.restoreState('image-state');
  await machine.begin();
  const kept = await nix.add(await nix.source('kept', { x: 'same\n', y: 'two\n' }));
  const spare = await nix.add(await nix.source('spare', { z: 'spare\n' }));
  book.set(kept, added(kept, 'x', 'y')).set(spare, added(spare, 'z'));
  await machine.expect('the earlier job', book);
  const registration = await nix.run(['--dump-db', nix.path(kept), nix.path(spare)]);
  await machine.end();
  await nix.restoreState('image-state');
  return { kept, spare, registration };
}

async function beginNextJob(machine: Machine, image: Image, legacy: Legacy): Promise<void> {
  const { nix, t } = machine;
  await machine.begin();
  // There at once, but Nix goes by its database, which came with the image.
  t.is(await readFile(join(nix.path(legacy.kept), 'y'), 'utf8'), 'two\n');
  t.is(await readFile(join(nix.path(image.tool), 'lib/c'), 'utf8'), 'alone\n');
  t.false(await nix.isValid(legacy.kept));
  await nix.run(['--load-db'], legacy.registration);
  const names = [image.tool, image.doomed, image.greeting.output, legacy.kept, legacy.spare];
  for (const name of names) t.true(await nix.isValid(name), name);
  await nix.run(['--verify', '--check-contents']);
}

async function addAndBuild(machine: Machine, book: Book): Promise<void> {
  const { nix } = machine;
  const fresh = await nix.add(await nix.source('fresh', { 'in/here': 'fresh\n' }));
  book.set(fresh, [...added(fresh), `A directory ${fresh}/in`, `A file ${fresh}/in/here`]);
  await machine.expect('--add', book);

  const hello = await nix.build('hello', 'hi');
  book.set(hello.output, added(hello.output, 'text')).set(hello.recipe, [`A file ${hello.recipe}`]);
  await machine.expect('--realise', book);
}

async function deleteAndAddAgain(
  machine: Machine,
  book: Book,
  { doomed, sources }: Image,
  { spare }: Legacy,
): Promise<void> {
  const { lab, nix, t } = machine;
  await nix.collect(['--delete', nix.path(spare)]);
  book.delete(spare);
  await machine.expect('--delete of a path of the earlier job', book);
  t.false(await lab.exists(join(machine.upper, spare)));

  await nix.collect(['--delete', nix.path(doomed)]);
  book.set(doomed, [`D directory ${doomed}`]);
  await machine.expect('--delete of a path of the image', book);
  const { type, rdev } = await lab.stat(join(machine.upper, doomed));
  t.deepEqual([type, rdev], ['character-device', '0:0']);
  t.true(await lab.exists(join(machine.image, doomed)));

  // The upper now hides the image's files behind equal ones: nothing has changed.
  t.is(await nix.add(sources.doomed), doomed);
  book.delete(doomed);
  await machine.expect('--add of the deleted path', book);
  t.true(await lab.exists(join(machine.upper, doomed, 'd/f')));
}

/** Nix replaces whole trees by equal ones; it renames what it replaces, if it can. */
async function replaceByEqual(
  machine: Machine,
  book: Book,
  { forgotten, greeting, sources }: Image,
): Promise<void> {
  const { lab, nix, t } = machine;
  t.false(await nix.isValid(forgotten));
  t.is(await nix.add(sources.forgotten), forgotten);
  t.true(await lab.exists(join(machine.upper, forgotten, 'x')));
  await machine.expect('--add of what is on disk but not in the database', book);

  const text = join(greeting.output, 'text');
  await lab.chmod(nix.path(text), 0o644);
  await lab.write(nix.path(text), 'jello\n');
  book.set(greeting.output, [`M file ${text} [content,mode,times]`]);
  await machine.expect('damage', book);
  await nix.run(['--repair-path', nix.path(greeting.output)]);
  book.delete(greeting.output);
  await machine.expect('--repair-path', book);
}

/** The entry of the image's .links that is one file with the two equal files of the tool. */
async function sharedLink({ image, lab }: Machine, { tool }: Image): Promise<string> {
  const { ino } = await lab.stat(join(image, tool, 'bin/a'));
  for (const name of await lab.list(join(image, '.links'))) {
    if ((await lab.stat(join(image, `.links/${name}`))).ino === ino) return `.links/${name}`;
  }
  throw new Error('the image is not optimised');
}

async function optimise(machine: Machine, { tool }: Image, shared: string): Promise<void> {
  const { nix, t } = machine;
  const left = ['bin/a', 'bin/b'].map((file) => `M file ${tool}/${file} [links]`);
  await nix.run(['--optimise']);
  // Giving the image's file one more name copies up the name it was reached by, and that alone.
  const once = await machine.changes('--optimise');
  t.true(once.includes(`M file ${shared} [links]`));
  t.false(left.some((line) => once.includes(line)));

  // In a user namespace, a name that was copied up and its new link have different inode numbers
  // until the next mount. Nix believes them, and renaming one to the other fails with ESTALE.
  await machine.end();
  await machine.begin();
  t.deepEqual(await machine.changes('the next job'), once);
  // Nix now finds two files with the same content again.
  await nix.run(['--optimise']);
  const twice = await machine.changes('--optimise once more');
  t.true(left.every((line) => twice.includes(line)));
}

async function collectGarbage(machine: Machine, image: Image, shared: string): Promise<void> {
  const { nix, t } = machine;
  const { doomed, forgotten, greeting, tool } = image;
  const names = [doomed, forgotten, greeting.output];
  const book: Book = new Map(names.map((name) => [name, [`D directory ${name}`]]));
  book.set(greeting.recipe, [`D file ${greeting.recipe}`]);

  await nix.pin(tool);
  await nix.collect(['--gc']);
  // The three names of the image's one file have all been copied, and are one file again.
  await machine.expect('--gc', book);
  t.true(await nix.isValid(tool));

  await nix.unpin(tool);
  await nix.collect(['--gc']);
  book.set(tool, [`D directory ${tool}`]).set(shared, [`D file ${shared}`]);
  await machine.expect('--gc of everything', book);
}

async function story(t: ExecutionContext): Promise<void> {
  const machine = await startMachine(t);
  const { nix } = machine;
  t.log(`the store is ${nix.store}`);
  const image = await buildImage(nix);
  const untouched = await fingerprint(machine.image);
  const book: Book = new Map();

  const legacy = await earlierJob(machine, book);
  await beginNextJob(machine, image, legacy);
  await machine.expect('what the earlier job left', book);
  await addAndBuild(machine, book);
  await deleteAndAddAgain(machine, book, image, legacy);
  await replaceByEqual(machine, book, image);
  const shared = await sharedLink(machine, image);
  await optimise(machine, image, shared);
  await collectGarbage(machine, image, shared);

  const last = await machine.changes('the end of the job');
  await machine.end();
  await machine.begin();
  t.deepEqual(await machine.changes('the next job'), last);
  await machine.end();

  t.deepEqual(await fingerprint(machine.image), untouched);
  t.deepEqual(await fingerprint(nix.store), untouched);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  t.deepEqual(
    mounts.filter((line) => line.split(' ')[4] === nix.store),
    [],
  );
}

const title = 'real Nix works on its store stacked in place, and every change of it is known';
if (nixMissing === undefined) test(title, story);
else test.skip(`${title} (${nixMissing})`, story);
