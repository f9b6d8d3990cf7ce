/** What ends a command without being a bug. */

/** The command line makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command itself failed, not what it called. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
