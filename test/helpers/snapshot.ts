/** What a tree is, entry by entry: everything that has to be the same but inode numbers and change times. */
import type { BigIntStats } from 'node:fs';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

function contentOf(path: string, st: BigIntStats): string {
  if (st.isSymbolicLink()) return readlinkSync(path);
  if (!st.isFile()) return '';
  return JSON.stringify(readFileSync(path, 'latin1'));
}

/** One line an entry, sorted by path; times of directories are in it. */
export function snapshot(root: string): string[] {
  const first = new Map<bigint, string>(); // names of one file
  const lines: string[] = [];
  const visit = (name: string): void => {
    const path = join(root, name);
    const st = lstatSync(path, { bigint: true });
    const group = st.isDirectory() ? '' : `${first.get(st.ino) ?? name} x${st.nlink}`;
    if (!first.has(st.ino)) first.set(st.ino, name);
    const owner = `${st.uid}:${st.gid}`;
    const mode = st.mode.toString(8);
    lines.push(`${name} ${mode} ${owner} ${st.mtimeNs} ${st.rdev} ${group} ${contentOf(path, st)}`);
    if (!st.isDirectory()) return;
    for (const each of readdirSync(path).sort()) visit(join(name, each));
  };
  visit('.');
  return lines;
}
