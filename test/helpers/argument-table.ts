/** How a table says what a public function takes, and all the wrong calls that follow from it. */
import type * as overlayfs from 'overlayfs';
import { at } from './no-addon.ts';
import type { Code, Wrong } from './wrong-values.ts';
import { missing, noOptions, noPath } from './wrong-values.ts';

export type Call = (...args: readonly unknown[]) => unknown;

/** For each option its wrong values, and one that is no option. */
export interface OptionTable {
  readonly [option: string]: readonly Wrong[];
}

export interface Parameter {
  readonly name: string;
  /** A right value. */
  readonly right: unknown;
  readonly wrong: readonly Wrong[];
  /** Of an object. */
  readonly options?: OptionTable;
}

export interface Subject {
  readonly name: string;
  readonly call: Call;
  readonly parameters: readonly Parameter[];
  /** With right arguments it may come to an end without the addon. */
  readonly withoutAddon?: boolean;
}

export const subject = (name: string, call: unknown, ...parameters: Parameter[]): Subject => ({
  name,
  call: call as Call,
  parameters,
});

export const path = (name: string): Parameter => ({
  name,
  right: at('target'),
  wrong: [...noPath, ...missing],
});

export const options = (table: OptionTable, right: object = {}): Parameter => ({
  name: 'options',
  right,
  wrong: noOptions,
  options: table,
});

export const layers: overlayfs.Layers = { upper: at('upper'), lower: at('lower') };

/** The iteration has the failures, the call has the wrong arguments. */
export const iterated =
  (make: Call): Call =>
  (...args) =>
    (make(...args) as AsyncIterator<unknown>).next();

/** Both forms of a call take the same. */
export const both = (
  calls: Readonly<Record<string, unknown>>,
  prefix: string,
  name: string,
  ...parameters: Parameter[]
): Subject[] =>
  [name, `${name}Sync`].map((form) => subject(`${prefix}${form}`, calls[form], ...parameters));

export interface Case {
  readonly args: readonly unknown[];
  readonly code: Code;
  /** As the message has it. */
  readonly name: string;
}

/** Every wrong value of one parameter, and then of each of its options; all others are right. */
export function* casesOf({ parameters }: Subject): Generator<Case> {
  for (const [i, parameter] of parameters.entries()) {
    const { name, right, wrong, options: table = {} } = parameter;
    const withArgument = (value: unknown): unknown[] =>
      parameters.map((other, at) => (at === i ? value : other.right));
    for (const [value, code, suffix = ''] of wrong) {
      yield { args: withArgument(value), code, name: `${name}${suffix}` };
    }
    if (parameter.options !== undefined) {
      yield {
        args: withArgument({ ...(right as object), bogus: 1 }),
        code: 'ERR_INVALID_ARG_VALUE',
        name: `${name}.bogus`,
      };
    }
    for (const [option, list] of Object.entries(table)) {
      for (const [value, code, suffix = ''] of list) {
        const given = { ...(right as object), [option]: value };
        yield { args: withArgument(given), code, name: `${name}.${option}${suffix}` };
      }
    }
  }
}
