// Runs named checks one after the other and counts them; and the few process helpers they need.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { green, red } from './print.mjs';

const exec = promisify(execFile);

export class Checks {
  #passed = 0;
  #failed = 0;

  /**
   * Prints one result. `body` gets a function for details worth printing, and throws when the check
   * fails. Resolves to what it returned, or to undefined after a failure.
   */
  async check(name, body) {
    const details = [];
    try {
      const result = await body((detail) => details.push(detail));
      this.#passed++;
      this.#print(green('ok'), name, details);
      return result;
    } catch (error) {
      this.#failed++;
      this.#print(red('FAILED'), name, [...details, error.message]);
      return undefined;
    }
  }

  /** For what cannot be tried because something that it needs is missing. */
  fail(name, reason) {
    return this.check(name, () => assert(false, reason));
  }

  #print(status, name, details) {
    const lines = details.flatMap((detail) => detail.trimEnd().split('\n'));
    process.stdout.write([`${status} ${name}`, ...lines].join('\n     '));
    process.stdout.write('\n');
  }

  finish() {
    process.stdout.write(`\n${this.#passed} passed, ${this.#failed} failed\n`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}

export function assert(condition, message) {
  if (!condition) {
    throw new Error(message);
  }
}

/** Runs a program and resolves to its output; a failure throws with the last lines it printed. */
export async function execute(command, args, options = {}) {
  try {
    const limits = { timeout: 300_000, maxBuffer: 1 << 26 };
    return (await exec(command, args, { ...limits, ...options })).stdout;
  } catch (error) {
    if (error.code === 'ENOENT') {
      throw new Error(`${command} is not installed`, { cause: error });
    }
    const end = error.killed ? 'took too long' : `failed (${error.signal ?? error.code})`;
    const output = `${error.stdout}${error.stderr}`.trim().split('\n').slice(-25);
    throw new Error([`${[command, ...args].join(' ')} ${end}:`, ...output].join('\n'), {
      cause: error,
    });
  }
}

/** The environment without what `npm run` adds: another npm would act on this package again. */
export function plainEnvironment(extra = {}) {
  const added =
    /^(npm_(package|lifecycle|command|node|execpath|config_(local_)?prefix)|INIT_CWD|NODE_OPTIONS)/;
  const inherited = Object.entries(process.env).filter(([name]) => !added.test(name));
  return { ...Object.fromEntries(inherited), ...extra };
}
