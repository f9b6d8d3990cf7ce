/** Statements about types, for the compiler: a wrong one does not compile. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export type Accepts<Wanted, Given> = Given extends Wanted ? true : false;
export type Refuses<Wanted, Given> = Given extends Wanted ? false : true;
export type Expect<T extends true> = T;
export type Keys<T> = keyof Required<T>;
export type OptionalKeys<T> = {
  [K in keyof T]-?: object extends Pick<T, K> ? K : never;
}[keyof T];
/** `extends` does not look at `readonly`. */
export type MutableKeys<T> = {
  [K in keyof T]-?: Equal<Pick<T, K>, Readonly<Pick<T, K>>> extends true ? never : K;
}[keyof T];
