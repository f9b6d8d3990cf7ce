/** build/lab/lab as a process: requests go in, and their answers come in the same order. */
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';

export type LabPath = string | Buffer;
export type LabData = string | Uint8Array;

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

// Compiled to dist/test/helpers/lab-process.js.
const program: string = fileURLToPath(new URL('../../../build/lab/lab', import.meta.url));

export class LabProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #exited: Promise<void>;
  readonly #waiting: Waiting[] = [];
  #header: Header | undefined;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #ended: Error | undefined;

  /** `wrap`: a command that becomes the lab. */
  constructor(wrap: readonly string[]) {
    const [file = program, ...rest] = [...wrap, program];
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

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Lets the requests under way finish. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }

  request(op: string, ...args: readonly LabPath[]): Promise<Buffer> {
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

function toBytes(text: LabPath): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

/** Arguments end at a NUL, so data sends it as `\0` and the backslash as `\\`. */
export function escapeData(data: LabData): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
  const text = bytes.toString('latin1').replaceAll('\\', '\\\\').replaceAll('\0', '\\0');
  return Buffer.from(text, 'latin1');
}

/** The fields of a payload, each ended by a NUL. */
export function splitNul(payload: Buffer): Buffer[] {
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
