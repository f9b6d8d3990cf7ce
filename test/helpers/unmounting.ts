/** Mounts that are to be taken off, and which of them are left. */
import { mkdirSync, readFileSync } from 'node:fs';
import type { AttachedOverlay } from 'overlayfs';
import { mountOverlay, syscalls } from 'overlayfs';
import type { Place } from './place.ts';

/** A read-only overlay: any number of them can be made of two lowers. */
export function view(place: Place, target: string): Promise<AttachedOverlay> {
  mkdirSync(place.at(target), { recursive: true });
  return mountOverlay({
    lower: [place.at('lower'), place.at('lower2')],
    target: place.at(target),
  });
}

export function writable(place: Place, target: string): Promise<AttachedOverlay> {
  return mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at(target),
  });
}

export function tmpfsOn(target: string): string {
  mkdirSync(target, { recursive: true });
  syscalls.mountSync('tmpfs', target, 'tmpfs');
  return target;
}

/** Undoes the escapes of the mount table. */
function unescaped(field: string): string {
  const text = field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(text, 'latin1').toString();
}

/** Mount points of any kind below a place, sorted. */
export function mountPoints(place: Place): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
  return lines
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((target) => target.startsWith(`${place.base}/`))
    .map((target) => target.slice(place.base.length + 1))
    .sort();
}
