// Real Nix with a /nix of its own: its store lies at its real path, but in a temporary directory that
// is bound over /nix in the private mount namespace of the tests.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Lab } from './lab.ts';

const execute = promisify(execFile);

/** File contents by path, or where a symlink points. */
export type NixSource = Readonly<Record<string, string | { readonly target: string }>>;

/** Searched for by hand: even `nix-store --version` opens the store, and creates it. */
function findProgram(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** Why there can be no Nix here, if so. */
export const nixMissing: string | undefined =
  findProgram('nix-store') === undefined || findProgram('nix-instantiate') === undefined
    ? 'nix-store is not installed (Debian package nix-bin)'
    : undefined;

/** Without a mount point there, or when Nix lives there itself, the store lies elsewhere. */
function canCoverNix(): boolean {
  const program = findProgram('nix-store');
  return existsSync('/nix') && program !== undefined && !realpathSync(program).startsWith('/nix/');
}

export class Nix {
  readonly store: string;
  readonly #state: string;
  readonly #scratch: string;
  readonly #lab: Lab;
  readonly #covers: string | undefined;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(lab: Lab, scratch: string) {
    this.#lab = lab;
    this.#scratch = scratch;
    this.#covers = canCoverNix() ? '/nix' : undefined;
    const root = this.#covers ?? join(scratch, 'nix');
    this.store = join(root, 'store');
    this.#state = join(root, 'var', 'nix');
    this.#env = {
      ...process.env,
      HOME: join(scratch, 'home'),
      NIX_CONF_DIR: join(scratch, 'home'),
      NIX_CONFIG: 'sandbox = false\nbuild-users-group =\nsubstituters =\n',
      NIX_LOG_DIR: join(root, 'var', 'log', 'nix'),
      NIX_REMOTE: 'local',
      NIX_STATE_DIR: this.#state,
      NIX_STORE_DIR: this.store,
      NIX_USER_CONF_FILES: '',
    };
  }

  /** `scratch` is an empty directory; the caller removes it after `close()`. */
  static async start(lab: Lab, scratch: string): Promise<Nix> {
    const nix = new Nix(lab, scratch);
    for (const name of ['home', 'nix', 'sources']) await mkdir(join(scratch, name));
    if (nix.#covers !== undefined) {
      await lab.mount(join(scratch, 'nix'), nix.#covers, '', ['bind'], '');
    }
    await mkdir(nix.store);
    return nix;
  }

  async close(): Promise<void> {
    if (this.#covers !== undefined) await this.#lab.umount(this.#covers);
  }

  /** Makes files that a later `--add` reads. */
  async source(name: string, files: NixSource): Promise<string> {
    const root = join(this.#scratch, 'sources', name);
    for (const [path, content] of Object.entries(files)) {
      const file = join(root, path);
      await mkdir(dirname(file), { recursive: true });
      if (typeof content === 'string') await writeFile(file, content);
      else await symlink(content.target, file);
    }
    return root;
  }

  /** Runs `nix-store` and returns what it printed. */
  run(args: readonly string[], input = ''): Promise<string> {
    return this.#execute(['nix-store', ...args], input);
  }

  /**
   * Runs `nix-store --delete` or `--gc`. They look for roots among the open files of all processes,
   * and fail when somebody has one open whose path is too long: here they see no others.
   */
  collect(args: readonly string[]): Promise<string> {
    const alone = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    return this.#execute([...alone, 'nix-store', ...args]);
  }

  async #execute([program = '', ...args]: readonly string[], input = ''): Promise<string> {
    const running = execute(program, args, { env: this.#env });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  /** Copies files into the store; returns the new path's name in it. */
  async add(source: string): Promise<string> {
    return basename((await this.run(['--add', source])).trim());
  }

  /** Builds a derivation that writes the text; returns the names of the output and of its recipe. */
  async build(name: string, text: string): Promise<{ output: string; recipe: string }> {
    const file = join(this.#scratch, 'sources', `${name}.nix`);
    await writeFile(
      file,
      `derivation {
         name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin";
         args = [ "-c" "mkdir $out; echo ${text} > $out/text" ];
       }`,
    );
    const recipe = (await this.#execute(['nix-instantiate', file])).trim();
    const output = (await this.run(['--realise', recipe])).trim();
    return { output: basename(output), recipe: basename(recipe) };
  }

  path(name: string): string {
    return join(this.store, name);
  }

  async isValid(name: string): Promise<boolean> {
    try {
      await this.run(['--check-validity', this.path(name)]);
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes('is not valid')) return false;
      throw error;
    }
  }

  /** Keeps a path from the garbage collector. */
  async pin(name: string): Promise<void> {
    await symlink(this.path(name), join(this.#state, 'gcroots', name));
  }

  async unpin(name: string): Promise<void> {
    await this.#lab.unlink(join(this.#state, 'gcroots', name));
  }

  /** Nix's database and garbage collector roots, without the store. */
  async saveState(name: string): Promise<void> {
    await execute('cp', ['-a', this.#state, join(this.#scratch, name)]);
  }

  async restoreState(name: string): Promise<void> {
    await this.#lab.rmtree(this.#state);
    await execute('cp', ['-a', join(this.#scratch, name), this.#state]);
  }
}

async function facts(path: string): Promise<string> {
  const st = await lstat(path, { bigint: true });
  let content = '';
  if (st.isFile())
    content = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  if (st.isSymbolicLink()) content = await readlink(path);
  // The change time moves with anything at all, extended attributes and link counts included.
  const { ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = st;
  return [ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs, content].join(' ');
}

/** Everything there is to know of a tree whose names are plain, access times excepted. */
export async function fingerprint(root: string): Promise<string[]> {
  const paths = ['.', ...(await readdir(root, { recursive: true }))].sort();
  return Promise.all(paths.map(async (path) => `${path}: ${await facts(join(root, path))}`));
}
