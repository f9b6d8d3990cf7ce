/** The forms in which the addon takes and gives: its objects, and how every call of it ends. */
import type { Failure } from './errors.ts';

declare const handle: unique symbol;
/** An object of the core that JavaScript holds on to. */
export interface Handle<Kind extends string> {
  readonly [handle]: Kind;
}

/** How every unit of work ends: the addon makes no errors, so that their stack is the caller's. */
export type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A function that works in the thread pool, or at once if its last argument is true. */
export interface EitherWay<Args extends readonly unknown[], T> {
  (...args: [...Args, sync: true]): Outcome<T>;
  (...args: [...Args, sync: false]): Promise<Outcome<T>>;
}
