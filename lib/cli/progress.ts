/** One line on a terminal that says how far long work has come. */

/** What is quick says nothing. */
const patience = 500;
const interval = 200;
const erase = '\r\u001b[K';

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #stream: Terminal;
  readonly #text: (seconds: number) => string;
  #started = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  /** Says nothing where `stream` is no terminal that can erase a line. `text` is asked for each time. */
  constructor(stream: Terminal, text: (seconds: number) => string) {
    this.#stream = stream;
    this.#text = text;
    this.start();
  }

  /** Once more, after `end`. */
  start(): void {
    const stream = this.#stream;
    this.#started = performance.now();
    if (this.#timer === undefined && stream.isTTY && process.env.TERM !== 'dumb') {
      this.#timer = setInterval(() => this.#draw(), interval).unref();
    }
  }

  #draw(): void {
    const time = performance.now() - this.#started;
    if (time >= patience) {
      const width = (this.#stream.columns || 80) - 1; // a line that wraps cannot be erased
      this.#stream.write(`${erase}${this.#text(Math.floor(time / 1000)).slice(0, width)}`);
      this.#drawn = true;
    }
  }

  /** Before something else is written to the terminal. */
  clear(): void {
    if (this.#drawn) {
      this.#drawn = false;
      this.#stream.write(erase);
    }
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
  }
}

/** `text` says what is being done, and is asked for each time. */
export async function withProgress<T>(text: () => string, work: () => Promise<T>): Promise<T> {
  const progress = new Progress(process.stderr, (seconds) => `overlayfs: ${text()}, ${seconds} s`);
  try {
    return await work();
  } finally {
    progress.end();
  }
}
