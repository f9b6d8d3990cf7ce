/** Runs the command `overlayfs` as a program of its own, the way a shell would. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

// Compiled to dist/test/helpers/command.js.
export const program: string = fileURLToPath(new URL('../../command/main.cjs', import.meta.url));
const packageFile = new URL('../../../package.json', import.meta.url);

/** Of the package. */
export const version: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;

export interface Result {
  /** Undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A word for a POSIX shell: Node hands only UTF-8 to the programs it starts. */
function shellWord(argument: string | Buffer): string {
  const bytes = [...Buffer.from(argument)];
  return `"$(printf '${bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}')"`;
}

/** What the test runner is told about colours is not meant for the command. */
function withoutColours(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, NO_COLOR: __, ...rest } = env;
  return rest;
}

async function finish(
  file: string,
  args: readonly string[],
  { cwd, env = withoutColours(process.env) }: RunOptions,
): Promise<Result> {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const status = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
  return { status: await status, stdout, stderr };
}

export function overlayfs(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return finish(process.execPath, [program, ...args], options);
}

/** Runs a line of shell in which `overlayfs` is the command. */
export function shell(line: string, options: RunOptions = {}): Promise<Result> {
  const script = `overlayfs() { "$NODE" "$OVERLAYFS" "$@"; }\n${line}`;
  const own = { NODE: process.execPath, OVERLAYFS: program };
  const env = { ...withoutColours(process.env), ...options.env, ...own };
  return finish('sh', ['-c', script], { ...options, env });
}

/** The arguments are bytes; none of them may end with a newline. */
export function overlayfsBytes(
  args: readonly (string | Buffer)[],
  options: RunOptions = {},
): Promise<Result> {
  return shell(`overlayfs ${args.map(shellWord).join(' ')}`, options);
}

/**
 * The same line with a terminal for both outputs, as `script` makes one, on which the lines of `typed` are
 * typed: what the terminal was sent, with its carriage returns taken off.
 */
export async function onTerminal(
  line: string,
  { typed = [], ...options }: RunOptions & { readonly typed?: readonly string[] } = {},
): Promise<Result> {
  const words = `overlayfs() { "$NODE" "$OVERLAYFS" "$@"; }; ${line}`;
  const quoted = `'${words.replaceAll("'", "'\\''")}'`;
  const env = { TERM: 'xterm', ...options.env };
  const input =
    typed.length === 0
      ? '</dev/null'
      : `<<'TYPED'\n${typed.map((each) => `${each}\n`).join('')}TYPED`;
  const result = await shell(`script -qec ${quoted} /dev/null ${input}`, { ...options, env });
  const text = result.stdout.toString('latin1').replaceAll('\r\n', '\n');
  return { ...result, stdout: Buffer.from(text, 'latin1') };
}

/** The objects of `--json`. */
export function objects(stdout: Buffer): Record<string, unknown>[] {
  const lines = stdout.toString().split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}
