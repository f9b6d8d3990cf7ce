/** What the command says on stderr. */
import { escapeText } from './escape.ts';

/** One line, whatever names are in it. */
export function complain(message: string): void {
  process.stderr.write(`overlayfs: ${escapeText(message)}\n`);
}
