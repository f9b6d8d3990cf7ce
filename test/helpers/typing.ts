/** Programs on a pseudo-terminal, at which somebody types. */
import { execFileSync } from 'node:child_process';

const terminal = `
import json, os, pty, select, sys, time
program, directory, steps = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.chdir(directory)
    os.execvp(program[0], program)
said, missing, status = b'', [], None
def read():
    if not select.select([fd], [], [], 0.1)[0]: return b''
    try: return os.read(fd, 4096)
    except OSError: return b''
for expected, typed in steps:
    new, end = b'', time.time() + 15
    while expected.encode() not in new and time.time() < end: new += read()
    said += new
    if expected.encode() not in new: missing.append(expected)
    time.sleep(0.3)
    os.write(fd, typed.encode())
end = time.time() + 15
while time.time() < end:
    said += read()
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(code)
        while more := read(): said += more
        break
print(json.dumps({'said': said.decode('latin1'), 'missing': missing, 'status': status}))
`;

export interface Typed {
  /** What the terminal was sent, as bytes in latin1, with its carriage returns taken off. */
  readonly said: string;
  /** What was waited for in vain. */
  readonly missing: readonly string[];
  /** Negative where a signal has ended it. */
  readonly status: number | null;
}

/** What is expected and what is typed then, in turns. */
export function type(
  program: readonly string[],
  steps: readonly (readonly [expected: string, typed: string])[],
  { cwd, env = process.env }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Typed {
  const plan = JSON.stringify([program, cwd, steps]);
  const { said, ...rest } = JSON.parse(
    execFileSync('python3', ['-c', terminal, plan], { env, encoding: 'utf8' }),
  );
  return { said: said.replaceAll('\r\n', '\n'), ...rest };
}
