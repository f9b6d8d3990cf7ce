/** Our ends of a program's standard input, output and error. */
import type { Socket, SocketConstructorOpts } from 'node:net';

/** Loaded here: a program that inherits its input and output needs none. */
export function pipeSocket(options: SocketConstructorOpts): Socket {
  return new (process.getBuiltinModule('node:net').Socket)(options);
}

/** When a socket has closed its descriptor. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Writes `bytes` and closes the pipe, however much of it the program reads. */
export class Input {
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(fd: number, bytes: Uint8Array, failed: (error: Error) => void) {
    this.#socket = pipeSocket({ fd, readable: false, writable: true });
    this.closed = closing(this.#socket);
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // Reading its input, or all of it, is up to the program.
      if (error.code !== 'EPIPE') {
        failed(error);
      }
    });
    this.#socket.end(bytes);
  }

  giveUp(): void {
    this.#socket.destroy();
  }
}

/** Collects what the program writes. */
export class Output {
  /** When everything was read, or reading was given up. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;

  /** `exceeded` is called once, if there is more than `limit` bytes, of which no more is read then. */
  constructor(fd: number, limit: number, exceeded: () => void, failed: (error: Error) => void) {
    this.#socket = pipeSocket({ fd, readable: true, writable: false });
    this.closed = closing(this.#socket);
    this.#socket.on('error', failed);
    this.#socket.on('data', (chunk: Buffer) => {
      const room = limit - this.#length;
      if (chunk.length <= room) {
        this.#add(chunk);
        return;
      }
      this.#add(chunk.subarray(0, room));
      this.giveUp();
      exceeded();
    });
  }

  #add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  giveUp(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.destroy();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks, this.#length);
  }
}
