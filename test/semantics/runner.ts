// Plays one history on real mounts.
import { readFile } from 'node:fs/promises';
import type { Lab } from '../helpers/lab.ts';
import { LabError } from '../helpers/lab-process.ts';
import type { Cell } from './cells.ts';
import type { Oracle } from './check.ts';
import {
  ask,
  checkApplied,
  checkApplying,
  checkApplyingToLower,
  checkLists,
  Disagreement,
} from './check.ts';
import type { History, Layer } from './history.ts';
import type { Operation } from './operations.ts';
import { play } from './operations.ts';
import type { Grounds } from './stage.ts';
import { Stage } from './stage.ts';

export interface Outcome {
  readonly operations: number;
  /** Of these, the ones that the kernel refused. */
  readonly refused: number;
  /** Changes in the lists of the oracle. */
  readonly changes: number;
}

// Longer than the clock of the filesystems takes from one tick to the next.
const tick = 12;

export class Runner {
  readonly #lab: Lab;
  readonly #cell: Cell;
  readonly #stage: Stage;
  #operations = 0;
  #refused = 0;
  #changes = 0;
  #indexed = false;

  private constructor(lab: Lab, cell: Cell, stage: Stage) {
    this.#lab = lab;
    this.#cell = cell;
    this.#stage = stage;
  }

  /** Rejects with a Disagreement; other errors are mistakes of the tests. */
  static async run(
    lab: Lab,
    cell: Cell,
    grounds: Grounds,
    id: string,
    history: History,
  ): Promise<Outcome> {
    await using stage = await Stage.make(lab, cell, grounds, id);
    const runner = new Runner(lab, cell, stage);
    await runner.#makeLowers(history);
    await runner.#play(history.operations);
    return {
      operations: runner.#operations,
      refused: runner.#refused,
      changes: runner.#changes,
    };
  }

  /** Plays all without waiting for each: the lab does one after the other anyway. */
  async #perform(root: Buffer, operations: readonly Operation[]): Promise<void> {
    this.#operations += operations.length;
    const { own } = this.#cell.set;
    const under = operations.map((operation) => play(this.#lab, root, own, operation));
    for (const result of await Promise.allSettled(under)) {
      if (result.status === 'fulfilled') continue;
      // What the kernel does not want is no matter: the state in the end counts.
      if (!(result.reason instanceof LabError)) throw result.reason;
      this.#refused++;
    }
  }

  async #makeLowers({ lowers, data }: History): Promise<void> {
    const stage = this.#stage;
    if (data.length > 0 || this.#cell.shape === 'data-only') {
      const directory = await stage.makeLower('data');
      await this.#perform(directory, data);
      stage.data.push(directory);
    }
    for (const [i, layer] of lowers.entries()) {
      const directory = await stage.makeLower(`lower${i}`, i);
      await this.#makeLower(layer, directory, i);
    }
  }

  async #makeLower({ by, operations }: Layer, directory: Buffer, i: number): Promise<void> {
    const stage = this.#stage;
    const lowers = [...stage.lowers];
    if (by === 'overlay' && this.#cell.shape === 'nested') {
      await this.#playInner(directory, operations);
      return;
    }
    if (by === 'hand') {
      await this.#perform(directory, operations);
    } else {
      const work = await stage.makeLower(`lower${i}-work`, i);
      const options = [...this.#cell.set.lowerOptions, 'volatile'];
      const stack = { lowers, data: stage.data, upper: directory, work };
      await stage.mount(stage.target, stack, options);
      await this.#perform(stage.target, operations);
      await stage.umount(stage.target);
    }
    stage.lowers.unshift(directory);
  }

  /** The upper of the inner overlay, which stays mounted as the only lower of the outer one. */
  async #playInner(upper: Buffer, operations: readonly Operation[]): Promise<void> {
    const stage = this.#stage;
    const work = await stage.makeLower('inner-work');
    const inner = await stage.makeDirectory('inner');
    const lowers = stage.lowers.splice(0);
    const options = [...this.#cell.set.lowerOptions, 'volatile'];
    await stage.mount(inner, { lowers, upper, work }, options);
    await this.#perform(inner, operations);
    stage.lowers.push(inner);
  }

  async #play(operations: readonly Operation[]): Promise<void> {
    const stage = this.#stage;
    await this.#mount();
    let pending: Operation[] = [];
    for (const operation of operations) {
      if (operation[0] !== 'remount' && operation[0] !== 'rotate') {
        pending.push(operation);
        continue;
      }
      this.#operations++;
      await this.#perform(stage.target, pending);
      pending = [];
      const oracle = await this.#check(`the mount before a ${operation[0]}`);
      await stage.umountMerged();
      if (operation[0] === 'remount') {
        await stage.mountMerged();
      } else {
        await this.#checkByName('the layers before a rotation', oracle);
        await stage.umount(stage.before);
        stage.lowers.unshift(stage.upper);
        await this.#mount();
      }
    }
    await this.#perform(stage.target, pending);
    await this.#finish();
  }

  /** Both views, with a new upper. */
  async #mount(): Promise<void> {
    const stage = this.#stage;
    await stage.newUpper();
    await stage.mountBefore();
    await stage.mountMerged();
    this.#indexed = await hasIndex(stage.target);
    if (this.#indexed) await this.#lab.pause(tick);
  }

  async #ask(): Promise<Oracle> {
    let oracle: Oracle;
    try {
      oracle = await ask(this.#stage, this.#indexed);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      throw new Disagreement('the views cannot be read', [], [error.message]);
    }
    this.#changes += oracle.plain.length;
    return oracle;
  }

  async #check(what: string): Promise<Oracle> {
    const oracle = await this.#ask();
    await checkLists(what, this.#stage.target, oracle);
    return oracle;
  }

  async #checkByName(what: string, oracle: Oracle): Promise<void> {
    const { upper, lowers: lower, data, cell, work } = this.#stage;
    const more = {
      ...(data.length > 0 && { dataLower: data }),
      ...(this.#indexed && { work }),
    };
    await checkLists(what, { upper, lower, xattrs: cell.set.own, ...more }, oracle);
  }

  async #finish(): Promise<void> {
    const stage = this.#stage;
    const oracle = await this.#ask();
    const list = await checkLists('the mount', stage.target, oracle);
    try {
      await checkApplied(stage, list, this.#indexed);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      throw new Disagreement('the changes cannot be applied', [], [error.message]);
    }
    const copy = await applying(() => checkApplying(stage, this.#indexed));
    await stage.umountMerged();
    await this.#checkByName('the layers', oracle);
    await stage.umount(stage.before);
    await applying(() => checkApplyingToLower(stage, this.#indexed, copy));
  }
}

/** A call that fails is a disagreement as well. */
async function applying<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof Disagreement) throw error;
    throw new Disagreement('applying fails', [], [String(error)]);
  }
}

/** What the kernel made of the options: it goes on without an index where it cannot have one. */
async function hasIndex(target: Buffer): Promise<boolean> {
  const table = await readFile('/proc/thread-self/mountinfo', 'latin1');
  const line = table
    .split('\n')
    .findLast((text) => text.split(' ')[4] === target.toString('latin1'));
  if (line === undefined) throw new Error(`${target} is not mounted`);
  const options = line.split(' ').at(-1)?.split(',') ?? [];
  return options.includes('index=on');
}
