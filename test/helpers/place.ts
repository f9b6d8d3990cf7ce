/** A scratch directory with what a mount needs, removed with everything that was mounted below it. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listOverlaysSync, syscalls } from 'overlayfs';

export const asRoot: boolean = process.env.OVERLAYFS_TEST_AS === 'root';
export const xattrs: 'trusted' | 'user' = asRoot ? 'trusted' : 'user';

export class Place implements Disposable {
  readonly base: string;
  #mounts: string[] = [];

  constructor(...directories: readonly string[]) {
    this.base = realpathSync(mkdtempSync(join(tmpdir(), 'overlayfs-test-')));
    for (const directory of directories) {
      mkdirSync(this.at(directory), { recursive: true });
    }
  }

  at(name: string): string {
    return join(this.base, name);
  }

  /** A tmpfs of its own: another mount, another filesystem. */
  tmpfs(name: string): string {
    mkdirSync(this.at(name), { recursive: true });
    syscalls.mountSync('tmpfs', this.at(name), 'tmpfs');
    this.#mounts.push(this.at(name));
    return this.at(name);
  }

  bind(from: string, to: string): void {
    mkdirSync(to, { recursive: true });
    syscalls.mountSync(from, to, null, syscalls.MS_BIND);
    this.#mounts.push(to);
  }

  /** Says that the test itself has mounted something. */
  mounted(target: string): void {
    this.#mounts.push(target);
  }

  /** Says that a mount made here was unmounted by the test itself. */
  released(target: string): void {
    this.#mounts = this.#mounts.filter((mount) => mount !== target);
  }

  /** Mount points of overlays below this place. */
  overlays(): string[] {
    return listOverlaysSync()
      .map((mount) => mount.target)
      .filter((target) => target.startsWith(`${this.base}/`));
  }

  [Symbol.dispose](): void {
    for (const target of this.overlays().reverse()) {
      syscalls.umountSync(target, syscalls.MNT_DETACH);
    }
    for (const target of this.#mounts.reverse()) {
      syscalls.umountSync(target, syscalls.MNT_DETACH);
    }
    rmWithWork(this.base);
  }
}

/** The kernel leaves its directory "work" without any permission. */
function rmWithWork(base: string): void {
  for (const name of ['work', 'upper.work', 'host/upper.work', 'host/work']) {
    if (existsSync(join(base, name, 'work'))) {
      chmodSync(join(base, name, 'work'), 0o700);
    }
  }
  rmSync(base, { recursive: true, force: true });
}

/** The directories that a mount is usually made of. */
export const standard = (place: Place): { lower: string; upper: string; target: string } => ({
  lower: place.at('lower'),
  upper: place.at('upper'),
  target: place.at('target'),
});
