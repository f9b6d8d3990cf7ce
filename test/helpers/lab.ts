// The client of build/lab/lab, the C program that makes trees, mounts them and tells how two trees
// differ. It shares nothing with the library under test.
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';

export type LabPath = string | Buffer;
export type LabData = string | Uint8Array;

export type LabType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character-device'
  | 'block-device';

export type OracleAspect =
  | 'type'
  | 'content'
  | 'mode'
  | 'owner'
  | 'xattrs'
  | 'times'
  | 'device'
  | 'target'
  | 'links';

export interface OracleChange {
  readonly kind: 'added' | 'modified' | 'deleted';
  /** Relative to the root, which is `.`. */
  readonly path: Buffer;
  /** What was there, when it was deleted; what is there otherwise. */
  readonly type: LabType;
  readonly previousType?: LabType;
  readonly aspects: readonly OracleAspect[];
}

export interface CompareOptions {
  /** Whose xattrs are overlay's own in a plain directory. */
  readonly own: 'trusted' | 'user';
  /** The upper directory; without it the `links` aspect is never reported. */
  readonly upper?: LabPath;
  /** The mount keeps hard link groups together (`index=on`). */
  readonly indexed?: boolean;
  /** List every entry of a deleted tree. */
  readonly expand?: boolean;
  readonly ignoreRootOwner?: boolean;
  readonly ignoreRootMode?: boolean;
  /** `before` is a copy of the view before to which the changes were applied; needs `upper`. */
  readonly applied?: boolean;
}

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

export class LabError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly op: string;
  readonly path: string;

  constructor(op: string, path: string, errno: number, code: string, detail: string) {
    // The detail names the path at fault, which may be another one.
    super(`${op}: ${code}: ${detail}`);
    this.name = 'LabError';
    this.op = op;
    this.path = path;
    this.errno = errno;
    this.code = code;
  }
}

interface Waiting {
  readonly op: string;
  readonly path: string;
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (error: Error) => void;
}

interface Header {
  readonly ok: boolean;
  readonly payload: number;
  readonly errno: number;
  readonly detail: string;
}

// Compiled to dist/test/helpers/lab.js.
const program: string = fileURLToPath(new URL('../../../build/lab/lab', import.meta.url));

const kinds: Readonly<Record<string, OracleChange['kind']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
};

export class Lab implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #exited: Promise<void>;
  readonly #waiting: Waiting[] = [];
  #header: Header | undefined;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #ended: Error | undefined;

  private constructor(command: readonly string[]) {
    const [file = program, ...rest] = command;
    this.#child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#end(error);
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#end(new Error(`the lab ended (${signal ?? `status ${code}`})`));
        resolve();
      });
    });
    this.#child.stdin.on('error', () => {
      // A dead lab is reported by its exit, not by the broken pipe.
    });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  static async start(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab([...(options.wrap ?? []), program]);
    // The first answer shows that the program exists and runs.
    await lab.exists('/');
    return lab;
  }

  get pid(): number | undefined {
    return this.#child.pid;
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
    return this.#request('getxattr', path, name);
  }

  async listXattr(path: LabPath): Promise<string[]> {
    return splitNul(await this.#request('listxattr', path)).map((name) => name.toString());
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
    const line = (await this.#request('stat', path)).toString().trim();
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
    return this.#request('readlink', path);
  }

  read(path: LabPath): Promise<Buffer> {
    return this.#request('read', path);
  }

  async exists(path: LabPath): Promise<boolean> {
    return (await this.#request('exists', path)).toString() === '1';
  }

  /** The names that readdir gives, in byte order. */
  async list(path: LabPath): Promise<Buffer[]> {
    return splitNul(await this.#request('list', path));
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
    return parseChanges(await this.#request('compare', before, after, flags.join(','), ...upper));
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
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(op: string, ...args: readonly LabPath[]): Promise<void> {
    await this.#request(op, ...args);
  }

  #request(op: string, ...args: readonly LabPath[]): Promise<Buffer> {
    // The link target comes first in its request, and is not the path in question.
    const path = toBytes((op === 'symlink' || op === 'mount' ? args[1] : args[0]) ?? '').toString();
    const fields: Buffer[] = [Buffer.from(`${args.length + 1}\n${op}\0`)];
    for (const arg of args) {
      const bytes = toBytes(arg);
      if (bytes.includes(0)) return Promise.reject(new TypeError(`${op}: an argument has a NUL`));
      fields.push(bytes, Buffer.from('\0'));
    }
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#waiting.push({ op, path, resolve, reject });
      this.#child.stdin.write(Buffer.concat(fields));
    });
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    // A large payload comes in many chunks: they are joined once, when it is complete.
    while (this.#buffered > 0 || this.#header !== undefined) {
      if (this.#header !== undefined && this.#buffered < this.#header.payload) return;
      const data =
        this.#chunks.length === 1
          ? (this.#chunks[0] ?? Buffer.alloc(0))
          : Buffer.concat(this.#chunks);
      let used: number;
      if (this.#header === undefined) {
        const newline = data.indexOf(10);
        if (newline < 0) return;
        this.#header = parseHeader(data.subarray(0, newline).toString());
        used = newline + 1;
      } else {
        used = this.#header.payload;
        this.#settle(this.#header, data.subarray(0, used));
        this.#header = undefined;
      }
      this.#chunks = used < data.length ? [data.subarray(used)] : [];
      this.#buffered = data.length - used;
    }
  }

  #settle(header: Header, payload: Buffer): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error('the lab answered without being asked');
    if (header.ok) {
      waiting.resolve(payload);
    } else {
      // Not the name in the reply: it depends on the C library (ENOTSUP, EOPNOTSUPP).
      const code = getSystemErrorName(-header.errno);
      waiting.reject(new LabError(waiting.op, waiting.path, header.errno, code, header.detail));
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}

function octal(mode: number): string {
  return mode.toString(8);
}

function toBytes(text: LabPath): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

/** Arguments end at a NUL, so data sends it as `\0` and the backslash as `\\`. */
function escapeData(data: LabData): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
  const text = bytes.toString('latin1').replaceAll('\\', '\\\\').replaceAll('\0', '\\0');
  return Buffer.from(text, 'latin1');
}

function splitNul(payload: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let start = 0;
  for (let end = payload.indexOf(0); end >= 0; end = payload.indexOf(0, start)) {
    fields.push(payload.subarray(start, end));
    start = end + 1;
  }
  return fields;
}

function parseHeader(line: string): Header {
  const [status, number = '', , ...detail] = line.split(' ');
  if (status === 'ok') return { ok: true, payload: Number(number), errno: 0, detail: '' };
  if (status === 'err')
    return { ok: false, payload: 0, errno: Number(number), detail: detail.join(' ') };
  throw new Error(`not a reply of the lab: ${line}`);
}

function parseChanges(payload: Buffer): OracleChange[] {
  const fields = splitNul(payload);
  const changes: OracleChange[] = [];
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [letter, type, previous, aspects, path] = fields.slice(i, i + 5) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const kind = kinds[letter.toString()];
    if (kind === undefined) throw new Error(`unknown kind ${letter}`);
    changes.push({
      kind,
      path,
      type: type.toString() as LabType,
      ...(previous.length > 0 && { previousType: previous.toString() as LabType }),
      aspects: aspects.length === 0 ? [] : (aspects.toString().split(',') as OracleAspect[]),
    });
  }
  return changes;
}
