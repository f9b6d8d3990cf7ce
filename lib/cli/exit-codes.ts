export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  /** `diff --exit-code` only. */
  differences: 3,
  ruleFailed: 4,
} as const;
