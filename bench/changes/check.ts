/** Whether the answers are right: ours, the floor's, and where a tree is small the oracle's. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { changes } from 'overlayfs';
import { root, run } from '../tools.ts';
import type { Programs } from './contestants.ts';
import { command, diffWords, floorWords } from './contestants.ts';
import type { Layers, Trees } from './trees.ts';
import type { Counts } from './worker-messages.ts';

export interface Checked {
  readonly counts: Counts;
  readonly entries: number;
  readonly oracle: boolean;
}

const aspects = [
  ...['type', 'content', 'mode', 'owner', 'xattrs'],
  ...['times', 'device', 'target', 'links'],
];
const letters: Readonly<Record<keyof Counts, string>> = { added: 'A', modified: 'M', deleted: 'D' };

/** Of lines that begin so the plain order of strings is that of the list: by components, as bytes. */
function lineOf(path: string, letter: string, ...more: readonly string[]): string {
  return [path.replaceAll('/', '\0'), '', letter, ...more].join('\0');
}

async function ourLines(
  layers: Layers,
  counts: { -readonly [Kind in keyof Counts]: number },
): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of changes(layers, { encoding: 'buffer' })) {
    const path = (change.pathBytes ?? Buffer.from(change.path)).toString('latin1');
    counts[change.kind]++;
    const from = change.renamedFrom === undefined ? '' : change.renamedFrom;
    lines.push(lineOf(path, letters[change.kind], change.aspects.join(), from));
  }
  return lines;
}

function floorLines(program: string, layers: Layers, threads: number): string[] {
  const out = execFileSync(program, floorWords(layers, threads, '--verbose'), {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
  });
  const fields = out.split('\0');
  const lines: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [, letter = '', bits = '', path = ''] = /^(.) (\d+) (.*)$/s.exec(fields[i] ?? '') ?? [];
    const named = aspects.filter((_, bit) => (Number(bits) & (1 << bit)) !== 0);
    lines.push(lineOf(path, letter, named.join(), fields[i + 1] ?? ''));
  }
  return lines.sort();
}

/** The test program that walks both views; it says nothing of former paths. */
function oracleLines(layers: Layers, merged: string): string[] {
  const lab = join(root, 'build', 'lab', 'lab');
  run('make', '-s', '-f', join(root, 'test', 'lab', 'Makefile'));
  const ignored = layers.xattrs === 'user' ? ',rootowner=ignore' : '';
  const request = ['compare', layers.lower, merged, `own=${layers.xattrs}${ignored}`, layers.upper];
  const reply = execFileSync(lab, {
    input: `${request.length}\n${request.map((word) => `${word}\0`).join('')}`,
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
  });
  const head = reply.indexOf('\n') + 1;
  if (!reply.startsWith('ok ')) {
    throw new Error(`the oracle: ${reply}`);
  }
  const fields = reply.slice(head).split('\0');
  const lines: string[] = [];
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const differing = (fields[i + 3] ?? '').split(',');
    const named = aspects.filter((aspect) => differing.includes(aspect));
    lines.push(lineOf(fields[i + 4] ?? '', fields[i] ?? '', named.join()));
  }
  return lines;
}

function commandLines(layers: Layers): string[] {
  const out = execFileSync(process.execPath, [command, ...diffWords(layers)], {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
  });
  const fields = out.split('\0');
  const lines: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    lines.push(lineOf(fields[i + 1] ?? '', fields[i] ?? ''));
  }
  return lines;
}

function same(title: string, ours: readonly string[], theirs: readonly string[]): void {
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  if (ours.length !== theirs.length || at >= 0) {
    const where = at >= 0 ? at : Math.min(ours.length, theirs.length);
    const shown = (line: string | undefined): string => JSON.stringify(line ?? null);
    throw new Error(
      `The answers differ: ${ours.length} changes by the library, ${theirs.length} by ${title}; ` +
        `first ${shown(ours[where])} and ${shown(theirs[where])}`,
    );
  }
}

const without = (line: string, fields: number): string =>
  line.split('\0').slice(0, -fields).join('\0');

/** Compares whole lists, in order. What is wrong is an error. */
export async function check(
  programs: Programs,
  trees: Trees,
  layers: Layers,
  byOracle: boolean,
): Promise<Checked> {
  const counts = { added: 0, modified: 0, deleted: 0 };
  const ours = await ourLines(layers, counts);
  for (const threads of [1, programs.threads]) {
    same(`the floor with ${threads} threads`, ours, floorLines(programs.floor, layers, threads));
  }
  same(
    'the command',
    ours.map((line) => without(line, 2)),
    commandLines(layers),
  );
  if (byOracle) {
    await trees.merged(layers, (merged) =>
      same(
        'the oracle',
        ours.map((line) => without(line, 1)),
        oracleLines(layers, merged),
      ),
    );
  }
  const entries = Number(run('sh', '-c', 'find "$1" -printf x | wc -c', 'sh', layers.upper).trim());
  return { counts, entries, oracle: byOracle };
}

/**
 * Two that were made apart. Of uppers what the kernel writes may differ: handles of files, and when it
 * made its whiteouts and which share an inode.
 */
export async function checkSame(a: Layers, b: Layers): Promise<void> {
  const kernels = ['xattrs', 'times', 'links'] as const;
  for (const [side, ignore] of [
    ['lower', []],
    ['upper', kernels],
  ] as const) {
    for await (const change of changes({ before: a[side], after: b[side] }, { ignore })) {
      const aspects = change.aspects.join();
      throw new Error(`Made twice, the ${side} differs: ${change.kind} ${change.path} ${aspects}`);
    }
  }
}
