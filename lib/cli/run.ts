import type { ApplyProgress } from '../apply-options.ts';
import { pathBytes } from '../arguments.ts';
import { OverlayError } from '../errors.ts';
import type { Rules } from '../rules.ts';
import { signalNumber } from '../run-options.ts';
import type { Sandbox } from '../sandbox.ts';
import { createSandbox } from '../sandbox.ts';
import type { SandboxOptions, SandboxOverlayOptions } from '../sandbox-options.ts';
import type { SandboxIdMap } from '../subordinate-ids.ts';
import { idMaps } from '../subordinate-ids.ts';
import { UsageError } from './command-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { complain } from './messages.ts';
import { parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import { Progress, withProgress } from './progress.ts';
import { hasRules, ruleOptions } from './rule-words.ts';
import { isolationOf } from './run-isolation.ts';
import { asUsage, runOptions, splitRunWords } from './run-words.ts';
import { sessionNameOf } from './session-words.ts';
import type { Word } from './words.ts';
import { bytesOf, textOf } from './words.ts';

const endings = ['keep', 'discard', 'apply'] as const;
type Ending = (typeof endings)[number];

function ending(word: Word | undefined, option: string, otherwise: Ending): Ending {
  const found = word === undefined ? otherwise : endings.find((each) => each === word);
  if (found === undefined) {
    throw new UsageError(
      `${option} must be one of ${endings.join(', ')}, but is '${textOf(word ?? '')}'`,
    );
  }
  return found;
}

/** Splits at every `separator` that no backslash precedes. */
function split(text: Word, separator: string): Word[] {
  const parts = [''];
  for (let i = 0; i < text.length; i++) {
    const next = text[i + 1];
    if (text[i] === '\\' && (next === separator || next === '\\')) {
      parts.push(`${parts.pop()}${next}`);
      i++;
    } else if (text[i] === separator) {
      parts.push('');
    } else {
      parts.push(`${parts.pop()}${text[i]}`);
    }
  }
  return parts;
}

/** `TARGET=LOWER[:LOWER]...` */
function overlayOf(word: Word): SandboxOverlayOptions {
  const [target = '', ...rest] = split(word, '=');
  const lower = split(rest.join('='), ':');
  if (target === '' || lower.includes('')) {
    throw new UsageError(`--overlay must be TARGET=LOWER[:LOWER]..., but is '${textOf(word)}'`);
  }
  return { target: bytesOf(target), lower: lower.map(bytesOf) };
}

function idMap(word: Word): SandboxIdMap {
  const found = idMaps.find((each) => each === word);
  if (found === undefined) {
    throw new UsageError(`--map-ids must be one of ${idMaps.join(', ')}, but is '${textOf(word)}'`);
  }
  return found;
}

function milliseconds(word: Word): number {
  if (!/^\d{1,7}$/.test(word)) {
    throw new UsageError(`--grace must be a number of milliseconds, but is '${textOf(word)}'`);
  }
  return Number(word);
}

interface Request {
  readonly sandbox: SandboxOptions;
  readonly command: Word;
  readonly args: readonly Word[];
  readonly onSuccess: Ending;
  readonly onFailure: Ending;
  /** What the program may have changed, where that was said. */
  readonly rules: Rules | undefined;
}

/** Of what is knowable, and not done once the program has run for nothing. */
async function checked(request: Request): Promise<Request> {
  if (request.onSuccess === 'apply' || request.onFailure === 'apply') {
    const { checkApplicable } = await import('./run-apply-check.ts');
    await checkApplicable(request.sandbox);
  }
  return request;
}

async function requestOf(words: readonly Word[]): Promise<Request> {
  const { own, command } = splitRunWords(words);
  const { values } = parseWords(own, { ...runOptions, ...ruleOptions });
  const [program, ...args] = command;
  if (program === undefined || program === '') {
    throw new UsageError('a command to run is missing');
  }
  const { name, base, lower, overlay, dir, grace } = values;
  const session = name === undefined ? undefined : sessionNameOf(name, '--name');
  const otherwise = session === undefined ? 'discard' : 'keep';
  const sandbox: SandboxOptions = {
    ...(session === undefined ? {} : { session }),
    ...(base === undefined ? {} : { base: sessionNameOf(base, '--base') }),
    ...(lower === undefined ? {} : { lower: lower.map((each) => pathOf(each, '--lower')) }),
    ...(overlay === undefined ? {} : { overlays: overlay.map(overlayOf) }),
    ...(dir === undefined ? {} : { directory: pathOf(dir, '--dir') }),
    ...(grace === undefined ? {} : { grace: milliseconds(grace) }),
    ...(values['map-ids'] === undefined ? {} : { idMap: idMap(values['map-ids']) }),
    ...isolationOf(values),
  };
  return checked({
    sandbox,
    command: program,
    args,
    onSuccess: ending(values['on-success'], '--on-success', otherwise),
    onFailure: ending(values['on-failure'], '--on-failure', otherwise),
    rules: hasRules(values)
      ? (await import('./run-rules.ts')).runRules(values, sandbox)
      : undefined,
  });
}

/** As a shell has it. */
function statusOfFailure(error: unknown): number {
  if (!(error instanceof OverlayError) || error.syscall !== 'execve') {
    return exitCodes.notRun;
  }
  return error.code === 'ENOENT' ? exitCodes.notFound : exitCodes.notExecutable;
}

/** Up to the end of everything that the program has left running. */
function programStatus(sandbox: Sandbox, { command, args }: Request): Promise<number> {
  return new Promise((resolve) => {
    const program = sandbox.spawn(bytesOf(command), args.map(bytesOf), {
      stdio: 'inherit',
      relaySignals: true,
    });
    let waiting: Progress | undefined;
    program.on('exit', () => {
      waiting = new Progress(
        (seconds) => `overlayfs: ending what the program has left running, ${seconds} s`,
      );
    });
    program.on('error', (error) => {
      reportFailure(error, 'run');
      resolve(statusOfFailure(error));
    });
    program.on('close', (code, signal) => {
      waiting?.end();
      resolve(code ?? 128 + (signal === null ? 0 : signalNumber(signal, 'signal')));
    });
  });
}

/**
 * Where it holds files that are not the user's own, `overlayfs apply` does it. Undefined where that is not
 * needed; else whether all of it was done.
 */
async function appliedElsewhere(
  name: string,
  where: Pick<SandboxOptions, 'directory'>,
): Promise<boolean | undefined> {
  const { findSession } = await import('../session-list.ts');
  const session = await findSession(name, where);
  if (!session.subordinateIds && session.base === undefined) {
    return undefined;
  }
  const { handedOver } = await import('./handing-over.ts');
  const { directory } = where;
  const dir =
    directory === undefined ? [] : ['--dir', pathBytes(directory, 'path').toString('latin1')];
  const words = ['apply', ...dir, name];
  const status = await handedOver(session, { ...where, words, quiet: true });
  return status === undefined ? undefined : status === exitCodes.done;
}

/** Of a program that has ended with 0: what is said of what it has changed. */
async function judged(sandbox: Sandbox, rules: Rules | undefined): Promise<number> {
  if (rules === undefined) {
    return exitCodes.done;
  }
  const { keepsTo } = await import('./run-rules.ts');
  try {
    const kept = await withProgress(
      () => 'checking the rules',
      () => keepsTo(rules, sandbox),
    );
    return kept ? exitCodes.done : exitCodes.ruleFailed;
  } catch (error) {
    reportFailure(error, 'run');
    return exitCodes.failed;
  }
}

/** False where something could not be applied; the session is kept then. */
async function finish(sandbox: Sandbox, how: Ending, { session, directory }: SandboxOptions) {
  const discard = how === 'discard';
  const ending = discard ? 'removing what was written' : 'closing the session';
  // A new one with a name is not kept where the program could not be started.
  const options = how === 'keep' && session !== undefined ? {} : { discard };
  await withProgress(
    () => ending,
    () => sandbox.close(options),
  );
  if (how === 'discard') {
    return true;
  }
  const { name } = sandbox;
  const kept = (): void => complain(`kept as session ${name}`);
  if (how === 'keep') {
    if (session === undefined) {
      kept();
    }
    return true;
  }
  const where = directory === undefined ? {} : { directory };
  const elsewhere = await appliedElsewhere(name, where);
  if (elsewhere !== undefined) {
    if (!elsewhere) {
      kept();
    }
    return elsewhere;
  }
  const { applySession } = await import('../session-apply.ts');
  const { complainOf, complainOfRest, preparing, progressText } = await import('./applied-text.ts');
  let text = preparing;
  const onProgress = (progress: ApplyProgress): void => {
    text = progressText(progress);
  };
  try {
    const applied = await withProgress(
      () => text,
      () => applySession(name, { ...where, onProgress }),
    );
    applied.overlays.forEach(complainOf);
    if (applied.notDiscarded !== undefined) {
      complainOfRest(applied.notDiscarded);
    }
    if (!applied.discarded) {
      kept();
    }
    return applied.complete && applied.notDiscarded === undefined;
  } catch (error) {
    kept();
    throw error;
  }
}

export async function run(words: readonly Word[], _: Output): Promise<number> {
  const request = await requestOf(words);
  const sandbox = await withProgress(
    () => 'mounting the view',
    () => createSandbox(request.sandbox),
  ).catch((error: unknown) => {
    throw asUsage(error);
  });
  for (const warning of sandbox.warnings) {
    complain(`warning: ${warning}`);
  }
  const ended = await programStatus(sandbox, request);
  const status = ended === 0 ? await judged(sandbox, request.rules) : ended;
  const how = status === 0 ? request.onSuccess : request.onFailure;
  try {
    const done = await finish(sandbox, how, request.sandbox);
    return status === 0 && !done ? exitCodes.failed : status;
  } catch (error) {
    reportFailure(error, 'run');
    return status === 0 ? exitCodes.failed : status;
  }
}
