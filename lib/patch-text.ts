/** The lines that git puts around hunks. All texts here are latin1: one character for every byte. */
import type { Change, FileStat } from './entries.ts';

const letters: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/** A name as git quotes it (core.quotePath): in ASCII, and on one line whatever is in it. */
export function quoted(name: string): string {
  const escaped = name.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\x00-\x1f"\\\x7f-\xff]/g,
    (byte) => letters[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return escaped === name ? name : `"${escaped}"`;
}

/** The modes that git knows; undefined of what it does not store. */
export function gitMode(stat: FileStat | undefined): string | undefined {
  switch (stat?.type) {
    case 'file':
      return (stat.mode & 0o100) === 0 ? '100644' : '100755';
    case 'symlink':
      return '120000';
    default:
      return undefined;
  }
}

/** One side of a section. */
export interface PatchSide {
  readonly path: string;
  readonly mode: string;
}

function heading(before: PatchSide | undefined, after: PatchSide | undefined): string {
  const [old, now] = [before ?? after, after ?? before];
  const lines = [`diff --git ${quoted(`a/${old?.path}`)} ${quoted(`b/${now?.path}`)}`];
  if (before === undefined) {
    lines.push(`new file mode ${after?.mode}`);
  } else if (after === undefined) {
    lines.push(`deleted file mode ${before.mode}`);
  } else if (before.mode !== after.mode) {
    lines.push(`old mode ${before.mode}`, `new mode ${after.mode}`);
  }
  if (before !== undefined && after !== undefined && before.path !== after.path) {
    lines.push(`rename from ${quoted(before.path)}`, `rename to ${quoted(after.path)}`);
  }
  return `${lines.join('\n')}\n`;
}

const nameOf = (prefix: string, side: PatchSide | undefined): string =>
  side === undefined ? '/dev/null' : quoted(`${prefix}${side.path}`);

/** A tab ends a name with a space in it: what comes after a space would be a time. */
const ended = (name: string): string => (name.includes(' ') ? `${name}\t` : name);

export type Shown = { readonly hunks: string } | { readonly binary: true };

/** One section of a patch; empty where there is nothing to say. */
export function section(
  before: PatchSide | undefined,
  after: PatchSide | undefined,
  shown: Shown,
): string {
  const [old, now] = [nameOf('a/', before), nameOf('b/', after)];
  const head = heading(before, after);
  if ('binary' in shown) {
    return `${head}Binary files ${old} and ${now} differ\n`;
  }
  const same = before?.mode === after?.mode && before?.path === after?.path;
  if (shown.hunks === '') {
    return same ? '' : head;
  }
  return `${head}--- ${ended(old)}\n+++ ${ended(now)}\n${shown.hunks}`;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** What changed and cannot be said in a patch: a line that git apply and patch(1) pass over. */
export function note(change: Change, path: string): string {
  const { kind, type, previousType, aspects, before, after } = change;
  const said = aspects.map((aspect) => {
    if (before === undefined || after === undefined) {
      return aspect;
    }
    switch (aspect) {
      case 'mode':
        return `mode ${octal(before.mode)} -> ${octal(after.mode)}`;
      case 'owner':
        return `owner ${before.uid}:${before.gid} -> ${after.uid}:${after.gid}`;
      case 'type':
        return `${previousType} -> ${type}`;
      default:
        return aspect;
    }
  });
  const what = type === 'file' ? said : [type, ...said];
  return `# ${kind} ${quoted(path)}${what.length > 0 ? `: ${what.join(', ')}` : ''}\n`;
}
