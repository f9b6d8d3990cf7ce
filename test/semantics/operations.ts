// The operations of a history, as data: they can be stored, left out and played again.
import type { Lab } from '../helpers/lab.ts';
import { at } from '../helpers/scene.ts';

/**
 * Paths are relative to the overlay, `.` is its root; paths and data are latin1, so that every byte
 * is one character.
 */
export type Operation =
  | readonly ['write', path: string, data: string, mode: number]
  | readonly ['fill', path: string, size: number, seed: number]
  | readonly ['append', path: string, data: string]
  | readonly ['truncate', path: string, size: number]
  | readonly ['writeAt', path: string, offset: number, data: string]
  | readonly ['rewrite', path: string, offset: number, data: string]
  | readonly ['punch', path: string, offset: number, length: number]
  | readonly ['open', path: string]
  | readonly ['chmod', path: string, mode: number]
  | readonly ['chown', path: string, uid: number, gid: number]
  | readonly ['utimens', path: string, seconds: number]
  | readonly ['setXattr', path: string, name: string, value: string]
  | readonly ['removeXattr', path: string, name: string]
  | readonly ['setAcl', path: string, kind: 'access' | 'default', entries: string]
  | readonly ['link', path: string, to: string]
  | readonly ['symlink', path: string, target: string]
  | readonly ['unlink', path: string]
  | readonly ['mkdir', path: string, mode: number]
  | readonly ['rmdir', path: string]
  | readonly ['rmtree', path: string]
  | readonly ['rename', path: string, to: string]
  | readonly ['exchange', path: string, to: string]
  | readonly ['mknod', path: string, type: Node, mode: number, major: number, minor: number]
  // Unmounts, and mounts the same again.
  | readonly ['remount']
  // Unmounts, and goes on with a new upper above the present one.
  | readonly ['rotate']
  // Marks as tools write them into a layer that is not mounted.
  | readonly ['whiteout', path: string]
  | readonly ['mark', path: string, name: string, value: string];

type Node = 'c' | 'b' | 'p' | 's' | 'f';

const nanoseconds = 1_000_000_000n;

/** Plays one in a directory. Those of the mount itself are not for here. */
export function play(lab: Lab, root: Buffer, own: string, operation: Operation): Promise<void> {
  const path = (name: string): Buffer => at(root, bytes(name));
  switch (operation[0]) {
    case 'write':
      return lab.write(path(operation[1]), bytes(operation[2]), operation[3]);
    case 'fill':
      return lab.fill(path(operation[1]), operation[2], operation[3]);
    case 'append':
      return lab.append(path(operation[1]), bytes(operation[2]));
    case 'truncate':
      return lab.truncate(path(operation[1]), operation[2]);
    case 'writeAt':
      return lab.writeAt(path(operation[1]), operation[2], bytes(operation[3]));
    case 'rewrite':
      return lab.rewrite(path(operation[1]), operation[2], bytes(operation[3]));
    case 'punch':
      return lab.punch(path(operation[1]), operation[2], operation[3]);
    case 'open':
      return lab.openReadWrite(path(operation[1]));
    case 'chmod':
      return lab.chmod(path(operation[1]), operation[2]);
    case 'chown':
      return lab.chown(path(operation[1]), operation[2], operation[3]);
    case 'utimens': {
      // Some nanoseconds too: not every filesystem has them.
      const time = BigInt(operation[2]) * nanoseconds + 123_456_789n;
      return lab.utimens(path(operation[1]), time, time);
    }
    case 'setXattr':
      return lab.setXattr(path(operation[1]), operation[2], bytes(operation[3]));
    case 'removeXattr':
      return lab.removeXattr(path(operation[1]), operation[2]);
    case 'setAcl':
      return lab.setAcl(path(operation[1]), operation[2], operation[3]);
    case 'link':
      return lab.link(path(operation[1]), path(operation[2]));
    case 'symlink':
      return lab.symlink(bytes(operation[2]), path(operation[1]));
    case 'unlink':
      return lab.unlink(path(operation[1]));
    case 'mkdir':
      return lab.mkdir(path(operation[1]), operation[2]);
    case 'rmdir':
      return lab.rmdir(path(operation[1]));
    case 'rmtree':
      return lab.rmtree(path(operation[1]));
    case 'rename':
      return lab.rename(path(operation[1]), path(operation[2]));
    case 'exchange':
      return lab.exchange(path(operation[1]), path(operation[2]));
    case 'mknod': {
      const [, name, type, mode, major, minor] = operation;
      return lab.mknod(path(name), type, mode, major, minor);
    }
    case 'whiteout':
      return lab.whiteout(path(operation[1]));
    case 'mark':
      return lab.setXattr(
        path(operation[1]),
        `${own}.overlay.${operation[2]}`,
        bytes(operation[3]),
      );
    case 'remount':
    case 'rotate':
      return Promise.reject(new Error(`${operation[0]} is for the stage`));
  }
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** One line that a person can read and type again. */
export function describe([name, ...values]: Operation): string {
  const words = values.map((value) => {
    if (typeof value === 'number')
      return value >= 0o400 ? `${value} (0${value.toString(8)})` : value;
    return /^[\w./:-]+$/.test(value) ? value : JSON.stringify(value);
  });
  return [name, ...words].join(' ');
}
