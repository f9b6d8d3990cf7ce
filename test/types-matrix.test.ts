// Every type of file: added, modified in every way it can be, deleted, renamed, and replaced by every
// other.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { LabPath } from './helpers/lab-process.ts';
import type { LabType } from './helpers/oracle.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import { age, at, old } from './helpers/scene.ts';

interface Kind {
  readonly name: string;
  readonly type: LabType;
  /** An ordinary user can neither make it nor copy it up. */
  readonly device: boolean;
  readonly make: (path: LabPath) => Promise<void>;
}

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const kind = (name: string, type: LabType, make: Kind['make']): Kind => ({
  name,
  type,
  make,
  device: type.endsWith('device'),
});

const children = ['directory D/E', 'file D/E/g', 'file D/f'];

const kinds: readonly Kind[] = [
  kind('file', 'file', (path) => lab.write(path, 'regular')),
  kind('directory', 'directory', async (path) => {
    await lab.mkdir(path);
    await lab.write(at(path, 'f'), 'child');
    await lab.mkdir(at(path, 'E'));
    await lab.write(at(path, 'E/g'), 'grandchild');
  }),
  kind('symlink', 'symlink', (path) => lab.symlink('sibling', path)),
  kind('dangling symlink', 'symlink', (path) => lab.symlink('../nowhere', path)),
  kind('fifo', 'fifo', (path) => lab.fifo(path)),
  kind('socket', 'socket', (path) => lab.socket(path)),
  kind('character device', 'character-device', (path) => lab.mknod(path, 'c', 0o644, 1, 3)),
  kind('block device', 'block-device', (path) => lab.mknod(path, 'b', 0o644, 7, 200)),
];

/** The lines of what lies in a directory at `d/x`. */
function below(letter: 'A' | 'D', { type }: Kind): string[] {
  return type === 'directory'
    ? children.map((name) => `${letter} ${name.replace('D', 'd/x')}`)
    : [];
}

interface Deed {
  readonly title: string;
  /** What is there before, and what else the deed needs. */
  readonly kinds: readonly (Kind | undefined)[];
  readonly rootOnly?: boolean;
  readonly edit: (path: Buffer, merged: Buffer) => Promise<void>;
  readonly expected: readonly string[];
  readonly expanded?: readonly string[];
}

/** It happens to `d/x`, whose directory is merged and has a sibling that nobody touches. */
function caseOf({ title, kinds: involved, rootOnly = false, edit, ...lines }: Deed): Case {
  const [start] = involved;
  return {
    title,
    rootOnly: rootOnly || involved.some((each) => each?.device === true),
    lowers: [
      async (_, lower) => {
        await lab.mkdir(at(lower, 'd'));
        await lab.write(at(lower, 'd/sibling'), 'untouched');
        await start?.make(at(lower, 'd/x'));
        if (start !== undefined) await age(lab, at(lower, 'd/x'));
      },
    ],
    edit: (_, merged) => edit(at(merged, 'd/x'), merged),
    ...lines,
  };
}

function remove(path: Buffer, { type }: Kind): Promise<void> {
  return type === 'directory' ? lab.rmtree(path) : lab.unlink(path);
}

const added = kinds.map((to) => ({
  title: `${to.name} added`,
  kinds: [undefined, to],
  edit: to.make,
  expected: [`A ${to.type} d/x`, ...below('A', to)],
}));

const deleted = kinds.map((from) => ({
  title: `${from.name} deleted`,
  kinds: [from],
  edit: (path: Buffer) => remove(path, from),
  expected: [`D ${from.type} d/x`],
  expanded: [`D ${from.type} d/x`, ...below('D', from)],
}));

function replacement(from: Kind, to: Kind): Deed {
  const modified =
    from.type === to.type
      ? `M ${to.type} d/x [times,target]`
      : `M ${from.type}>${to.type} d/x [type]`;
  return {
    title: `${from.name} replaced by ${to.name}`,
    kinds: [from, to],
    edit: async (path) => {
      await remove(path, from);
      await to.make(path);
    },
    expected: [modified, ...below('A', to)],
    expanded: [modified, ...below('D', from), ...below('A', to)],
  };
}

const replaced = kinds.flatMap((from) =>
  kinds.filter((to) => to !== from).map((to) => replacement(from, to)),
);

/** What is done to an entry without replacing it, and the aspects that are then different. */
const attributes = kinds.flatMap((of) => {
  const isDirectory = of.type === 'directory';
  const deed = (
    what: string,
    aspects: string,
    edit: (path: Buffer) => Promise<void>,
    rootOnly = false,
  ): Deed => ({
    title: `${of.name}: ${what}`,
    kinds: [of],
    rootOnly,
    edit,
    expected: aspects === '' ? [] : [`M ${of.type} d/x [${aspects}]`],
  });
  // A symbolic link has no mode, and user.* attributes are for files and directories only.
  const plain = of.type === 'file' || isDirectory;
  const name = plain ? 'user.test' : 'trusted.test';
  return [
    ...(of.type === 'symlink' ? [] : [deed('chmod', 'mode', (path) => lab.chmod(path, 0o600))]),
    ...(of.type === 'symlink'
      ? []
      : [
          deed('set-id and sticky bits', 'mode', async (path) => {
            await lab.chmod(path, (await lab.stat(path)).mode | 0o7000);
          }),
        ]),
    deed('chown', 'owner', (path) => lab.chown(path, 123, 456), true),
    deed('chown to the same', '', (path) => lab.chown(path, 0, 0)),
    deed('touch', isDirectory ? '' : 'times', (path) => lab.utimens(path, old, old + 1n)),
    deed('setxattr', 'xattrs', (path) => lab.setXattr(path, name, 'value'), !plain),
  ];
});

const [file, directory, symlink, dangling] = kinds;

const content: readonly Deed[] = [
  {
    title: 'file: appended to',
    kinds: [file],
    edit: (path) => lab.append(path, ' and more'),
    expected: ['M file d/x [content,times]'],
  },
  {
    title: 'file: truncated',
    kinds: [file],
    edit: (path) => lab.truncate(path, 0),
    expected: ['M file d/x [content,times]'],
  },
  {
    title: 'file: other bytes with the same size and time',
    kinds: [file],
    edit: async (path) => {
      await lab.writeAt(path, 6, 'R');
      await age(lab, path);
    },
    expected: ['M file d/x [content]'],
  },
  {
    title: 'directory: a child added, one deleted',
    kinds: [directory],
    edit: async (path) => {
      await lab.fifo(at(path, 'E/new'));
      await lab.unlink(at(path, 'f'));
    },
    expected: ['A fifo d/x/E/new', 'D file d/x/f'],
  },
  ...[symlink, dangling].map((link) => ({
    title: `${link?.name}: another target of the same length`,
    kinds: [link],
    edit: async (path: Buffer) => {
      const target = (await lab.readlink(path)).fill('z');
      await lab.unlink(path);
      await lab.symlink(target, path);
      await age(lab, path);
    },
    expected: ['M symlink d/x [target]'],
  })),
  ...kinds
    .filter((each) => each.device)
    .map((each) => ({
      title: `${each.name}: another number`,
      kinds: [each],
      edit: async (path: Buffer) => {
        await lab.unlink(path);
        await lab.mknod(path, each.type === 'block-device' ? 'b' : 'c', 0o644, 7, 5);
        await age(lab, path);
      },
      expected: [`M ${each.type} d/x [device]`],
    })),
];

const renamed = kinds
  .filter((each) => each !== directory)
  .map((each) => ({
    title: `${each.name}: renamed`,
    kinds: [each],
    edit: (path: Buffer, merged: Buffer) => lab.rename(path, at(merged, 'y')),
    expected: [`D ${each.type} d/x`, `A ${each.type} y`],
  }));

playAll(
  test,
  () => lab,
  [...added, ...deleted, ...attributes, ...content, ...renamed, ...replaced].map(caseOf),
);
