/** What can be wrong with a session, in words. */
import { readFileSync } from 'node:fs';
import { describeErrno } from './errno.ts';
import { OverlayError } from './errors.ts';
import { parentOf } from './path-bytes.ts';
import { proposed, shellWord } from './session-commands.ts';
import type { RecordedIdentity } from './session-record.ts';
import { sessionRoots } from './state-directories.ts';

interface Details {
  readonly path?: string | Buffer;
  readonly hint: string;
  readonly cause?: unknown;
}

function failure(code: string, message: string, { path, ...details }: Details): OverlayError {
  return new OverlayError(`${code}: ${message}: ${details.hint}`, {
    code,
    ...details,
    ...(path === undefined ? {} : { path: String(path) }),
  });
}

/** `directory`: the one that was named. */
export function noSuchSession(name: string, directory: Buffer | undefined): OverlayError {
  const roots = sessionRoots(directory).join(' or ');
  const hint = `no directory of that name is in ${roots}; ${proposed('sessions', directory)} lists what there is`;
  return failure('ENOENT', `there is no session '${name}'`, { hint });
}

/** Where a word can be the one or the other. */
export function neitherSessionNorDirectory(
  name: string,
  directory: Buffer | undefined,
): OverlayError {
  const where = directory === undefined ? ' (`--dir`: where they lie)' : '';
  const hint = `${proposed('sessions', directory)} lists the sessions there are${where}`;
  return failure('ENOENT', `there is no session '${name}', and no directory of that name here`, {
    path: name,
    hint,
  });
}

/** It cannot be told what was meant, so nothing is done with it. */
export function brokenSession(name: string, path: Buffer, why: string): OverlayError {
  const prune = proposed('sessions prune --broken', parentOf(path));
  const hint = `${why}; nothing in ${path} was touched. ${prune} removes it`;
  return failure('ERR_SESSION_BROKEN', `the session '${name}' is damaged`, { path, hint });
}

/** Somebody else's business. */
export function notASession(name: string, path: string | Buffer, why: string): OverlayError {
  const hint = `${path} is something else, and left alone (${why}); use another name, or another directory for sessions (\`directory\`, \`--dir\`)`;
  return failure('ERR_SESSION_FOREIGN', `there is no session '${name}'`, { path, hint });
}

/** That of a newer version is nothing that this one may judge. */
export function newerSession(name: string, path: string | Buffer, why: string): OverlayError {
  return failure('ERR_SESSION_NEWER', `the session '${name}' is of a newer version`, {
    path,
    hint: why,
  });
}

/** Undefined where it has ended, is nobody (0) or unknown. */
export function commandOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.join(' ').trim() || undefined;
  } catch {
    return undefined; // it has ended, or is somebody else's
  }
}

/** `pid`: 0 where it is unknown. */
export function sessionInUse(name: string, path: string | Buffer, pid: number): OverlayError {
  const command = commandOf(pid);
  const who =
    command === undefined
      ? 'what a run that was killed has left is still being ended, or it is used in a container'
      : `process ${pid} (${command}) works with it`;
  const hint = `${who}; a session has one user at a time`;
  return failure('EBUSY', `the session '${name}' is in use`, { path, hint });
}

export function sessionHasDependents(
  name: string,
  path: Buffer,
  others: readonly string[],
): OverlayError {
  const root = parentOf(path);
  const stacked =
    others.length > 1 ? 'are stacked on it and would change' : 'is stacked on it and would change';
  const hint =
    `${others.join(', ')} ${stacked} with it; discard first what is not needed (${proposed('discard', root, ...others)}), ` +
    `or go on in a copy (${proposed('sessions clone', root, name, 'NEW')})`;
  return failure('EBUSY', `the session '${name}' is the base of others`, { path, hint });
}

/** None of them alone is what its changes were made from. */
export function sessionOnSeveral(name: string, base: string | undefined): OverlayError {
  const hint =
    base === undefined
      ? 'name the directory to change with `to` (`--to`); what differs there from the lowers together is a conflict'
      : `it is stacked on '${base}': name the directory to change with \`to\` (\`--to\`), for '${base}' first and then for this one`;
  return failure('EINVAL', `the session '${name}' was made from several lowers`, { hint });
}

const overlay = '794c7630';
const filesystems: Readonly<Record<string, string>> = {
  ef53: 'ext4',
  '58465342': 'xfs',
  '9123683e': 'btrfs',
  '1021994': 'tmpfs',
  [overlay]: 'overlay',
  '2fc12fc1': 'zfs',
  f2f52010: 'f2fs',
  '6969': 'nfs',
};

function directoryText({ type, filesystem, inode, born }: RecordedIdentity): string {
  const place = `${filesystems[type] ?? `filesystem type 0x${type}`}${filesystem === undefined ? '' : ` ${filesystem}`}`;
  const number = inode === undefined ? '' : `inode ${inode} of `;
  const seconds = Number.parseInt(born ?? '', 10);
  const time = Number.isNaN(seconds)
    ? ''
    : `, made ${new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')}`;
  return `${number}${place}${time}`;
}

/** Something was unmounted, mounted over it, or put in its place. */
export function otherDirectory(
  name: string,
  root: Buffer,
  path: Buffer,
  recorded: RecordedIdentity,
  found: RecordedIdentity,
): OverlayError {
  // Of a sandbox, most likely: nobody else mounts one over the directory of a session.
  const covered = found.type === overlay && recorded.type !== overlay;
  const back = covered
    ? 'inside of a sandbox look at it from outside, else unmount what covers it'
    : 'mount or move it back';
  const hint =
    `the session was made from ${directoryText(recorded)}, and there is ${directoryText(found)} now; ${back}, ` +
    `or apply what the session holds to whatever directory it is meant for: ${proposed('apply --to DIR', root, name)}`;
  return failure('ESTALE', `'${path}' is not the directory that the session '${name}' is of`, {
    path: path.toString(),
    hint,
  });
}

export function directoryGone(name: string, root: Buffer, path: Buffer): OverlayError {
  const hint = `mount it again or bring it back; ${proposed('discard', root, name)} removes the session`;
  return failure('ENOENT', `the directory '${path}' of the session '${name}' is gone`, {
    path: path.toString(),
    hint,
  });
}

/** What it means depends on what has been done of it. `done`: all, but the end was not reached. */
export function applyInterrupted(
  name: string,
  path: Buffer,
  on: Buffer,
  done: boolean,
): OverlayError {
  const [apply, abort] = ['apply', 'apply --abort'].map((each) =>
    proposed(each, parentOf(path), name),
  );
  const ways = done
    ? `all of it was done on ${on}, and ${apply} ends it`
    : `only a part of it was done on ${on}; ${apply} with the same options finishes it, ${abort} undoes it`;
  return failure('EBUSY', `an apply of the session '${name}' was interrupted`, {
    path,
    hint: ways,
  });
}

/** One of several. */
export function readOnlyTarget(
  name: string,
  path: Buffer,
  target: Buffer,
  others: readonly Buffer[],
): OverlayError {
  const ways = others.map((each) =>
    proposed(`apply --of ${shellWord(each)}`, parentOf(path), name),
  );
  const onto = proposed(`apply --of ${shellWord(target)} --to DIR`, parentOf(path), name);
  const way =
    ways.length === 0
      ? `${onto} applies that to another directory`
      : `${ways.join(', ')} applies the rest`;
  const hint = `it is on a read-only mount or filesystem, and the session changes something in it; ${way}`;
  return failure('EROFS', `'${target}' cannot be changed`, { path: target, hint });
}

export function undiscardable(name: string, path: Buffer, cause: unknown): OverlayError {
  const { code = 'EACCES' } = cause as NodeJS.ErrnoException;
  const hint =
    `the directory it lies in cannot be written to, so nothing was applied: what is left of a session means something ` +
    `else once it was; ${proposed('apply --keep', parentOf(path), name)} (\`keep\`) applies it all the same`;
  return failure(code, `the session '${name}' could not be discarded afterwards`, {
    path,
    hint,
    cause,
  });
}

const finishOrUndo = (on: Buffer): string =>
  `\`overlayfs apply --resume ${shellWord(on)}\` finishes it, \`overlayfs apply --abort ${shellWord(on)}\` undoes it`;

export function usedSinceApply(name: string, path: Buffer, on: Buffer): OverlayError {
  const hint = `to finish it would leave out what was written since; ${finishOrUndo(on)}, and then it can be applied again`;
  return failure(
    'EBUSY',
    `an apply of the session '${name}' on ${on} was interrupted, and the session was used since`,
    { path, hint },
  );
}

/** A warning: programs see it half changed. */
export function pendingOfOther(on: Buffer, source: Buffer): string {
  return (
    `an apply of ${source} on ${on} was interrupted, so that programs see a part of it changed and a part not; ` +
    finishOrUndo(on)
  );
}

export function otherLayers(name: string, path: string | Buffer, recorded: string): OverlayError {
  const hint = `it was made from ${recorded}; leave the layers out, or use another name`;
  return failure('EEXIST', `the session '${name}' has other layers`, { path, hint });
}

export function sessionExists(name: string, path: string | Buffer): OverlayError {
  const hint = 'choose another name, or discard it first';
  return failure('EEXIST', `there is a session '${name}' already`, { path, hint });
}

/** Whoever was killed with it may not have had everything written. */
export function cloneOfRun(name: string, path: string | Buffer): OverlayError {
  const hint = 'its run was killed, and it is to be discarded; only one that is kept can be cloned';
  return failure('EINVAL', `the session '${name}' has no name of its own`, { path, hint });
}

export function cloneOfTrusted(name: string, path: string | Buffer): OverlayError {
  const hint =
    'its marks are in trusted.* attributes, which cannot be seen from here; the root of the system can clone it';
  return failure('EPERM', `the session '${name}' was made by root`, { path, hint });
}

/** Its entries are names of the upper's files, and file handles of its directories. */
export function indexedSession(name: string, path: string | Buffer, target: string): OverlayError {
  const hint =
    `the overlay on ${target} was mounted with the option index by another program, and an index cannot be ` +
    'copied with the upper; apply what is in the session to a copy of the directory instead (`--to`)';
  return failure('ENOTSUP', `the session '${name}' cannot be cloned`, { path, hint });
}

/** `proposal`: a directory that would do. */
export function noPlaceForSession(
  path: string | Buffer,
  why: string,
  proposal: Buffer | undefined,
): OverlayError {
  const way =
    proposal === undefined
      ? 'name a directory on ext4, xfs, btrfs or tmpfs outside of what is covered (`directory`, `--dir`)'
      : `use ${proposal} (\`directory\`, \`--dir\`)`;
  return failure('EINVAL', `no session can be kept in '${path}'`, { path, hint: `${why}; ${way}` });
}

export function mountsBelow(target: string, below: string): OverlayError {
  const hint =
    'an overlay would show what these mounts cover, and an ordinary user may not look there; choose a ' +
    'directory without mounts below it, or run as root, which gets an overlay for each of them';
  return failure('EINVAL', `'${target}' has a mount below it, on '${below}'`, {
    path: target,
    hint,
  });
}

export function rootlessRoot(): OverlayError {
  const hint =
    'everything else is mounted below it, and locked there for an ordinary user; name the directories that ' +
    'are to be covered, or run as root';
  return failure('EINVAL', "an ordinary user's overlay cannot cover '/'", { path: '/', hint });
}

/** An option that cannot have what it asks for because of another one. */
export function contradiction(option: string, path: string, hint: string): OverlayError {
  const word = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return failure('EINVAL', `\`${option}\` (--${word}) cannot be for '${path}'`, { path, hint });
}

/** Of a call of Node's own on a session. */
export function fileFailure(error: unknown, what: string): OverlayError {
  const { code, errno, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) {
    throw error;
  }
  const [, text] = describeErrno(-errno);
  return new OverlayError(`${code}: ${text}, ${syscall} '${path}': ${what}`, {
    code,
    errno,
    hint: what,
    ...(syscall === undefined ? {} : { syscall }),
    ...(path === undefined ? {} : { path }),
    cause: error,
  });
}

/** A failure to look says nothing about what is there. */
export function missing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') {
    throw fileFailure(error, 'a directory of the session cannot be looked at');
  }
}
