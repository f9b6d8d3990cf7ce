import { spawn } from 'node:child_process';
import { root } from './root.mjs';

/** Process groups that are alive; scripts/test.mjs ends them when it is interrupted. */
export const groups = new Set();
let ownGroups = false;

/** From now on every child gets a session of its own, so that all it starts can be ended together. */
export function useGroups() {
  ownGroups = true;
}

/**
 * Runs a program without a shell. `quiet` collects both streams instead of showing them; `onStdout`
 * receives standard output, while standard error is shown.
 */
export function run(command, args, options = {}) {
  const { cwd = root, env = process.env, quiet = false, onStdout } = options;
  const out = onStdout || quiet ? 'pipe' : 'inherit';
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: ownGroups,
      stdio: ['ignore', out, quiet ? 'pipe' : 'inherit'],
    });
    if (ownGroups && child.pid) {
      groups.add(child.pid);
    }
    const output = [];
    if (onStdout) {
      child.stdout.on('data', onStdout);
    } else {
      child.stdout?.on('data', (chunk) => output.push(chunk));
    }
    child.stderr?.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => {
      resolve({ ok: false, code: 127, signal: null, output: `${error.message}\n` });
    });
    child.on('close', (code, signal) => {
      groups.delete(child.pid);
      const text = Buffer.concat(output).toString('utf8');
      resolve({ ok: code === 0, code, signal, output: text });
    });
  });
}

/** Runs a program of node_modules with this very node: no shebang, no PATH, no .bin links. */
export function runScript(script, args, options) {
  return run(process.execPath, [script, ...args], options);
}

/** Applies an async function to each item on a bounded number of workers; keeps the order. */
export async function pool(items, workers, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, worker));
  return results;
}
