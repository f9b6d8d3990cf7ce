// Counts and failures, for people.
import type { Cell } from './cells.ts';
import { shapes } from './cells.ts';
import { describe } from './operations.ts';
import type { Failure, Result } from './trial.ts';

interface Count {
  histories: number;
  operations: number;
  refused: number;
  changes: number;
  failures: number;
}

function zero(): Count {
  return { histories: 0, operations: 0, refused: 0, changes: 0, failures: 0 };
}

export class Counts {
  readonly total: Count = zero();
  /** Impossible cells that failed as they must. */
  impossible = 0;
  readonly #cells = new Map<string, Count>();

  add(cell: Cell, result: Result): void {
    const count = this.#cells.get(cell.name) ?? zero();
    this.#cells.set(cell.name, count);
    for (const sum of [count, this.total]) {
      sum.histories++;
      sum.operations += result.operations;
      sum.refused += result.refused;
      sum.changes += result.changes;
      if (result.failure !== undefined) sum.failures++;
    }
  }

  /** One block for each filesystem and privilege: the option sets over the lowers. */
  table(cells: readonly Cell[]): string {
    const blocks = new Map<string, Map<string, string[]>>();
    const reasons = new Set<string>();
    for (const cell of cells) {
      const title = `${cell.privilege}, ${cell.filesystem}`;
      const block = blocks.get(title) ?? new Map<string, string[]>();
      blocks.set(title, block);
      const row = block.get(cell.set.name) ?? [];
      block.set(cell.set.name, row);
      row.push(this.#text(cell));
      if (cell.impossible !== undefined) {
        const { fails, code, reason } = cell.impossible;
        reasons.add(`${code} of ${fails === 'mount' ? 'mounting' : 'reading'}: ${reason}`);
      }
    }
    const lines = ['histories/operations/changes compared'];
    for (const [title, block] of blocks) {
      lines.push('', line(title, shapes));
      for (const [name, row] of block) lines.push(line(name, row));
    }
    if (reasons.size > 0) lines.push('', 'impossible, and refused as expected:', ...reasons);
    return `${lines.join('\n')}\n`;
  }

  #text(cell: Cell): string {
    if (cell.impossible !== undefined) return cell.impossible.code;
    const { histories, operations, changes, failures } = this.#cells.get(cell.name) ?? zero();
    return `${histories}/${operations}/${changes}${failures > 0 ? `(${failures}!)` : ''}`;
  }
}

function line(name: string, columns: readonly string[]): string {
  return name.padEnd(36) + columns.map((text) => text.padStart(15)).join('');
}

function indent(lines: readonly string[]): string[] {
  return lines.map((text) => `    ${text}`);
}

/** Everything that is needed to understand it, and to see it again. */
export function explain({ history, what, expected, actual }: Failure): string {
  const { cell, seed, lowers, data, operations } = history;
  const lines = [`DISAGREEMENT in ${cell}, seed ${seed}: ${what}`];
  for (const [i, layer] of lowers.entries()) {
    lines.push(`  lower ${i} from the bottom, by ${layer.by}:`);
    lines.push(...indent(layer.operations.map(describe)));
  }
  if (data.length > 0) lines.push('  data-only lower:', ...indent(data.map(describe)));
  lines.push('  in the overlay:', ...indent(operations.map(describe)));
  lines.push('  expected, from the kernel:', ...indent(expected));
  lines.push('  from the library:', ...indent(actual));
  return `${lines.join('\n')}\n`;
}
