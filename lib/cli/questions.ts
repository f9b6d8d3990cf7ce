/** Answers that are typed, a line each. */
import type { Interface } from 'node:readline';
import { createInterface } from 'node:readline';

export class Questions {
  readonly #lines: Interface;
  readonly #typed: AsyncIterator<string>;

  /** The terminal stays as it is: it edits the line, and Ctrl-C ends us as it ends every program. */
  constructor(input: NodeJS.ReadableStream) {
    this.#lines = createInterface({ input, terminal: false });
    this.#typed = this.#lines[Symbol.asyncIterator]();
  }

  /** Undefined at the end of input. */
  async next(): Promise<string | undefined> {
    const { done, value } = await this.#typed.next();
    return done ? undefined : value;
  }

  close(): void {
    this.#lines.close();
  }
}
