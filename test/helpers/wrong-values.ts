/** Values that are no path, no flags, no boolean and so on, each with the code of its error. */
export type Code = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_OUT_OF_RANGE';

export type Wrong = readonly [value: unknown, code: Code, name?: string];

export const types = (list: readonly unknown[]): Wrong[] =>
  list.map((value) => [value, 'ERR_INVALID_ARG_TYPE'] as const);

export const values = (list: readonly unknown[]): Wrong[] =>
  list.map((value) => [value, 'ERR_INVALID_ARG_VALUE'] as const);

export const noText: readonly unknown[] = [
  null,
  1,
  1n,
  true,
  {},
  [],
  Symbol('path'),
  new Uint8Array([47]),
];

export const noPath: readonly Wrong[] = [
  ...types(noText),
  ...values(['', Buffer.alloc(0), 'a\0b', Buffer.from('a\0')]),
  ...values(
    ['http://host/path', 'file://host/path', 'file:///a%2Fb', 'file:///%FF', 'file:///a%00b'].map(
      (url) => new URL(url),
    ),
  ),
];

export const noUrl: readonly Wrong[] = values([new URL('http://host/path')]);

export const missing: readonly Wrong[] = types([undefined]);

export const lowers: readonly Wrong[] = [
  ...noPath.filter(([value]) => !Array.isArray(value)),
  ...missing,
  ...values([[]]),
  [['/a', ''], 'ERR_INVALID_ARG_VALUE', '[1]'],
  [['/a', '/b', 1], 'ERR_INVALID_ARG_TYPE', '[2]'],
  [[undefined], 'ERR_INVALID_ARG_TYPE', '[0]'],
];

export const noBoolean: readonly Wrong[] = types([null, 1, 'true', {}]);

export const noOptions: readonly Wrong[] = types([null, 1, 'lazy', true, [], () => undefined]);

export const noSignal: readonly Wrong[] = types([null, {}, new AbortController(), true]);

export const noFlags: readonly Wrong[] = [
  ...types([null, '1', 1n, {}]),
  ...[-1, 1.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY].map(
    (value) => [value, 'ERR_OUT_OF_RANGE'] as const,
  ),
];

export const noDescriptors: readonly Wrong[] = [
  ...types([null, '1', 1n, {}]),
  ...[-1, -100, 1.5, 2 ** 31, Number.NaN].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
];

export const noBytes: readonly Wrong[] = [
  ...types([1, true, {}, [], new Uint8Array(1)]),
  ...values(['a\0b', Buffer.from('\0')]),
];

export const noNumber: readonly Wrong[] = [
  ...types([null, '1', 1n]),
  ...[-1, 1.5, Number.NaN].map((each) => [each, 'ERR_OUT_OF_RANGE'] as const),
];

export const noFunction: readonly Wrong[] = types([null, 1, 'log', {}]);

export const noWord = (word: string): readonly Wrong[] => values([word, '', 1, null, ['on']]);
