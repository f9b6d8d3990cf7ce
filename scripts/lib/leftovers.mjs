import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

// Every process of a suite inherits this variable, whatever session or group it moves to.
const variable = 'OVERLAYFS_TEST_RUN';

export function marked(env, run) {
  return { ...env, [variable]: run };
}

/** The overlay mounts of this mount namespace, by mount id and path. */
export function overlayMounts() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - (?:fuse\.)?overlay(?:fs)? /.test(line))
    .map((line) => line.split(' '))
    .map(([id, , , , path]) => `overlay mount ${id} on ${path}`);
}

export function temporaryDirectories(directory = tmpdir()) {
  return readdirSync(directory)
    .filter((name) => name.startsWith('overlayfs-test-'))
    .map((name) => `directory ${directory}/${name}`);
}

/** Processes of the run that are still alive. Those of other users can be read by root only. */
export function processes(run) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        if (!environment.includes(`${variable}=${run}`)) {
          return [];
        }
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return [{ pid: Number(pid), command: words.join(' ').trim().slice(0, 200) }];
      } catch {
        // Gone meanwhile, or not ours.
        return [];
      }
    });
}

/** Kills what is left of a run, children born meanwhile included. */
export function killProcesses(run) {
  for (let round = 0; round < 20; round++) {
    const alive = processes(run);
    if (alive.length === 0) {
      return;
    }
    for (const { pid } of alive) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
  }
}

/** Processes that outlive their suite, after a moment to end by themselves. */
export async function lingering(run) {
  for (let waited = 0; waited < 2000; waited += 50) {
    if (processes(run).length === 0) {
      return [];
    }
    await sleep(50);
  }
  const left = processes(run).map(({ pid, command }) => `process ${pid}: ${command}`);
  killProcesses(run);
  return left;
}
