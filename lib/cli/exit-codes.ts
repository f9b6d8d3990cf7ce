export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  /** `diff --exit-code` only. */
  differences: 3,
  ruleFailed: 4,
  /** `run`, before the program ran: our own failure, and what a shell says of the program. */
  notRun: 125,
  notExecutable: 126,
  notFound: 127,
} as const;
