/** Writes what was measured into docs/benchmarks.md, between its two marks, and the chart beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, root } from '../tools.ts';
import type { Measured } from './bench.ts';
import { medianOf } from './bench.ts';
import { chart } from './chart.ts';
import type { Judged } from './limits.ts';
import type { Machine } from './machine.ts';
import { machineText } from './machine.ts';
import type { Runs } from './rounds.ts';
import { mib, time } from './table.ts';
import type { Spread } from './worker-messages.ts';

const page = join(root, 'docs', 'benchmarks.md');
const begin = '<!-- measured: written by npm run bench -- changes --full --docs -->';
const end = '<!-- end of what was measured -->';

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function times(title: string, runs: readonly Runs[]): string[] {
  if (runs.length === 0) {
    return [];
  }
  const ratio = (one: Runs, floor: string): string => {
    const bottom = medianOf(runs, floor);
    return Number.isNaN(bottom) ? '' : `${(median(one.ms) / bottom).toFixed(2)} ×`;
  };
  return [
    row([title, 'median', 'range', 'floor, one thread', 'floor, all threads', 'runs']),
    row(['---', '---:', '---:', '---:', '---:', '---:']),
    ...runs.map((one) =>
      row([
        one.title,
        time(median(one.ms)),
        `${time(Math.min(...one.ms))} – ${time(Math.max(...one.ms))}`,
        ratio(one, 'floor-1'),
        ratio(one, 'floor-n'),
        String(one.ms.length),
      ]),
    ),
    '',
  ];
}

function spread(what: string, busy: Spread, idle: Spread): string {
  const figures = ({ median: middle, p99, p999, max }: Spread): string =>
    [middle, p99, p999, max].map((ms) => ms.toFixed(2)).join(' / ');
  return `- ${what}, median / p99 / p99.9 / most: ${figures(busy)} ms; idle ${figures(idle)} ms`;
}

function section({
  title,
  answer,
  warm,
  cold,
  memory,
  together,
  beside,
  calls,
}: Measured): string[] {
  const { added, modified, deleted } = answer.counts;
  const by = answer.oracle ? 'floor, command and oracle' : 'floor and command';
  const counted = typeof calls === 'object' ? calls : undefined;
  return [
    `### ${title}`,
    '',
    `${added} added, ${modified} modified, ${deleted} deleted; ${answer.entries} entries in the upper. ` +
      `The answer of the library is that of the ${by}.`,
    '',
    ...times('warm', warm),
    ...times('with dropped caches', cold),
    `- peak memory above a Node that has loaded the library: \`for await\` ${mib(memory.each)}, in batches ${mib(memory.batches)}`,
    ...(together === undefined
      ? []
      : [`- four walks at once: ${together.toFixed(2)} × four in sequence`]),
    ...(beside === undefined
      ? []
      : [
          spread('delay of the event loop', beside.delay, beside.delayIdle),
          spread('an unrelated `fs.readFile`', beside.latency, beside.latencyIdle),
        ]),
    ...(counted === undefined
      ? []
      : (['ours', 'floor'] as const).map((who) => {
          const each = (counted[who].total / answer.entries).toFixed(2);
          return `- system calls an entry of the upper, ${who}: ${each} (${counted[who].text})`;
        })),
    '',
  ];
}

function judgedTable(judged: readonly Judged[]): string[] {
  return [
    '### What must hold',
    '',
    row(['what', 'measured', 'limit', '']),
    row(['---', '---', '---', '---']),
    ...judged.map(({ what, figure, limit, holds }) =>
      row([what, figure, limit, holds ? 'holds' : '**missed**']),
    ),
    '',
  ];
}

export function writeDocs(
  measured: readonly Measured[],
  judged: readonly Judged[],
  machine: Machine,
  seconds: number,
): void {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) {
    throw new Error(`${page} lacks the marks between which the figures are written`);
  }
  const figures = [
    begin,
    '',
    `Measured in ${Math.round(seconds / 60)} minutes on ${machineText(machine)}.`,
    '',
    '![Times of all](benchmarks.svg)',
    '',
    ...judgedTable(judged),
    ...measured.flatMap(section),
  ].join('\n');
  writeFileSync(page, `${text.slice(0, from)}${figures}\n${text.slice(to)}`);
  const large = measured.filter(({ lowerEntries }) => lowerEntries >= 100_000);
  writeFileSync(join(root, 'docs', 'benchmarks.svg'), chart(large, machineText(machine)));
}
