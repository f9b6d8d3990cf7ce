/** A function of the addon as two of ours: one gives a promise, one blocks. */

import { unwrap } from './native.ts';
import type { EitherWay } from './native-outcome.ts';

type AnyFunction = (...args: never[]) => unknown;

/** Functions that are described once, in their blocking form: `name` gives a promise, `nameSync` blocks. */
export type BothForms<T extends { readonly [Name in keyof T]: AnyFunction }> = {
  readonly [Name in keyof T]: (...args: Parameters<T[Name]>) => Promise<ReturnType<T[Name]>>;
} & {
  readonly [Name in keyof T & string as `${Name}Sync`]: T[Name];
};

type Forms<Name extends string, Args extends readonly unknown[], R> = {
  readonly [N in Name]: (...args: Args) => Promise<R>;
} & {
  readonly [N in `${Name}Sync`]: (...args: Args) => R;
};

/**
 * `check` makes native arguments of the caller's, or throws; `call` finds the function of the addon,
 * which is loaded when one is first called; `show` makes the answer of what it gives.
 */
export function bothForms<
  Name extends string,
  Args extends readonly unknown[],
  Native extends readonly unknown[] | [],
  T,
  R,
>(
  name: Name,
  check: (...args: Args) => Native,
  call: () => EitherWay<Native, T>,
  show: (value: T) => R,
): Forms<Name, Args, R> {
  // Computed names: they are what a stack shows.
  const forms = {
    [name]: async (...args: Args): Promise<R> => {
      const native = check(...args);
      return show(unwrap(await call()(...native, false)));
    },
    [`${name}Sync`]: (...args: Args): R => {
      const native = check(...args);
      return show(unwrap(call()(...native, true)));
    },
  };
  return forms as Forms<Name, Args, R>;
}
