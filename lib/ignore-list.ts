/** Leaves out changes by the rules of gitignore. */
import type { Ignore } from 'ignore';
import type { Change } from './entries.ts';
import { argumentType } from './errors.ts';
import { require } from './package.ts';

/** The library remembers every path it was asked about: now and then it starts with a new memory. */
const memory = 8192;

/** One character for every byte: patterns match bytes as git's do, and any name is one. */
const characters = (bytes: Buffer): string => bytes.toString('latin1');

class IgnoreList {
  readonly #rules: Ignore;
  #asked: Ignore;
  #left = 0;
  /** The directories that lead to the last path, the top-most first, as far as they are not ignored. */
  #open: string[] = [];
  /** The directory that was last found to be ignored, a slash at its end. */
  #ignored: string | undefined;

  constructor(texts: readonly (string | Buffer)[]) {
    this.#rules = IgnoreList.#empty();
    for (const text of texts) {
      this.#rules.add(characters(Buffer.from(text as string)));
    }
    this.#asked = this.#rules;
  }

  static #empty(): Ignore {
    // Loaded here: whoever has no patterns does not pay for them.
    const ignore = require('ignore') as (options: { readonly ignorecase: boolean }) => Ignore;
    return ignore({ ignorecase: false });
  }

  has({ path, pathBytes, type }: Change): boolean {
    if (path === '.') {
      return false;
    }
    const name = characters(pathBytes ?? Buffer.from(path));
    return type === 'directory'
      ? this.#testDirectories(`${name}/`)
      : this.#testDirectories(name) || this.#test(name);
  }

  /** Whether one of the directories that lead to it is ignored: nothing in one can be taken back. */
  #testDirectories(name: string): boolean {
    if (this.#ignored !== undefined && name.startsWith(this.#ignored)) {
      return true;
    }
    if (this.#left === 0) {
      this.#asked = IgnoreList.#empty().add(this.#rules);
      this.#left = memory;
      this.#open = [];
    }
    while (this.#open.length > 0 && !name.startsWith(this.#open.at(-1) ?? '')) {
      this.#open.pop();
    }
    // From the top: the library, which goes up by recursion, finds the one above in its memory.
    let at = this.#open.at(-1)?.length ?? 0;
    for (let end = name.indexOf('/', at); end >= 0; end = name.indexOf('/', at)) {
      at = end + 1;
      const directory = name.slice(0, at);
      if (this.#test(directory)) {
        this.#ignored = directory;
        return true;
      }
      this.#open.push(directory);
    }
    return false;
  }

  #test(path: string): boolean {
    this.#left = Math.max(0, this.#left - 1);
    return this.#asked.ignores(path);
  }
}

/** Checks the option, and gives what is kept of a list; undefined where nothing is left out. */
export function ignoreList(
  value: unknown,
  name: string,
): ((change: Change) => boolean) | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (!Array.isArray(value)) {
    throw argumentType(name, 'an array', value);
  }
  const texts = Array.from(value, (item: unknown, i) => {
    if (typeof item !== 'string' && !Buffer.isBuffer(item)) {
      throw argumentType(`${name}[${i}]`, 'a string or a Buffer', item);
    }
    return item;
  });
  if (texts.length === 0) {
    return undefined;
  }
  const list = new IgnoreList(texts);
  return (change) => !list.has(change);
}
