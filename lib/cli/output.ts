import { CommandError } from './command-errors.ts';

const chunkSize = 1 << 16;

/**
 * Standard output. Writes in chunks and waits for each: a slow reader makes the command wait, not grow.
 * Whether somebody still reads is the answer of every call, because `| head` is no failure.
 */
export class Output {
  #pieces: Buffer[] = [];
  #size = 0;
  #open = true;
  #used = false;
  #beforeWriting: () => void = () => undefined;

  /** Called before anything reaches the reader: a line about progress may stand on the same terminal. */
  beforeWriting(call: () => void): void {
    this.#beforeWriting = call;
  }

  /** False when nobody reads any more. */
  write(piece: string | Buffer): boolean | Promise<boolean> {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    return this.#size < chunkSize ? this.#open : this.flush();
  }

  /** A path and the NUL that ends it. */
  writeEnded(path: Buffer): boolean | Promise<boolean> {
    return this.write(Buffer.concat([path, Buffer.of(0)]));
  }

  /** @throws CommandError where the output cannot be written, as on a full disk. */
  async flush(): Promise<boolean> {
    const chunk = Buffer.concat(this.#pieces, this.#size);
    this.#pieces = [];
    this.#size = 0;
    if (this.#open && chunk.length > 0) {
      this.#beforeWriting();
      await this.#send(chunk);
    }
    return this.#open;
  }

  /** Node makes the stream with the first write: a command that prints nothing does not pay for it. */
  #send(chunk: Buffer): Promise<void> {
    if (!this.#used) {
      this.#used = true;
      // The failed write is told of it too, and there it is handled.
      process.stdout.on('error', () => undefined);
    }
    return new Promise((resolve, reject) => {
      process.stdout.write(chunk, (error) => {
        if (!error) {
          resolve();
        } else if ('code' in error && error.code === 'EPIPE') {
          this.#open = false;
          resolve();
        } else {
          reject(new CommandError(`the output cannot be written: ${error.message}`));
        }
      });
    });
  }
}
