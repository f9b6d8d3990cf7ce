/** What the command says on stderr. */
import { escapeText } from './escape.ts';

let spoken = false;

/** Whether there is, or will be, something on stderr that may have to wait for its reader. */
export function hasSpoken(): boolean {
  return spoken;
}

/** One line, whatever names are in it. */
export function complain(message: string): void {
  tell(`overlayfs: ${escapeText(message)}\n`);
}

export function tell(text: string): void {
  spoken = true;
  process.stderr.write(text);
}
