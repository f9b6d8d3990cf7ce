/** How a failure is told, and with which exit code. */
import { OverlayError } from '../errors.ts';
import { CommandError, UsageError } from './command-errors.ts';
import { isCommand } from './command-names.ts';
import { escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { complain, tell } from './messages.ts';

/** The message has the hint, but for errors about the addon: of those the cause matters as well. */
function explained({ message, hint, cause }: OverlayError): string {
  const more = [hint, cause instanceof Error ? cause.message.trim() : undefined];
  return [message, ...more.filter((text) => text && !message.includes(text))].join(': ');
}

/** Where the rest goes on. */
export function tellFailure(error: OverlayError): void {
  process.stderr.on('error', () => undefined); // nobody listens
  complain(explained(error));
}

export function reportFailure(error: unknown, command: string | undefined): number {
  process.stderr.on('error', () => undefined); // nobody listens
  if (error instanceof UsageError) {
    complain(error.message);
    const about = command !== undefined && isCommand(command) ? `${command} ` : '';
    tell(`Try 'overlayfs ${about}--help'\n`);
    // Every status of `run` but four is the program's, and one of these comes after a 0 of it.
    return command === 'run' ? exitCodes.notRun : exitCodes.usage;
  }
  if (error instanceof OverlayError) {
    tellFailure(error);
  } else if (error instanceof CommandError) {
    complain(error.message);
  } else {
    const stack = error instanceof Error ? error.stack : undefined;
    const lines = `${stack ?? error}`.split('\n').map(escapeText);
    tell(`overlayfs: this is a bug: ${lines.join('\n')}\n`);
  }
  return command === 'run' ? exitCodes.notRun : exitCodes.failed;
}
