// Every cause the core can name has a sentence, and no sentence is left over.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { errorFromFailure } from '../lib/errors.ts';
import { knownReasons } from '../lib/reasons.ts';

const sources = ['core', 'binding'].map((part) =>
  fileURLToPath(new URL(`../../native/${part}`, import.meta.url)),
);

test('the words of the core and the sentences agree', (t) => {
  const source = sources
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((file) => file.endsWith('.cc'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  // A word is in quotes and has a hyphen; "closed", "covered", "replaced" and
  // "submount" have none.
  const quoted = new Set(
    Array.from(source.matchAll(/"([a-z]+(?:-[a-z]+)*)"/g), ([, word]) => word),
  );
  for (const reason of knownReasons) {
    t.true(quoted.has(reason), `no code of the core says "${reason}"`);
  }
  const notReasons = new Set(['node-overlayfs-probe', 'upper-owner', 'upper-xattrs']);
  for (const word of quoted) {
    if (word?.includes('-') && !notReasons.has(word)) {
      t.true(knownReasons.includes(word), `"${word}" has no sentence in lib/reasons.ts`);
    }
  }
});

test('a limit is named with what raises it', (t) => {
  const failure = { errno: 24, syscall: 'openat', path: Buffer.from('/a'), dest: null, reason: '' };
  const { message, hint } = errorFromFailure({ ...failure, detail: Buffer.alloc(0), log: [] });
  t.regex(message, /^EMFILE: too many open files, openat '\/a': /);
  t.regex(hint ?? '', /`ulimit -n`/);
});
