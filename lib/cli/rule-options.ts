/** The rules of `diff`: how they are given, and how a failure is told. */
import type { RuleFailure, RuleOffender, Rules } from '../rules.ts';
import { kindLetters } from './change-text.ts';
import { UsageError } from './command-errors.ts';
import { pattern, patterns } from './diff-patterns.ts';
import { escapeName } from './escape.ts';
import { complain, tell } from './messages.ts';
import type { RuleWords } from './rule-words.ts';
import { hasRules } from './rule-words.ts';
import { sizeOf, sizeText } from './sizes.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

const kinds = ['added', 'modified', 'deleted', 'any'];

function failOn(word: Word, target: Buffer | undefined): Buffer {
  const [kind = ''] = word.split(':', 1);
  if (!kinds.includes(kind)) {
    const known = kinds.join(', ');
    throw new UsageError(
      `--fail-on must be one of ${known}, or that, a colon and a pattern, but is '${textOf(word)}'`,
    );
  }
  if (word === kind) {
    return Buffer.from(kind);
  }
  const rest = word.slice(kind.length + 1);
  if (rest === '') {
    throw new UsageError(`--fail-on '${kind}:' has no pattern after the colon`);
  }
  return Buffer.concat([Buffer.from(`${kind}:`), pattern('--fail-on', rest, target)]);
}

/** Undefined where there are none. */
export function rulesOf(words: RuleWords, target: Buffer | undefined): Rules | undefined {
  const { 'fail-on': fail, 'max-added': most, only } = words;
  return !hasRules(words)
    ? undefined
    : {
        failOn: (fail ?? []).map((word) => failOn(word, target)),
        ...(most === undefined ? {} : { maxAdded: sizeOf(most, '--max-added') }),
        only: patterns('--only', only, target),
      };
}

const options = { failOn: '--fail-on', maxAdded: '--max-added', only: '--only' } as const;

function counted(value: number, unit: RuleFailure['unit']): string {
  return unit === 'changes' || value === 0 ? String(value) : `${sizeText(value)} (${value} bytes)`;
}

function offenderLine({ kind, path, pathBytes, addedBytes }: RuleOffender): string {
  const size = addedBytes === undefined ? '' : `  [${sizeText(addedBytes)}]`;
  return `  ${kindLetters[kind]}  ${escapeName(path, pathBytes)}${size}\n`;
}

/** Value, limit, and the worst offenders. */
export function reportRules(failures: readonly RuleFailure[]): void {
  for (const { rule, text, unit, value, limit, offenders, more } of failures) {
    const what = rule === 'maxAdded' ? 'added' : value === 1 ? 'change' : 'changes';
    complain(
      `rule failed: ${options[rule]} '${text}': ${counted(value, unit)} ${what}, ` +
        `allowed ${counted(limit, unit)}`,
    );
    tell(offenders.map(offenderLine).join(''));
    if (more > 0) {
      tell(`  and ${more} more\n`);
    }
  }
}
