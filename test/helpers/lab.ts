// The client of build/lab/lab, the C program that makes trees, mounts them and tells how two trees
// differ. It shares nothing with the library under test.
import type { LabData, LabPath } from './lab-process.ts';
import { escapeData, LabProcess, splitNul } from './lab-process.ts';
import type { CompareOptions, LabType, OracleChange } from './oracle.ts';
import { parseChanges } from './oracle.ts';

/** One line of a list of changes, as it is applied. */
export interface AppliedChange {
  readonly kind: string;
  readonly aspects: readonly string[];
  readonly path: Buffer;
}

export interface LabStat {
  readonly type: LabType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly ino: bigint;
  /** `major:minor` */
  readonly dev: string;
  /** `major:minor`, `0:0` for all but devices */
  readonly rdev: string;
  readonly size: number;
  readonly mtimeNs: bigint;
}

export interface LabOptions {
  /** A command that becomes the lab, such as `['unshare', '-Urm']`; it must not fork. */
  readonly wrap?: readonly string[];
}

export class Lab implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(new LabProcess(options.wrap ?? []));
    // The first answer shows that the program exists and runs.
    await lab.exists('/');
    return lab;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  mkdir(path: LabPath, mode = 0o755): Promise<void> {
    return this.#run('mkdir', path, octal(mode));
  }

  /** Creates or truncates; `mode` counts for a new file only. */
  write(path: LabPath, data: LabData, mode = 0o644): Promise<void> {
    return this.#run('write', path, escapeData(data), octal(mode));
  }

  /** The file must exist. */
  append(path: LabPath, data: LabData): Promise<void> {
    return this.#run('append', path, escapeData(data));
  }

  truncate(path: LabPath, size: number): Promise<void> {
    return this.#run('truncate', path, `${size}`);
  }

  writeAt(path: LabPath, offset: number, data: LabData): Promise<void> {
    return this.#run('writeat', path, `${offset}`, escapeData(data));
  }

  /** Like `writeAt`, but the modification time stays. */
  rewrite(path: LabPath, offset: number, data: LabData): Promise<void> {
    return this.#run('rewrite', path, `${offset}`, escapeData(data));
  }

  punch(path: LabPath, offset: number, length: number): Promise<void> {
    return this.#run('punch', path, `${offset}`, `${length}`);
  }

  /** Opens for reading and writing, and writes nothing. */
  openReadWrite(path: LabPath): Promise<void> {
    return this.#run('openrdwr', path);
  }

  /** Creates or truncates, with pseudo-random content that depends on the seed only. */
  fill(path: LabPath, size: number, seed: number | bigint): Promise<void> {
    return this.#run('fill', path, `${size}`, `${seed}`);
  }

  chmod(path: LabPath, mode: number): Promise<void> {
    return this.#run('chmod', path, octal(mode));
  }

  /** -1 leaves the uid or gid alone. */
  chown(path: LabPath, uid: number, gid: number): Promise<void> {
    return this.#run('chown', path, `${uid}`, `${gid}`);
  }

  utimens(path: LabPath, atimeNs: bigint, mtimeNs: bigint): Promise<void> {
    return this.#run('utimens', path, `${atimeNs}`, `${mtimeNs}`);
  }

  setXattr(path: LabPath, name: string, value: LabData): Promise<void> {
    return this.#run('setxattr', path, name, escapeData(value));
  }

  removeXattr(path: LabPath, name: string): Promise<void> {
    return this.#run('removexattr', path, name);
  }

  getXattr(path: LabPath, name: string): Promise<Buffer> {
    return this.#process.request('getxattr', path, name);
  }

  async listXattr(path: LabPath): Promise<string[]> {
    return splitNul(await this.#process.request('listxattr', path)).map((name) => name.toString());
  }

  /** Entries in the kernel's order, such as `u::rwx,u:1234:r-x,g::r-x,m::rwx,o::r--`. */
  setAcl(path: LabPath, kind: 'access' | 'default', entries: string): Promise<void> {
    return this.#run('setacl', path, `${kind} ${entries}`);
  }

  link(existing: LabPath, path: LabPath): Promise<void> {
    return this.#run('link', existing, path);
  }

  symlink(target: LabPath, path: LabPath): Promise<void> {
    return this.#run('symlink', target, path);
  }

  unlink(path: LabPath): Promise<void> {
    return this.#run('unlink', path);
  }

  rmdir(path: LabPath): Promise<void> {
    return this.#run('rmdir', path);
  }

  /** Removes a tree; fails at a mount point rather than emptying it. */
  rmtree(path: LabPath): Promise<void> {
    return this.#run('rmtree', path);
  }

  rename(from: LabPath, to: LabPath): Promise<void> {
    return this.#run('rename', from, to);
  }

  exchange(left: LabPath, right: LabPath): Promise<void> {
    return this.#run('exchange', left, right);
  }

  /** Types: character or block device, pipe, socket, file. */
  mknod(
    path: LabPath,
    type: 'c' | 'b' | 'p' | 's' | 'f',
    mode: number,
    major = 0,
    minor = 0,
  ): Promise<void> {
    return this.#run('mknod', path, type, octal(mode), `${major}`, `${minor}`);
  }

  fifo(path: LabPath, mode = 0o644): Promise<void> {
    return this.#run('fifo', path, octal(mode));
  }

  socket(path: LabPath, mode = 0o644): Promise<void> {
    return this.#run('socket', path, octal(mode));
  }

  whiteout(path: LabPath): Promise<void> {
    return this.#run('whiteout', path);
  }

  async stat(path: LabPath): Promise<LabStat> {
    const line = (await this.#process.request('stat', path)).toString().trim();
    const [type, mode, uid, gid, nlink, ino, dev, rdev, size, mtimeNs] = line.split(' ');
    return {
      type: type as LabType,
      mode: Number.parseInt(mode ?? '', 8),
      uid: Number(uid),
      gid: Number(gid),
      nlink: Number(nlink),
      ino: BigInt(ino ?? ''),
      dev: dev ?? '',
      rdev: rdev ?? '',
      size: Number(size),
      mtimeNs: BigInt(mtimeNs ?? ''),
    };
  }

  readlink(path: LabPath): Promise<Buffer> {
    return this.#process.request('readlink', path);
  }

  read(path: LabPath): Promise<Buffer> {
    return this.#process.request('read', path);
  }

  async exists(path: LabPath): Promise<boolean> {
    return (await this.#process.request('exists', path)).toString() === '1';
  }

  /** The names that readdir gives, in byte order. */
  async list(path: LabPath): Promise<Buffer[]> {
    return splitNul(await this.#process.request('list', path));
  }

  /** Flags are words (`ro`, `nosuid`, `nodev`, `bind`, `rec`, `private`, …) or numbers. */
  mount(
    source: LabPath,
    target: LabPath,
    type: string,
    flags: readonly string[],
    data: LabPath,
  ): Promise<void> {
    return this.#run('mount', source, target, type, flags.join(','), data);
  }

  umount(path: LabPath, flags: readonly ('detach' | 'force' | 'expire')[] = []): Promise<void> {
    return this.#run('umount', path, flags.join(','));
  }

  async compare(before: LabPath, after: LabPath, options: CompareOptions): Promise<OracleChange[]> {
    const flags = [`own=${options.own}`];
    if (options.expand === true) flags.push('expand');
    if (options.indexed === true) flags.push('index');
    if (options.ignoreRootOwner === true) flags.push('rootowner=ignore');
    if (options.ignoreRootMode === true) flags.push('rootmode=ignore');
    if (options.applied === true) flags.push('applied');
    const upper = options.upper === undefined ? [] : [options.upper];
    return parseChanges(
      await this.#process.request('compare', before, after, flags.join(','), ...upper),
    );
  }

  /** Copies what is in a directory, and its own attributes, into an empty one. */
  copyTree(from: LabPath, to: LabPath): Promise<void> {
    return this.#run('copytree', from, to);
  }

  /**
   * Carries out the changes in `result`, a copy of the view before, with the content of the view
   * after. Without `upper` the hard links are those that the view shows.
   */
  apply(
    list: readonly AppliedChange[],
    after: LabPath,
    result: LabPath,
    upper?: LabPath,
  ): Promise<void> {
    const nul = Buffer.from('\0');
    const records = list.flatMap(({ kind, aspects, path }) => [
      Buffer.from(`${kind}\0${aspects.join()}\0`),
      path,
      nul,
    ]);
    const data = escapeData(Buffer.concat(records));
    return this.#run('apply', data, after, result, ...(upper === undefined ? [] : [upper]));
  }

  pause(milliseconds: number): Promise<void> {
    return this.#run('pause', `${milliseconds}`);
  }

  /** Lets the requests under way finish. */
  close(): Promise<void> {
    return this.#process.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(op: string, ...args: readonly LabPath[]): Promise<void> {
    await this.#process.request(op, ...args);
  }
}

function octal(mode: number): string {
  return mode.toString(8);
}
