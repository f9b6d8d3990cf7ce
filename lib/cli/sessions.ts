import { pathBytes, pathList } from '../arguments.ts';
import { OverlayError } from '../errors.ts';
import type { Session, SessionOverlay, SessionRest, SessionSize } from '../session-list.ts';
import { isSession, listSessions, sessionSize } from '../session-list.ts';
import { UsageError } from './command-errors.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { isForeign, tellForeign } from './foreign.ts';
import { base64List, base64Of, jsonLine } from './json.ts';
import { parseWords } from './options.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { sessionsOption } from './session-words.ts';
import { clone } from './sessions-clone.ts';
import { prune } from './sessions-prune.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

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
  const pending = found.applyPending ? ['apply pending'] : [];
  const base = found.base === undefined ? [] : [`on ${found.base}`];
  return [...state, ...kind, ...pending, ...base].join(', ');
}

function line(found: Session, size: SessionSize): string {
  const targets = found.overlays.map(({ targetBytes }) => escapeBytes(targetBytes)).join(' ');
  const used = found.used.toISOString().slice(0, 16).replace('T', ' ');
  const state = stateOf(found);
  const fields = [found.name.padEnd(20), sizeText(size).padStart(6), used, targets];
  return `${fields.join('  ')}${state === '' ? '' : `  (${state})`}\n`;
}

/** Of an error what follows its code and what the line says already. */
function restLine({ name, problem, message }: SessionRest): string {
  const why = message.replace(/^ERR_\w+: the session '[^']*' is [a-z ]+: /, '');
  return `${escapeText(name).padEnd(20)}  ${problem}: ${escapeText(why)}\n`;
}

function overlayObject({ target, targetBytes, layers }: SessionOverlay): object {
  const upper = pathBytes(layers.upper, 'upper');
  const lower = pathList(layers.lower, 'lower');
  return {
    target,
    targetBase64: base64Of(targetBytes),
    upper: upper.toString(),
    upperBase64: base64Of(upper),
    lower: lower.map(String),
    lowerBase64: base64List(lower),
    xattrs: layers.xattrs,
  };
}

function restObject({ pathBytes, ...rest }: SessionRest): string {
  return jsonLine({ ...rest, pathBase64: base64Of(pathBytes) });
}

function object(found: Session, size: SessionSize): string {
  const { overlays, last, pathBytes, ...rest } = found;
  return jsonLine({
    ...rest,
    pathBase64: base64Of(pathBytes),
    last,
    overlays: overlays.map(overlayObject),
    ...size,
  });
}

/** Undefined: it was discarded meanwhile. */
async function show(found: Session | SessionRest, json: boolean): Promise<string | undefined> {
  if (!isSession(found)) {
    return json ? restObject(found) : restLine(found);
  }
  try {
    const size = await sessionSize(found);
    return json ? object(found, size) : line(found, size);
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
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
  const [unknown] = positionals;
  if (unknown !== undefined) {
    throw new UsageError(
      `'${textOf(unknown)}' is none of what sessions can do: clone, prune; without a word it lists all sessions`,
    );
  }
  const options = sessionsOption(values.dir);
  const json = values.json ?? false;
  const all = await listSessions(options);
  const foreign = all.filter(isForeign);
  let name = '';
  const progress = new Progress((seconds) => `overlayfs: measuring ${name}, ${seconds} s`);
  output.beforeWriting(() => progress.clear());
  try {
    for (const found of json ? all : all.filter((each) => !isForeign(each))) {
      name = escapeText(found.name);
      const text = await show(found, json);
      if (text !== undefined && !(await output.write(text))) {
        break;
      }
    }
  } finally {
    progress.end();
  }
  await output.flush();
  if (!json) {
    tellForeign(foreign);
  }
  return exitCodes.done;
}
