/** Paths as bytes: what a directory is called need not be text. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Byte by byte as a string, which the functions of node:path can take apart. */
export function latin1(path: Buffer): string {
  return path.toString('latin1');
}

/** `..` stays, since it leads elsewhere after a symbolic link. */
export function joined(path: Buffer, ...names: readonly (string | Buffer)[]): Buffer {
  const parts = [path, ...names.map((name) => Buffer.from(name as string))].map(latin1);
  const all = parts.join('/');
  const kept = all.split('/').filter((part) => part !== '' && part !== '.');
  return Buffer.from(`${all.startsWith('/') ? '/' : ''}${kept.join('/')}`, 'latin1');
}

export function parentOf(path: Buffer): Buffer {
  return Buffer.from(dirname(latin1(path)), 'latin1');
}

/** Text where that says all of it. */
export function textOrBytes(path: Buffer): string | Buffer {
  return isUtf8(path) ? path.toString() : path;
}

const replacement = '\ufffd';

/** What was in the environment when this process began, as the kernel has it. */
function valueAtStart(name: string): Buffer | undefined {
  try {
    const all = readFileSync('/proc/self/environ', 'latin1').split('\0');
    const found = all.find((each) => each.startsWith(`${name}=`));
    return found === undefined ? undefined : Buffer.from(found.slice(name.length + 1), 'latin1');
  } catch {
    return undefined; // no /proc
  }
}

/** What os.tmpdir() leaves away. */
function withoutSlash(path: Buffer | undefined): Buffer | undefined {
  return path !== undefined && path.length > 1 && path.at(-1) === 0x2f
    ? path.subarray(0, -1)
    : path;
}

/** A text that Node has made of one of some variables, in the bytes that it was made of. */
export function bytesOfVariable(text: string, ...names: readonly string[]): Buffer {
  const values = text.includes(replacement) ? names.map(valueAtStart) : [];
  const exact = [...values, ...values.map(withoutSlash)];
  return exact.find((each) => each?.toString() === text) ?? Buffer.from(text);
}
