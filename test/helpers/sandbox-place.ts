/** A directory with a lower and a place for sessions, and what is to be looked at afterwards. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox, SandboxOptions } from 'overlayfs';
import { createSandbox } from 'overlayfs';
import { native, unwrap } from '../../lib/native.ts';

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended, or is somebody else's
  }
}

export class SandboxPlace implements Disposable {
  readonly base: string;
  readonly #options: SandboxOptions;

  /** @param options of every sandbox. */
  constructor(options: SandboxOptions = {}) {
    this.#options = options;
    this.base = realpathSync(mkdtempSync(join(tmpdir(), 'overlayfs-test-')));
    mkdirSync(this.lower);
    chmodSync(this.lower, 0o755); // whatever the umask is
  }

  get lower(): string {
    return this.at('lower');
  }

  get state(): string {
    return this.at('state');
  }

  at(name: string): string {
    return join(this.base, name);
  }

  /** On the lower, with sessions here. */
  sandbox(options: SandboxOptions = {}): Promise<Sandbox> {
    const covered = options.base === undefined && options.overlays === undefined;
    return createSandbox({
      ...(covered ? { lower: this.lower } : {}),
      directory: this.state,
      ...this.#options,
      ...options,
    });
  }

  /** What is left of sessions, by name. */
  sessions(): string[] {
    try {
      return readdirSync(this.state).sort();
    } catch {
      return []; // there never was one
    }
  }

  /** Processes that have to do with this place: by their words, or by what they see mounted. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter(
        (pid) =>
          readOrNothing(`/proc/${pid}/cmdline`).includes(this.base) ||
          readOrNothing(`/proc/${pid}/mountinfo`).includes(this.base),
      );
  }

  [Symbol.dispose](): void {
    unwrap(native().removeTree(Buffer.from(this.base), true));
  }
}
