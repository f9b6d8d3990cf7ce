/** What can be wrong with a session, in words. */
import { readFileSync } from 'node:fs';
import { describeErrno } from './errno.ts';
import { OverlayError } from './errors.ts';

interface Details {
  readonly path?: string;
  readonly hint: string;
  readonly cause?: unknown;
}

function failure(code: string, message: string, details: Details): OverlayError {
  return new OverlayError(`${code}: ${message}: ${details.hint}`, { code, ...details });
}

export function noSuchSession(name: string, roots: readonly string[]): OverlayError {
  const hint = `no directory of that name is in ${roots.join(' or ')}; \`overlayfs sessions\` lists what there is`;
  return failure('ENOENT', `there is no session '${name}'`, { hint });
}

/** It cannot be told what was meant, so nothing is done with it. */
export function brokenSession(name: string, path: string, why: string): OverlayError {
  const hint = `${why}; nothing in ${path} was touched. \`overlayfs sessions prune --broken\` removes it`;
  return failure('ERR_SESSION_BROKEN', `the session '${name}' is damaged`, { path, hint });
}

/** That of a newer version is nothing that this one may judge. */
export function newerSession(name: string, path: string, why: string): OverlayError {
  return failure('ERR_SESSION_NEWER', `the session '${name}' is of a newer version`, {
    path,
    hint: why,
  });
}

function commandOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.join(' ').trim() || undefined;
  } catch {
    return undefined; // it has ended, or is somebody else's
  }
}

/** `pid`: 0 where it is unknown. */
export function sessionInUse(name: string, path: string, pid: number): OverlayError {
  const command = pid === 0 ? undefined : commandOf(pid);
  const who =
    command === undefined
      ? 'what a run that was killed has left is still being ended, or it is used in a container'
      : `process ${pid} (${command}) works with it`;
  const hint = `${who}; a session has one user at a time`;
  return failure('EBUSY', `the session '${name}' is in use`, { path, hint });
}

export function sessionHasDependents(name: string, others: readonly string[]): OverlayError {
  const hint = `${others.join(', ')} ${others.length > 1 ? 'are' : 'is'} stacked on it and would change with it`;
  return failure('EBUSY', `the session '${name}' is the base of others`, { hint });
}

export function otherLayers(name: string, path: string, recorded: string): OverlayError {
  const hint = `it was made from ${recorded}; leave the layers out, or use another name`;
  return failure('EEXIST', `the session '${name}' has other layers`, { path, hint });
}

export function sessionExists(name: string, path: string): OverlayError {
  const hint = 'choose another name, or discard it first';
  return failure('EEXIST', `there is a session '${name}' already`, { path, hint });
}

/** Whoever was killed with it may not have had everything written. */
export function cloneOfRun(name: string, path: string): OverlayError {
  const hint = 'its run was killed, and it is to be discarded; only one that is kept can be cloned';
  return failure('EINVAL', `the session '${name}' has no name of its own`, { path, hint });
}

export function cloneOfTrusted(name: string, path: string): OverlayError {
  const hint =
    'its marks are in trusted.* attributes, which cannot be seen from here; the root of the system can clone it';
  return failure('EPERM', `the session '${name}' was made by root`, { path, hint });
}

/** Its entries are names of the upper's files, and file handles of its directories. */
export function indexedSession(name: string, path: string, target: string): OverlayError {
  const hint =
    `the overlay on ${target} was mounted with the option index by another program, and an index cannot be ` +
    'copied with the upper; apply what is in the session to a copy of the directory instead (`--to`)';
  return failure('ENOTSUP', `the session '${name}' cannot be cloned`, { path, hint });
}

/** `proposal`: a directory that would do. */
export function noPlaceForSession(
  path: string,
  why: string,
  proposal: string | undefined,
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
