/** The other end of `worker.js`: a process that lives until it is ended. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { script } from '../tools.ts';
import type { Asked, Told } from './worker-messages.ts';

export class Worker {
  readonly #child: ChildProcess = fork(script('changes/worker'));

  async ask(asked: Asked): Promise<Told> {
    const ended = new AbortController();
    const exits = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error(`the process that should ${asked.what} (${asked.how}) has ended`);
    });
    const told = once(this.#child, 'message', { signal: ended.signal });
    this.#child.send(asked);
    try {
      const [reply] = (await Promise.race([told, exits])) as [Told];
      if (reply.error !== undefined) {
        throw new Error(`${asked.what} (${asked.how}): ${reply.error}`);
      }
      return reply;
    } finally {
      exits.catch(() => undefined); // it is aborted, since the reply came first
      ended.abort();
    }
  }

  end(): void {
    if (this.#child.connected) {
      this.#child.disconnect(); // else it has ended by itself, which whoever asked was told
    }
  }
}

/** One question to a process of its own. */
export async function askOnce(asked: Asked): Promise<Told> {
  const worker = new Worker();
  try {
    return await worker.ask(asked);
  } finally {
    worker.end();
  }
}
