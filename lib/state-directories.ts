/** Directories that sessions lie in, where nobody names one. */
import { homedir, tmpdir } from 'node:os';
import { bytesOfVariable, joined } from './path-bytes.ts';

/** The home directory may be that of the account, where HOME is not set. */
function home(): Buffer {
  return bytesOfVariable(homedir(), 'HOME');
}

/** Where a user's programs keep state: XDG Base Directory Specification. */
export function stateDirectory(): Buffer {
  const { XDG_STATE_HOME: state } = process.env;
  return joined(
    state ? bytesOfVariable(state, 'XDG_STATE_HOME') : joined(home(), '.local/state'),
    'overlayfs',
  );
}

/**
 * By preference. The others are for where the first one cannot hold an upper (a container's root is an
 * overlay) or lies inside of what is to be covered. The last is in memory.
 */
function defaultRoots(): readonly Buffer[] {
  const own = `overlayfs-${process.geteuid?.() ?? 0}`;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const roots = [
    stateDirectory(),
    joined(Buffer.from('/var/tmp'), own),
    joined(bytesOfVariable(tmpdir(), 'TMPDIR', 'TMP', 'TEMP'), own),
    ...(runtime ? [joined(bytesOfVariable(runtime, 'XDG_RUNTIME_DIR'), 'overlayfs')] : []),
    joined(Buffer.from('/dev/shm'), own),
  ];
  return roots.filter((root, i) => roots.findIndex((other) => other.equals(root)) === i);
}

/** Where sessions are looked for. */
export function sessionRoots(directory: Buffer | undefined): readonly Buffer[] {
  return directory === undefined ? defaultRoots() : [directory];
}
