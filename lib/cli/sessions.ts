import type { Session, SessionRest, SessionSize, SessionsOptions } from '../session-list.ts';
import { isSession, listSessions, sessionSize } from '../session-list.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64Of, jsonLine } from './json.ts';
import { noArguments, parseWords, pathOf } from './options.ts';
import type { Output } from './output.ts';
import { clone } from './sessions-clone.ts';
import { prune } from './sessions-prune.ts';
import type { Word } from './words.ts';

const units = ['B', 'K', 'M', 'G', 'T'] as const;

function sizeText({ bytes, unreadable }: SessionSize): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const number = bytes / 1024 ** power;
  const digits = power === 0 || number >= 10 ? 0 : 1;
  return `${number.toFixed(digits)}${units[power]}${unreadable > 0 ? '+' : ''}`;
}

function stateOf(found: Session): string {
  const state = found.user === undefined ? [] : [`in use by process ${found.user}`];
  const kind = found.ephemeral && found.user === undefined ? ['abandoned'] : [];
  return [...state, ...kind, ...(found.base === undefined ? [] : [`on ${found.base}`])].join(', ');
}

function line(found: Session, size: SessionSize): string {
  const targets = found.overlays.map(({ targetBytes }) => escapeBytes(targetBytes)).join(' ');
  const used = found.used.toISOString().slice(0, 16).replace('T', ' ');
  const state = stateOf(found);
  const fields = [found.name.padEnd(20), sizeText(size).padStart(6), used, targets];
  return `${fields.join('  ')}${state === '' ? '' : `  (${state})`}\n`;
}

function restLine({ name, problem, message }: SessionRest): string {
  return `${escapeText(name).padEnd(20)}  ${problem}: ${escapeText(message)}\n`;
}

function object(found: Session, size: SessionSize): string {
  const { overlays, last, ...rest } = found;
  return jsonLine({
    ...rest,
    last,
    overlays: overlays.map(({ target, targetBytes, layers }) => ({
      target,
      targetBase64: base64Of(targetBytes),
      upper: layers.upper,
      lower: [layers.lower].flat().map(String),
      xattrs: layers.xattrs,
    })),
    ...size,
  });
}

async function show(found: Session | SessionRest, json: boolean): Promise<string> {
  if (!isSession(found)) {
    return json ? jsonLine({ ...found }) : restLine(found);
  }
  const size = await sessionSize(found);
  return json ? object(found, size) : line(found, size);
}

export async function sessions(words: readonly Word[], output: Output): Promise<number> {
  const [first, ...rest] = words;
  if (first === 'prune') {
    return prune(rest, output);
  }
  if (first === 'clone') {
    return clone(rest);
  }
  const { values, positionals } = parseWords(words, {
    dir: { type: 'string' },
    json: { type: 'boolean' },
  });
  noArguments(positionals);
  const options: SessionsOptions =
    values.dir === undefined ? {} : { directory: pathOf(values.dir, '--dir') };
  for (const found of await listSessions(options)) {
    if (!(await output.write(await show(found, values.json ?? false)))) {
      break;
    }
  }
  return exitCodes.done;
}
