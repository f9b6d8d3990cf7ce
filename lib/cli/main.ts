#!/usr/bin/env node
/** The command `overlayfs`. A subcommand is loaded when it is wanted; help and mistakes are quick. */
import { readFileSync } from 'node:fs';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { help, isCommand } from './help.ts';
import type { CommandName } from './help-texts.ts';
import { asksForHelp, noArguments, parseWords } from './options.ts';
import { Output } from './output.ts';
import { splitRunWords } from './run-words.ts';
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
  help: () => Promise.resolve(help),
};

function version(): string {
  const file = new URL('../../../package.json', import.meta.url); // from dist/lib/cli
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/** Without a command. */
async function general(words: readonly Word[], output: Output): Promise<number> {
  if (asksForHelp(words)) {
    return help([], output);
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
    const command = asksForHelp(own) ? () => help([name], output) : await commands[name]();
    return command(rest, output);
  }
  if (words.length === 0 || name.startsWith('-')) {
    return general(words, output);
  }
  throw new UsageError(`there is no command '${textOf(name)}'`);
}

const args = process.argv.slice(2);
try {
  const output = new Output(process.stdout);
  const status = await run(commandWords(args), output);
  await output.flush();
  process.exitCode = status;
} catch (error) {
  const { reportFailure } = await import('./failure.ts');
  process.exitCode = reportFailure(error, args[0]);
}
