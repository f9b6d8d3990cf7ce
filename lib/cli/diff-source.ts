/** What `diff` is to compare: the options that name it. */
import { existsSync } from 'node:fs';
import { pathBytes } from '../arguments.ts';
import type { ChangesSource } from '../change-source.ts';
import { OverlayError } from '../errors.ts';
import { listOverlays } from '../mount-table.ts';
import { neitherSessionNorDirectory } from '../session-errors.ts';
import { isSessionName } from '../session-kind.ts';
import type { Session, SessionOverlay } from '../session-list.ts';
import { UsageError } from './command-errors.ts';
import { exclude, pathOf } from './options.ts';
import { overlaysNamed, sayWhich, sessionsOption } from './session-words.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

export const sourceOptions = {
  upper: { type: 'string' },
  lower: { type: 'string', multiple: true },
  'data-lower': { type: 'string', multiple: true },
  work: { type: 'string' },
  userxattr: { type: 'boolean' },
  xattrs: { type: 'string' },
  before: { type: 'string' },
  after: { type: 'string' },
} as const;

interface Named {
  readonly upper?: Word;
  readonly lower?: readonly Word[];
  readonly 'data-lower'?: readonly Word[];
  readonly work?: Word;
  readonly userxattr?: boolean;
  readonly xattrs?: Word;
  readonly before?: Word;
  readonly after?: Word;
}

function directories({ before, after }: Named): ChangesSource {
  if (before === undefined || after === undefined) {
    throw new UsageError(
      before === undefined ? '--after needs --before' : '--before needs --after',
    );
  }
  return { before: pathOf(before, '--before'), after: pathOf(after, '--after') };
}

function space({ userxattr, xattrs }: Named): 'trusted' | 'user' | undefined {
  exclude(['--userxattr', userxattr], ['--xattrs', xattrs]);
  if (xattrs !== undefined && xattrs !== 'trusted' && xattrs !== 'user') {
    throw new UsageError(`--xattrs must be one of trusted, user, but is '${textOf(xattrs)}'`);
  }
  return userxattr ? 'user' : xattrs;
}

function layers(named: Named): ChangesSource {
  const { upper, lower, work } = named;
  const xattrs = space(named);
  const dataLower = named['data-lower'];
  if (upper === undefined || lower === undefined) {
    throw new UsageError(
      upper === undefined ? '--lower needs --upper' : '--upper needs at least one --lower DIR',
    );
  }
  return {
    upper: pathOf(upper, '--upper'),
    lower: lower.map((word) => pathOf(word, '--lower')),
    ...(dataLower && { dataLower: dataLower.map((word) => pathOf(word, '--data-lower')) }),
    ...(work !== undefined && { work: pathOf(work, '--work') }),
    ...(xattrs !== undefined && { xattrs }),
  };
}

/** Then it may be a directory. */
const notSession: ReadonlySet<string> = new Set(['ENOENT', 'ERR_SESSION_FOREIGN']);

/**
 * A word without a slash that is the name of a session; then it is none of a directory, which would be
 * `./NAME`.
 */
export async function namedSession(
  word: Buffer | undefined,
  dir: Word | undefined,
): Promise<Session | undefined> {
  const name = word?.toString() ?? '';
  if (!isSessionName(name)) {
    return undefined;
  }
  const { findSession } = await import('../session-list.ts');
  const where = sessionsOption(dir);
  return findSession(name, where).catch((error: unknown) => {
    if (!(error instanceof OverlayError) || !notSession.has(error.code)) {
      throw error;
    }
    if (!existsSync(name)) {
      throw error.code === 'ENOENT' ? neitherSessionNorDirectory(name, where.directory) : error;
    }
    return undefined;
  });
}

/**
 * Inside of a sandbox of the session the path of the lower leads to the overlay itself: there the kernel
 * knows what lies below it.
 */
async function sourceOf({ targetBytes, layers }: SessionOverlay): Promise<ChangesSource> {
  const mounted = await listOverlays();
  const own = pathBytes(layers.upper, 'upper');
  const here = mounted.some(
    ({ targetBytes: at, upperBytes }) => at.equals(targetBytes) && upperBytes?.equals(own),
  );
  return here ? targetBytes : layers;
}

export interface SessionSource {
  readonly session: Session;
  readonly target: Buffer;
  readonly source: ChangesSource;
}

/** `--of` is the target, where the session has several overlays. */
export async function sessionSource(
  word: Buffer | undefined,
  { dir, of }: { readonly dir?: Word; readonly of?: Word },
): Promise<SessionSource | undefined> {
  const session = await namedSession(word, dir);
  if (session === undefined) {
    if (of !== undefined) {
      throw new UsageError('--of goes with the name of a session');
    }
    return undefined;
  }
  const [overlay, ...more] = overlaysNamed(session, of);
  if (overlay === undefined || more.length > 0) {
    throw sayWhich(session);
  }
  const source = await sourceOf(overlay);
  if (source === overlay.layers) {
    const { verifySession } = await import('../session-list.ts');
    await verifySession(session.name, { ...sessionsOption(dir), of: overlay.targetBytes });
  }
  return { session, target: overlay.targetBytes, source };
}

/** What is named, if anything is. */
export function namedSource(target: Buffer | undefined, named: Named): ChangesSource | undefined {
  const { upper, lower, work, userxattr, before, after } = named;
  const byLayers = upper !== undefined || lower !== undefined;
  const byDirectories = before !== undefined || after !== undefined;
  const details = [
    ['--userxattr', userxattr],
    ['--xattrs', named.xattrs],
    ['--work', work],
    ['--data-lower', named['data-lower']],
  ] as const;
  const [detail] = details.find(([, value]) => value !== undefined) ?? [];
  if (detail !== undefined && !byLayers) {
    throw new UsageError(
      `${detail} goes with --upper and --lower; of a mounted overlay the kernel knows it`,
    );
  }
  if (target !== undefined && byLayers) {
    throw new UsageError('TARGET and the layers (--upper, --lower) exclude each other');
  }
  if (byDirectories && (target !== undefined || byLayers)) {
    throw new UsageError(
      'two directories (--before, --after) exclude TARGET and the layers (--upper, --lower)',
    );
  }
  return byDirectories ? directories(named) : byLayers ? layers(named) : target;
}
