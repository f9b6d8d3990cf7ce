/** What `overlayfs run` and `overlayfs apply` say on a terminal while somebody has to wait. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { onTerminal } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';
import { tracing } from './tracing.ts';

const erase = '\r\u001b[K';
const count = 20_000;

/** The lines that were drawn and erased again, and what stays. */
function drawn(stdout: Buffer): { readonly lines: string[]; readonly rest: string } {
  const [first = '', ...more] = stdout.toString().split(erase);
  return { rest: `${first}${more.pop() ?? ''}`, lines: more };
}

type Told = ReturnType<typeof drawn>;

async function told(place: SandboxPlace, line: string): Promise<Told> {
  return drawn((await onTerminal(line, { cwd: place.lower })).stdout);
}

export function progressCases(): void {
  test.serial('a line on a terminal tells what the end of a run waits for', async (t) => {
    using place = new SandboxPlace();
    const dir = `--dir ${place.state}`;
    // Not before it ignores the signal.
    const ready = 'until [ -e ready ]; do sleep 0.02; done';
    const left = `sh -c '(trap "" TERM; : > ready; exec sleep 1000) & ${ready}; exit 3'`;
    const ended = await told(place, `overlayfs run ${dir} --grace 1500 ${left}; echo $?`);
    t.is(ended.rest, '3\n');
    t.true(ended.lines.length > 2, ended.lines.join());
    for (const line of ended.lines) {
      t.regex(line, /^(?:overlayfs: (?:mounting|ending|removing) [a-z ]+, \d s)?$/);
    }
    t.true(ended.lines.includes('overlayfs: ending what the program has left running, 1 s'));
    const file = place.at('stderr');
    const quiet = `overlayfs run ${dir} --grace 1500 ${left} 2>${file}; echo $?`;
    t.deepEqual(await told(place, quiet), { lines: [], rest: '3\n' });
    t.is(readFileSync(file, 'utf8'), '');
  });

  test.serial('a line on a terminal tells how far an apply is', async (t) => {
    using place = new SandboxPlace();
    const dir = `--dir ${place.state}`;
    const many = `sh -c 'seq ${count} | xargs touch'`;
    const prepared = /^overlayfs: \d+ changes prepared, \d+ in place(, cleaning up)?, \d+ s$/;
    const ran = await told(place, `overlayfs run ${dir} --on-success apply -- ${many}; echo $?`);
    t.is(ran.rest, '0\n');
    t.true(
      ran.lines.some((line) => prepared.test(line)),
      ran.lines.join(),
    );
    t.is(readdirSync(place.lower).length, count);
    await told(place, `overlayfs run ${dir} --name one -- sh -c 'echo x | tee [1-9]* >/dev/null'`);
    const applied = await told(place, `overlayfs apply ${dir} one >/dev/null; echo $?`);
    t.is(applied.rest, '0\n');
    t.true(
      applied.lines.some((line) => prepared.test(line)),
      applied.lines.join(),
    );
  });

  tracing('and what measuring and removing sessions takes', async (t) => {
    using place = new SandboxPlace();
    const dir = `--dir ${place.state}`;
    for (const name of ['one', 'two']) {
      await (await place.sandbox({ session: name })).close();
    }
    for (const [call, line, expected] of [
      ['getdents64', `sessions ${dir}`, /^overlayfs: measuring (one|two), \d s$/],
      ['unlinkat', `discard ${dir} one`, /^overlayfs: removing the session one, \d s$/],
      ['unlinkat', `sessions prune ${dir} --unused-for 0m`, /^overlayfs: removing sessions, \d s$/],
    ] as const) {
      const slow = `strace -qq -f -o /dev/null -e trace=${call} -e inject=${call}:delay_enter=200000`;
      const { lines } = await told(place, `${slow} "$NODE" "$OVERLAYFS" ${line} >/dev/null`);
      t.true(
        lines.some((each) => expected.test(each)),
        `${line}: ${lines.join()}`,
      );
    }
    t.deepEqual(place.sessions(), []);
  });
}
