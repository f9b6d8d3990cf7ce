/** What a message proposes to type, as it can be typed. */
import { sessionRoots } from './state-directories.ts';

/** As a shell takes it for one word; without a backslash, which the command would print as two. */
export function shellWord(text: string | Buffer): string {
  const word = text.toString();
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/**
 * A line of the command that finds the same sessions.
 *
 * @param root The directory they lie in; it is said where nobody looks by itself.
 */
export function proposed(
  subcommand: string,
  root: Buffer | undefined,
  ...names: readonly string[]
): string {
  const known = root === undefined || sessionRoots(undefined).some((each) => each.equals(root));
  const where = known ? [] : [`--dir ${shellWord(root)}`];
  return `\`${['overlayfs', subcommand, ...where, ...names].join(' ')}\``;
}
