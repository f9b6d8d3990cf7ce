// One task: plays a history, and makes it small if it fails.
import type { Lab } from '../helpers/lab.ts';
import type { Cell } from './cells.ts';
import { Disagreement } from './check.ts';
import type { Lengths } from './generator.ts';
import { generate } from './generator.ts';
import type { History } from './history.ts';
import type { Outcome } from './runner.ts';
import { Runner } from './runner.ts';
import { shrink } from './shrink.ts';
import type { Grounds } from './stage.ts';

export interface Failure {
  readonly history: History;
  readonly what: string;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

export interface Result extends Outcome {
  readonly failure?: Failure;
}

export class Trials {
  readonly #lab: Lab;
  readonly #grounds: Grounds;
  readonly #shrinkMs: number;
  #count = 0;

  constructor(lab: Lab, grounds: Grounds, shrinkMs: number) {
    this.#lab = lab;
    this.#grounds = grounds;
    this.#shrinkMs = shrinkMs;
  }

  async generated(cell: Cell, seed: number, lengths: Lengths): Promise<Result> {
    return await this.given(cell, generate(cell, seed, lengths));
  }

  async given(cell: Cell, history: History): Promise<Result> {
    const outcome = await this.#run(cell, history);
    if (!(outcome instanceof Disagreement)) return outcome;
    let last = outcome;
    const fails = async (candidate: History): Promise<boolean> => {
      const again = await this.#run(cell, candidate);
      // Another failure than the one that was found is for another history.
      if (!(again instanceof Disagreement) || kind(again) !== kind(outcome)) return false;
      last = again;
      return true;
    };
    const smallest = await shrink(history, fails, Date.now() + this.#shrinkMs);
    const { what, expected, actual } = last;
    return {
      operations: 0,
      refused: 0,
      changes: 0,
      failure: { history: smallest, what, expected, actual },
    };
  }

  async #run(cell: Cell, history: History): Promise<Outcome | Disagreement> {
    this.#count++;
    try {
      return await Runner.run(this.#lab, cell, this.#grounds, `h${this.#count}`, history);
    } catch (error) {
      if (error instanceof Disagreement) return error;
      throw error;
    }
  }
}

/** Wrong lists are one kind, whichever list it is; each error of a call that fails is another. */
function kind({ what, actual }: Disagreement): string {
  if (!/fails$|cannot/.test(what)) return 'wrong';
  return actual.join().match(/\bE[A-Z0-9]+\b/)?.[0] ?? actual.join();
}
