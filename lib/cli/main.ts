#!/usr/bin/env node
/** The command `overlayfs`. A subcommand is loaded when it is wanted; help and mistakes are quick. */
import { require } from '../package.ts';
import { UsageError } from './command-errors.ts';
import type { CommandName } from './command-names.ts';
import { isCommand } from './command-names.ts';
import { exitCodes } from './exit-codes.ts';
import { hasSpoken } from './messages.ts';
import { asksForHelp, noArguments, parseWords } from './options.ts';
import { Output } from './output.ts';
import { splitRunWords } from './run-words.ts';
import { loadShared } from './shared-code.ts';
import type { Word } from './words.ts';
import { commandWords, textOf } from './words.ts';

type Command = (words: readonly Word[], output: Output) => Promise<number>;

const commands: Readonly<Record<CommandName, () => Promise<Command>>> = {
  mount: async () => (await import('./mount.ts')).mount,
  umount: async () => (await import('./umount.ts')).umount,
  refresh: async () => (await import('./refresh.ts')).refresh,
  list: async () => (await import('./list.ts')).list,
  run: async () => (await import('./run.ts')).run,
  sessions: async () => (await import('./sessions.ts')).sessions,
  discard: async () => (await import('./discard.ts')).discard,
  diff: async () => (await import('./diff.ts')).diff,
  apply: async () => (await import('./apply.ts')).apply,
  scan: async () => (await import('./scan.ts')).scan,
  doctor: async () => (await import('./doctor.ts')).doctor,
  help: async () => (await import('./help.ts')).help,
};

function version(): string {
  return (require('../../package.json') as { readonly version: string }).version;
}

/** Without a command. */
async function general(words: readonly Word[], output: Output): Promise<number> {
  if (asksForHelp(words)) {
    return (await commands.help())([], output);
  }
  const { values, positionals } = parseWords(words, { version: { type: 'boolean' } });
  if (!values.version) {
    throw new UsageError('a command is missing');
  }
  noArguments(positionals);
  await output.write(`${version()}\n`);
  return exitCodes.done;
}

async function run(words: readonly Word[], output: Output): Promise<number> {
  const [name = '', ...rest] = words;
  if (isCommand(name)) {
    // What the program is told is not meant for us.
    const own = name === 'run' ? splitRunWords(rest).own : rest;
    if (asksForHelp(own)) {
      return (await commands.help())([name], output);
    }
    if (name !== 'help') {
      loadShared();
    }
    return (await commands[name]())(rest, output);
  }
  if (words.length === 0 || name.startsWith('-')) {
    return general(words, output);
  }
  throw new UsageError(`there is no command '${textOf(name)}'`);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const output = new Output();
    const status = await run(commandWords(args), output);
    await output.flush();
    return status;
  } catch (error) {
    const { reportFailure } = await import('./failure.ts');
    return reportFailure(error, args[0]);
  }
}

process.exitCode = exitCodes.failed; // what is left if nothing keeps Node waiting for the end
void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
  if (!hasSpoken()) {
    // All that was printed has been waited for; Node needs not take itself to pieces.
    process.exit();
  }
});
