/** What was measured, for people, and whether it is as it must be. */
import { median, percentile } from '../tools.ts';

/** Milliseconds, run by run. */
export type Took = readonly number[];

/** What is compared, with its limit; and whether that holds, if there is one. */
export type Judged = readonly [text: string, holds?: boolean];

export interface Row {
  readonly title: string;
  readonly took: Took;
  readonly judged?: Judged;
}

export function ms(value: number): string {
  return value < 9.95
    ? `${value.toFixed(2)} ms`
    : value < 9995
      ? `${value.toFixed(0)} ms`
      : `${(value / 1000).toFixed(1)} s`;
}

/** `most` milliseconds above another one, of medians. */
export function above(took: Took, other: Took, what: string, most?: number): Judged {
  const difference = median(took) - median(other);
  const text = `${ms(difference)} above ${what}`;
  return most === undefined ? [text] : [`${text}, at most ${most} ms`, difference <= most];
}

/** So many times another one, and `more` milliseconds. */
export function timesOf(took: Took, other: Took, factor: number, what: string, more = 0): Judged {
  const ratio = (median(took) / median(other)).toFixed(2);
  const limit = `at most ${factor} ×${more === 0 ? '' : ` and ${more} ms`}`;
  return [`${ratio} × ${what}, ${limit}`, median(took) <= factor * median(other) + more];
}

export function within(took: Took, most: number): Judged {
  return [`at most ${ms(most)}`, median(took) <= most];
}

export function printRows(title: string, rows: readonly Row[]): void {
  const runs = Math.max(...rows.map(({ took }) => took.length));
  console.log(`\n${title}, ${runs} runs\n${' '.repeat(49)}p10     median      fastest – slowest`);
  for (const row of rows) {
    const range = `${ms(Math.min(...row.took))} – ${ms(Math.max(...row.took))}`;
    const [text = '', holds] = row.judged ?? [];
    const verdict = holds === undefined ? '' : holds ? ': holds' : ': MISSED';
    const few = [percentile(row.took, 10), median(row.took)].map((value) => ms(value).padStart(10));
    const figures = `${few.join(' ')} ${range.padStart(22)}`;
    console.log(`  ${row.title.padEnd(40)}${figures}  ${text}${verdict}`.trimEnd());
    if (holds === false) {
      process.exitCode = 1;
    }
  }
}
