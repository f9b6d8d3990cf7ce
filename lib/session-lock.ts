/** The lock of a session: it has one user at a time. */
import { constants } from 'node:fs';
import { errorFromFailure } from './errors.ts';
import { close, fstatExactly, lstatExactly, open } from './files.ts';
import { native, unwrap } from './native.ts';
import type { LockHandle } from './native-sessions.ts';
import { parentOf } from './path-bytes.ts';
import { commandOf, missing, noSuchSession, notASession, sessionInUse } from './session-errors.ts';

/**
 * Milliseconds: what a run that was killed has left may be just ending. The kernel syncs the filesystem of its upper
 * and gives up its overlay before the lock.
 */
const patience = [5, 15, 25, 50, 100, 300];

async function lockOf(path: Buffer, name: string): Promise<number> {
  const outcome = await native().lockDirectory(path);
  if ('value' in outcome) {
    return outcome.value;
  }
  const found = errorFromFailure(outcome.failure, {
    hint: `the session '${name}' could not be opened`,
  });
  if (found.code === 'ENOTDIR') {
    throw notASession(name, path, 'it is no directory');
  }
  throw found.code === 'ENOENT' ? noSuchSession(name, parentOf(path)) : found;
}

/** The one user of a session: an open directory with flock(2) on it. */
export class SessionLock {
  /** The lock lives as long as any duplicate of it. */
  readonly fd: number;
  readonly held: LockHandle;
  /** The name it got when it was taken out of use, of which something may be left to be removed. */
  retired: Buffer | undefined;

  private constructor(fd: number) {
    this.fd = fd;
    this.held = native().holdLock(fd);
  }

  /** One that the addon has taken; none where it says that somebody else has it. */
  static of(fd: number): SessionLock | undefined {
    return fd < 0 ? undefined : new SessionLock(fd);
  }

  /**
   * @throws OverlayError `EBUSY` with who has it, `ENOENT` where it is not there, or another directory by
   * now (it was discarded, and made anew).
   */
  static async take(path: Buffer, name: string): Promise<SessionLock> {
    const user = (): Promise<number> => userOf(path).catch(() => 0);
    let lock = SessionLock.of(await lockOf(path, name));
    for (const wait of patience) {
      if (lock !== undefined || commandOf(await user()) !== undefined) {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      lock = SessionLock.of(await lockOf(path, name));
    }
    if (lock === undefined) {
      throw sessionInUse(name, path, await user());
    }
    return lock;
  }

  /** Whether what is locked still has that name: somebody may have removed it, and made another one there. */
  async isAt(path: Buffer): Promise<boolean> {
    // On an overlay inode numbers have the layer in their highest bits, which a double does not hold.
    const exactly = { bigint: true } as const;
    const [own, there] = await Promise.all([
      fstatExactly(this.fd, exactly),
      lstatExactly(path, exactly).catch(missing),
    ]);
    return own.dev === there?.dev && own.ino === there.ino;
  }

  /** Calling it again is harmless. */
  async release(): Promise<void> {
    unwrap(await native().releaseLock(this.held));
  }
}

/** Who works with it: a process, 0 where nobody does or it cannot be said. */
export async function userOf(path: Buffer): Promise<number> {
  const fd = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return native().lockHolder(fd);
  } finally {
    await close(fd);
  }
}
