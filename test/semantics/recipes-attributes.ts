// Recipes for everything but content and names.
import type { Author } from './author.ts';
import type { Recipe, Recipes } from './recipes.ts';

const chmod: Recipe = (author) => {
  const target = author.target();
  if (target === undefined) return undefined;
  const directory = target.inode.type === 'directory';
  const mode = directory ? author.random.pick([0o755, 0o700, 0o1777, 0o2755]) : author.mode();
  target.inode.mode = mode;
  return [['chmod', target.path, mode]];
};

const chmodBack: Recipe = (author) => {
  const target = author.target();
  if (target === undefined) return undefined;
  return [
    ['chmod', target.path, 0o711],
    ['chmod', target.path, target.inode.mode],
  ];
};

const chown: Recipe = (author) => {
  const target = author.target();
  if (target === undefined) return undefined;
  const id = (): number => author.random.pick([0, 0, 1234, -1]);
  return [['chown', target.path, id(), id()]];
};

const utimens: Recipe = (author) => {
  const target = author.target();
  if (target === undefined) return undefined;
  target.inode.time = author.time();
  return [['utimens', target.path, target.inode.time]];
};

/** Those that look like overlay's own are not, when they are set through an overlay. */
const names = [
  'user.x',
  'user.x',
  'user.y',
  'trusted.t',
  'trusted.overlayx',
  'trusted.overlay.foo',
  'trusted.overlay.opaque',
  'trusted.overlay.overlay.deep',
  'trusted.overlay.overlay.opaque',
  'user.overlay.foo',
  'user.overlay.redirect',
  'user.overlay.overlay.deep',
];

function name({ random, role, cell }: Author): string {
  // An inner overlay hands them on as marks; of a redirect that userxattr forbids to follow.
  const marks = role === 'hand' || (role === 'lower' && cell.shape === 'nested');
  const possible = cell.privilege === 'root' ? [...names, 'security.test'] : names;
  const all = marks ? possible.filter((text) => !own(text, cell.set.own)) : possible;
  return random.pick(all);
}

/** A mark, unless an overlay escapes it. */
function own(text: string, space: string): boolean {
  return text.startsWith(`${space}.overlay.`) && !text.startsWith(`${space}.overlay.overlay.`);
}

const setXattr: Recipe = (author) => {
  const target = author.target();
  if (target === undefined) return undefined;
  return [
    ['setXattr', target.path, name(author), author.random.pick(['', '1', '2', 'y', '\0\xff'])],
  ];
};

const removeXattr: Recipe = (author) => {
  const target = author.target();
  return target && [['removeXattr', target.path, name(author)]];
};

const setAcl: Recipe = (author) => {
  const { random, cell } = author;
  const spot = random.chance(0.5) ? author.directory() : author.file();
  if (spot === undefined) return undefined;
  const kind = spot.inode.type === 'directory' && random.chance(0.5) ? 'default' : 'access';
  // A user namespace knows but one.
  const id = cell.privilege === 'root' ? random.pick([0, 1234]) : 0;
  const group = random.pick(['r-x', 'rwx', '---']);
  const entries = `u::rwx,u:${id}:r-x,g::r-x,m::${group},o::${random.pick(['---', 'r--'])}`;
  return [['setAcl', spot.path, kind, entries]];
};

const removeAcl: Recipe = (author) => {
  const target = author.any();
  const kind = author.random.pick(['access', 'default']);
  return target && [['removeXattr', target.path, `system.posix_acl_${kind}`]];
};

/** Version 2 of struct vfs_cap_data, effective, one capability permitted. */
const setCapability: Recipe = (author) => {
  const spot = author.file();
  const permitted = String.fromCharCode(1 << author.random.below(3));
  const value = `\x01\0\0\x02${permitted}${'\0'.repeat(15)}`;
  return spot && [['setXattr', spot.path, 'security.capability', value]];
};

export const attributes: Recipes = [
  [5, chmod],
  [2, chmodBack],
  [3, chown],
  [5, utimens],
  [6, setXattr],
  [2, removeXattr],
  [2, setAcl],
  [1, removeAcl],
  [1, setCapability],
];
