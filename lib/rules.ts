import type { PathLike } from './arguments.ts';
import {
  optionalInteger,
  optionsObject,
  pathBytes,
  patternList,
  relativeName,
} from './arguments.ts';
import type { ChangesSource } from './change-source.ts';
import { ByteCounter } from './change-totals.ts';
import type { ChangesOptions } from './changes.ts';
import { changes, changesOptionNames } from './changes.ts';
import type { Change, ChangeKind } from './entries.ts';
import { argumentType, argumentValue } from './errors.ts';
import { native } from './native.ts';
import type { PatternsHandle } from './native-walks.ts';

/** What a list of changes must keep to. */
export interface Rules {
  /**
   * What must not be there: `'added'`, `'modified'`, `'deleted'` or `'any'`, alone or followed by a colon
   * and a pattern as `include` has them: `'deleted'`, `'modified:bin/**'`.
   */
  readonly failOn?: readonly (string | Buffer)[];
  /** How many bytes may be added at most: `addedBytes` of `summarizeChanges`. */
  readonly maxAdded?: number;
  /**
   * Patterns, as `include` has them, of where changes are allowed; one anywhere else fails. A directory
   * that was added on the way to where a pattern can match is allowed too: it could not be without it.
   */
  readonly only?: readonly PathLike[];
}

/** One change that a rule does not allow. */
export interface RuleOffender {
  readonly kind: ChangeKind;
  readonly path: string;
  /** Where `path` is not UTF-8, and always with `encoding: 'buffer'`. */
  readonly pathBytes?: Buffer;
  /** Of `maxAdded`: how many bytes it adds. */
  readonly addedBytes?: number;
}

/** A rule that was not kept to. */
export interface RuleFailure {
  readonly rule: keyof Rules;
  /** The rule as it was given; several patterns of `only` with a comma and a space between them. */
  readonly text: string;
  readonly unit: 'changes' | 'bytes';
  /** How many there are. */
  readonly value: number;
  /** How many there may be. */
  readonly limit: number;
  /** The worst: of `maxAdded` those that add the most, else the first ones; ten at most. */
  readonly offenders: readonly RuleOffender[];
  /** How many more there are. */
  readonly more: number;
}

const shown = 10;
const kinds = ['added', 'modified', 'deleted', 'any'] as const;

function offender({ kind, path, pathBytes }: Change): RuleOffender {
  return { kind, path, ...(pathBytes === undefined ? {} : { pathBytes }) };
}

/** The path ends with a slash, so that `ab` does not lie in `a`. */
function inBytes({ path, pathBytes }: Change): string {
  return path === '.' ? '' : `${(pathBytes ?? Buffer.from(path)).toString('latin1')}/`;
}

/** Counts what it is shown; a removed tree is one offender. */
class Offenders {
  count = 0;
  readonly first: RuleOffender[] = [];
  #tree: string | undefined;

  add(change: Change): void {
    const path = inBytes(change);
    if (change.kind === 'deleted' && this.#tree !== undefined && path.startsWith(this.#tree)) {
      return;
    }
    this.#tree = change.kind === 'deleted' ? path : undefined;
    this.count++;
    if (this.first.length < shown) {
      this.first.push(offender(change));
    }
  }
}

interface Checked {
  add(change: Change): void;
  failure(): RuleFailure | undefined;
}

function counting(rule: keyof Rules, text: string, offends: (change: Change) => boolean): Checked {
  const offenders = new Offenders();
  return {
    add(change) {
      if (offends(change)) {
        offenders.add(change);
      }
    },
    failure() {
      const { count, first } = offenders;
      const more = count - first.length;
      const counted = { unit: 'changes', value: count, limit: 0, offenders: first, more } as const;
      return count === 0 ? undefined : { rule, text, ...counted };
    },
  };
}

const none = 0;
const chosen = 2;

/** The answer for one change; the addon is first called with the first of them. */
function asking(patterns: readonly Buffer[]): (change: Change) => number {
  let handle: PatternsHandle | undefined;
  return ({ path, pathBytes }) => {
    handle ??= native().newPatterns(patterns);
    return native().askPatterns(handle, pathBytes ?? Buffer.from(path));
  };
}

function failOn(item: unknown, name: string): Checked {
  if (typeof item !== 'string' && !Buffer.isBuffer(item)) {
    throw argumentType(name, 'a string or a Buffer', item);
  }
  const bytes = Buffer.from(item as string);
  const colon = bytes.indexOf(':');
  const word = bytes.subarray(0, colon < 0 ? bytes.length : colon).toString();
  const kind = kinds.find((each) => each === word);
  if (kind === undefined) {
    throw argumentValue(name, `must be one of ${kinds.join(', ')}, or that, a colon and a pattern`);
  }
  const pattern = colon < 0 ? undefined : bytes.subarray(colon + 1);
  const ask = pattern && asking([relativeName(pathBytes(pattern, name), name)]);
  return counting(
    'failOn',
    bytes.toString(),
    (change) =>
      (kind === 'any' || kind === change.kind) && (ask === undefined || ask(change) === chosen),
  );
}

function only(given: readonly Buffer[]): Checked {
  const ask = asking(given);
  return counting('only', given.map(String).join(', '), (change) => {
    const answer = ask(change);
    const onTheWay = change.kind === 'added' && change.type === 'directory';
    return onTheWay ? answer === none : answer !== chosen;
  });
}

class MaxAdded implements Checked {
  readonly #limit: number;
  readonly #bytes = new ByteCounter();
  #value = 0;
  #count = 0;
  /** The largest first. */
  #worst: (RuleOffender & { readonly addedBytes: number })[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(change: Change): void {
    const { addedBytes } = this.#bytes.measure(change);
    if (addedBytes === 0) {
      return;
    }
    this.#value += addedBytes;
    this.#count++;
    const least = this.#worst.at(-1)?.addedBytes ?? 0;
    if (this.#worst.length < shown || addedBytes > least) {
      const more = [...this.#worst, { ...offender(change), addedBytes }];
      this.#worst = more.sort((a, b) => b.addedBytes - a.addedBytes).slice(0, shown);
    }
  }

  failure(): RuleFailure | undefined {
    const [value, limit, offenders] = [this.#value, this.#limit, this.#worst];
    const more = this.#count - offenders.length;
    const counted = { unit: 'bytes', value, limit, offenders, more } as const;
    return value > limit ? { rule: 'maxAdded', text: String(limit), ...counted } : undefined;
  }
}

/**
 * Rules for a list that is read anyway. It has to be one with `stat: true` and `expand: true`: without the
 * entries of removed trees a pattern below one would match nothing, and nothing would be said. In memory
 * are ten offenders for each rule, and for `maxAdded` the files of several names.
 */
export class RuleChecker {
  readonly #rules: readonly Checked[];

  /** @throws TypeError, RangeError for what is no rule. */
  constructor(rules: Rules) {
    const given = optionsObject(rules, 'rules', ['failOn', 'maxAdded', 'only']);
    const words = given.failOn === undefined ? [] : given.failOn;
    if (!Array.isArray(words)) {
      throw argumentType('rules.failOn', 'an array', words);
    }
    const limit = optionalInteger(given.maxAdded, 'rules.maxAdded', 0, Number.MAX_SAFE_INTEGER);
    const places = patternList(given.only, 'rules.only');
    this.#rules = [
      ...Array.from(words, (word, i) => failOn(word, `rules.failOn[${i}]`)),
      ...(limit === undefined ? [] : [new MaxAdded(limit)]),
      ...(places.length === 0 ? [] : [only(places)]),
    ];
  }

  add(change: Change): void {
    for (const rule of this.#rules) {
      rule.add(change);
    }
  }

  /** Of what was added so far: every rule that is not kept to, in the order of `Rules`. */
  failures(): RuleFailure[] {
    return this.#rules.flatMap((rule) => rule.failure() ?? []);
  }
}

export type CheckRulesOptions = Omit<ChangesOptions, 'stat' | 'expand'>;

const checkOptionNames = changesOptionNames.filter((name) => name !== 'stat' && name !== 'expand');

/**
 * Reads changes and gives the rules they do not keep to; none is what one hopes for. What `include`,
 * `exclude`, `ignore` and `ignorePatterns` leave out is not judged.
 *
 * @throws TypeError, RangeError for wrong arguments; rejects as the iteration of `changes` does.
 */
export async function checkRules(
  source: ChangesSource,
  rules: Rules,
  options?: CheckRulesOptions,
): Promise<readonly RuleFailure[]> {
  const given = optionsObject(options, 'options', checkOptionNames) as CheckRulesOptions;
  const checker = new RuleChecker(rules);
  for await (const change of changes(source, { ...given, stat: true, expand: true })) {
    checker.add(change);
  }
  return checker.failures();
}
