/** An ordinary user with subordinate ids, for as long as one program runs: in mounts of its own. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { program } from './command.ts';
import { asRoot } from './place.ts';
import { SandboxPlace } from './sandbox-place.ts';

export const user = 4321;
/** Of both kinds. */
export const firstId = 700_000;
const name = 'overlayfs-test';

/** Undefined: they can be tried. */
export const noHelpers: string | undefined = ['newuidmap', 'newgidmap'].every((helper) =>
  existsSync(`/usr/bin/${helper}`),
)
  ? undefined
  : 'newuidmap and newgidmap are not installed (Debian package uidmap)';
if (asRoot && noHelpers !== undefined) {
  if (process.env.CI === 'true') {
    throw new Error(noHelpers);
  }
  console.error(`skipped: ${noHelpers}`);
}

/** Directories that the user can get into. */
export function openUp(path: string): void {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const mode = statSync(at).mode & 0o7777;
    if ((mode & 0o011) !== 0o011) chmodSync(at, mode | 0o011);
  }
}

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Grants {
  /** Contents of /etc/subuid and /etc/subgid. */
  readonly subuid?: string;
  readonly subgid?: string;
  /** Searched before the usual directories. */
  readonly path?: string;
  /** Shell, as root, in the same mounts and before the program. */
  readonly before?: string;
}

const grant = `${name}:${firstId}:1000\n`;

/** A place whose lower belongs to the user. */
export class GrantedPlace extends SandboxPlace {
  constructor() {
    super();
    openUp(this.base);
    mkdirSync(this.state);
    mkdirSync(this.at('etc'));
    for (const path of [this.lower, this.state]) chownSync(path, user, user);
    writeFileSync(
      this.at('etc/passwd'),
      `root:x:0:0::/:/bin/sh\n${name}:x:${user}:${user}::/:/bin/sh\n`,
    );
    writeFileSync(this.at('etc/group'), `root:x:0:\n${name}:x:${user}:\n`);
    for (const file of ['nsswitch.conf', 'ld.so.cache', 'localtime']) {
      if (existsSync(`/etc/${file}`)) copyFileSync(`/etc/${file}`, this.at(`etc/${file}`));
    }
  }

  /** Something below the place that belongs to subordinate ids, counted from the first. */
  give(path: string, id: number, mode: number): void {
    chownSync(this.at(path), firstId + id, firstId + id);
    chmodSync(this.at(path), mode);
  }

  /** Owner of something below the place, counted as with `give`. */
  ownerOf(path: string): number {
    return statSync(this.at(path)).uid - firstId;
  }

  /** What root runs so that a program of the user runs. */
  wordsAsUser(
    words: readonly string[],
    { subuid = grant, subgid = grant, before = ':' }: Grants = {},
  ): readonly string[] {
    writeFileSync(this.at('etc/subuid'), subuid);
    writeFileSync(this.at('etc/subgid'), subgid);
    const drop = `setpriv --reuid=${user} --regid=${user} --clear-groups`;
    const script = `set -e; mount --bind "$1" /etc; ${before}; shift; exec ${drop} -- "$@"`;
    const own = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', this.at('etc')];
    return ['unshare', ...own, ...words];
  }

  environment(path?: string): Record<string, string> {
    const search = process.env.PATH ?? '/usr/bin:/bin';
    return { PATH: path === undefined ? search : `${path}:${search}`, HOME: this.base };
  }

  /** A program of the user, in the lower. */
  asUser(words: readonly string[], grants: Grants = {}): Said {
    const [file = '', ...args] = this.wordsAsUser(words, grants);
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd: this.lower,
      env: this.environment(grants.path),
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }

  /** `overlayfs`, with sessions here. */
  overlayfs(command: readonly string[], rest: readonly string[] = [], grants: Grants = {}): Said {
    return this.asUser(
      [process.execPath, program, ...command, '--dir', this.state, ...rest],
      grants,
    );
  }

  /** A shell script in a session. */
  script(session: string, text: string, grants: Grants = {}, more: readonly string[] = []): Said {
    return this.overlayfs(['run', '--name', session, ...more], ['--', 'sh', '-c', text], grants);
  }

  /** An executable in a directory of its own, which is returned. */
  program(file: string, text: string): string {
    const directory = this.at(`programs-${file}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, file), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    chmodSync(directory, 0o755);
    return directory;
  }
}
