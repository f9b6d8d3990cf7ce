/** What is measured: lowers, and uppers made through a mounted overlay. */

export interface Lower {
  readonly name: string;
  readonly entries: number;
  /** Words for `store-tree`, after its directory. */
  readonly make: readonly [command: string, ...numbers: number[]];
  /** Where in the lower. */
  readonly inside: string;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly lower: Lower;
  /** Planned; how many are found is a few percent off. */
  readonly changes: number;
  readonly make: readonly [command: string, ...numbers: number[]];
  readonly inside: string;
  /** An upper made over an empty directory of that name, which is removed and made anew: opaque. */
  readonly opaque?: true;
  /** Whether trees are compared as a whole: by the oracle, diff and rsync. */
  readonly whole: boolean;
  /** Also with dropped caches. */
  readonly cold: boolean;
  /** Whether Node has the memory for all of a directory at once. */
  readonly atOnce: boolean;
  /** Without what a user would take instead. */
  readonly bare?: true;
  /** Also what the process can do meanwhile. */
  readonly beside: boolean;
  readonly full: boolean;
}

function store(entries: number): Lower {
  return { name: `store-${entries}`, entries, make: ['lower', entries], inside: '' };
}

function changed(entries: number, changes: number, title: string): Case {
  return {
    name: `${changes}-over-${entries}`,
    title,
    lower: store(entries),
    changes,
    make: changes === 1 ? ['change-one'] : ['change', entries, changes],
    inside: '',
    whole: entries <= 100_000,
    cold: changes > 1 && entries >= 100_000 && changes <= 100_000,
    atOnce: true,
    beside: changes >= 10_000,
    full: entries > 100_000,
  };
}

function directory(count: number): Lower {
  return { name: `directory-${count}`, entries: count, make: ['many', 0, count, 1], inside: 'd' };
}

function oneDirectory(count: number, title: string): Case {
  return {
    name: `directory-${count}`,
    title,
    lower: directory(count),
    changes: count,
    make: ['change-many', count],
    inside: 'd',
    whole: count <= 100_000,
    cold: false,
    atOnce: count <= 100_000,
    beside: false,
    full: count > 100_000,
  };
}

/** As many changes, with new names of old files among them: whose names are the same takes a survey. */
function linked(entries: number, changes: number, title: string): Case {
  return {
    ...changed(entries, changes, title),
    name: `${changes}-linked-over-${entries}`,
    make: ['change-linked', entries, changes],
    bare: true,
    beside: false,
  };
}

/** Half of what is in it has the name of what was. */
function opaque(count: number, title: string): Case {
  return {
    ...oneDirectory(count, title),
    name: `opaque-${count}`,
    make: ['many', count / 2, count, 2],
    opaque: true,
  };
}

/** For tests: every kind of change in no time. */
export const smallest: readonly Case[] = [
  linked(3000, 2000, 'many changes'),
  changed(3000, 1, 'one change'),
  oneDirectory(1000, 'one directory'),
  opaque(1000, 'an opaque directory'),
];

export const cases: readonly Case[] = [
  changed(1000, 100, '10² changes, lower 10³'),
  changed(100_000, 10_000, '10⁴ changes, lower 10⁵'),
  linked(100_000, 10_000, '10⁴ changes with new hard links, lower 10⁵'),
  changed(100_000, 1, 'one changed file, lower 10⁵'),
  oneDirectory(10_000, 'one directory with 10⁴ names on either side'),
  opaque(10_000, 'opaque directory of 10⁴ names over 10⁴'),
  changed(1_000_000, 100_000, '10⁵ changes, lower 10⁶'),
  changed(1_000_000, 1_000_000, '10⁶ changes, lower 10⁶'),
  changed(1_000_000, 1, 'one changed file, lower 10⁶'),
  oneDirectory(1_000_000, 'one directory with 10⁶ names on either side'),
  opaque(1_000_000, 'opaque directory of 10⁶ names over 10⁶'),
];
