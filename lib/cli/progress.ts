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

/** `performance` would load all of `node:perf_hooks`. */
const milliseconds = (): number => process.uptime() * 1000;

/** Node makes the stream when it is first asked for: what is quick does not pay for it. */
const standardError = (): Terminal => process.stderr;

export class Progress {
  readonly #terminal: () => Terminal;
  readonly #text: (seconds: number) => string;
  #started = milliseconds();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  /** `text` is asked for each time. Says nothing where there is no terminal that can erase a line. */
  constructor(text: (seconds: number) => string, terminal: () => Terminal = standardError) {
    this.#text = text;
    this.#terminal = terminal;
    this.start();
  }

  /** Once more, after `end`. */
  start(): void {
    this.#started = milliseconds();
    if (this.#timer === undefined && process.env.TERM !== 'dumb') {
      this.#timer = setInterval(() => this.#draw(), interval).unref();
    }
  }

  #draw(): void {
    const time = milliseconds() - this.#started;
    if (time < patience) {
      return;
    }
    const terminal = this.#terminal();
    if (!terminal.isTTY) {
      this.end();
      return;
    }
    const width = (terminal.columns || 80) - 1; // a line that wraps cannot be erased
    terminal.write(`${erase}${this.#text(Math.floor(time / 1000)).slice(0, width)}`);
    this.#drawn = true;
  }

  /** Before something else is written to the terminal. */
  clear(): void {
    if (this.#drawn) {
      this.#drawn = false;
      this.#terminal().write(erase);
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
  const progress = new Progress((seconds) => `overlayfs: ${text()}, ${seconds} s`);
  try {
    return await work();
  } finally {
    progress.end();
  }
}
