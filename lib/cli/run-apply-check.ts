/** What would keep `run` from applying a session in the end, as far as it is known at its beginning. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { workingDirectory } from '../arguments.ts';
import { describeErrno } from '../errno.ts';
import { OverlayError } from '../errors.ts';
import type { SandboxOptions } from '../sandbox-options.ts';
import { findSession } from '../session-list.ts';
import { isWithin } from '../session-roots.ts';
import { UsageError } from './command-errors.ts';

interface Place {
  readonly target: string;
  /** In bytes of latin1. */
  readonly lower: readonly string[];
  readonly stacked: boolean;
}

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');
const textOf = (path: unknown): string =>
  Buffer.isBuffer(path) ? path.toString('latin1') : Buffer.from(String(path)).toString('latin1');

function pathsOf(given: SandboxOptions['lower']): string[] {
  return given === undefined ? [] : Array.isArray(given) ? given.map(textOf) : [textOf(given)];
}

function asked({ lower, overlays, base }: SandboxOptions): Place[] {
  const inPlace = lower === undefined && overlays === undefined ? [workingDirectory()] : lower;
  const stacked = base !== undefined;
  return [
    ...pathsOf(inPlace).map((path) => ({ target: path, lower: [path], stacked })),
    ...(overlays ?? []).map((each) => ({
      target: textOf(each.target),
      lower: pathsOf(each.lower),
      stacked,
    })),
  ];
}

/** What is mounted below a directory is covered along with it, and has to be writable only if something changes in it. */
function isBelowAnother({ target }: Place, all: readonly Place[]): boolean {
  return all.some((other) => other.target !== target && isWithin(target, other.target));
}

async function recorded(options: SandboxOptions): Promise<Place[] | undefined> {
  const { session, directory } = options;
  if (session === undefined) {
    return undefined;
  }
  try {
    const found = await findSession(session, directory === undefined ? {} : { directory });
    const places = found.overlays.map(({ targetBytes, layers }) => ({
      target: textOf(targetBytes),
      lower: pathsOf(layers.lower),
      stacked: found.base !== undefined,
    }));
    return places.filter((place) => !isBelowAnother(place, places));
  } catch (error) {
    // It is to be made; or what is wrong with it is said when it is entered.
    return error instanceof OverlayError && error.code === 'ENOENT' ? undefined : [];
  }
}

function whyNotWritable(path: string): NodeJS.ErrnoException | undefined {
  try {
    accessSync(bytesOf(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Undefined where there is none: whoever mounts it says so. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(bytesOf(path), 'latin1');
  } catch {
    return undefined;
  }
}

/**
 * An apply makes what it puts in place beside the destination, or else in it: one of them is enough. It is
 * also done by the rights over subordinate ids, which root's files never are.
 */
function checkWritable(path: string, ownOnly: boolean): void {
  const real = realPath(path);
  const inside = real === undefined ? undefined : whyNotWritable(real);
  if (real === undefined || inside === undefined) {
    return;
  }
  const parent = dirname(real);
  const [here, there] = [statSync(bytesOf(real)), statSync(bytesOf(parent))];
  const readOnly = inside.code === 'EROFS';
  if (!readOnly && here.dev === there.dev && whyNotWritable(parent) === undefined) {
    return;
  }
  const me = process.geteuid?.();
  const canGain = [here.uid, there.uid].some((uid) => uid !== 0 && uid !== me);
  if (!readOnly && !ownOnly && canGain) {
    return;
  }
  const { code = 'EACCES', errno = -13 } = inside;
  const shown = bytesOf(real).toString();
  const hint = readOnly
    ? 'what the program changes could not be applied there: it is on a read-only mount or filesystem; keep the ' +
      'session (`--name`, `--on-success keep`), and apply it to another directory (`overlayfs apply --to`)'
    : 'what the program changes could not be applied there: neither the directory nor the one it is in may be ' +
      'written to; run as root, or keep the session (`--name`, `--on-success keep`) and apply it to another directory ' +
      '(`overlayfs apply --to`)';
  throw new OverlayError(`${code}: ${describeErrno(-errno)[1]}, access '${shown}': ${hint}`, {
    code,
    errno,
    syscall: 'access',
    path: shown,
    hint,
  });
}

/** @throws UsageError, OverlayError where nothing could be applied, whatever the program does. */
export async function checkApplicable(options: SandboxOptions): Promise<void> {
  for (const { target, lower, stacked } of (await recorded(options)) ?? asked(options)) {
    const shown = bytesOf(target).toString();
    if (stacked) {
      throw new UsageError(
        `apply goes with no session that is stacked on another (--base): what it changes was made from both. Keep it, ` +
          "and apply it with 'overlayfs apply --to DIR'",
      );
    }
    const [only, ...more] = lower;
    if (more.length > 0) {
      throw new UsageError(
        `apply goes with no overlay of several lowers (that on '${shown}'): none of them alone is what the changes ` +
          "are made from. Keep the session, and apply it with 'overlayfs apply --to DIR'",
      );
    }
    if (only !== undefined) {
      checkWritable(only, options.idMap === 'own');
    }
  }
}
