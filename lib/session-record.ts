/** What is written down of a session: `session.json`, format 1. docs/running.md describes it. */
import { isUtf8 } from 'node:buffer';

export const recordFormat = 1;

/** What a directory is known again by. What is not there is not certain to stay (directory_identity.h). */
export interface RecordedIdentity {
  /** Of the filesystem, in hexadecimal (`f_type`). */
  readonly type: string;
  /** `f_fsid`, in hexadecimal. */
  readonly filesystem?: string;
  readonly inode?: string;
  /** When it was made: seconds and nanoseconds. */
  readonly born?: string;
  /** The start of the system that all of it but the type belongs to. */
  readonly boot?: string;
}

export interface RecordedOverlay {
  readonly target: Buffer;
  /** Top-most first. */
  readonly lower: readonly Buffer[];
  /** Of each of them; versions that did not know of it have not written it. */
  readonly identities?: readonly RecordedIdentity[];
}

export interface RecordedEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SessionRecord {
  readonly name: string;
  /**
   * `'new'`: no overlay of it was mounted yet, and what is in it may be half made. That of a run says so up to its
   * end, and it shows in the workdirs.
   */
  readonly state: 'new' | 'ready';
  /** Not to be kept, unless somebody says so at its end. */
  readonly ephemeral: boolean;
  readonly created: Date;
  /** The marks are in `user.*` attributes: made by an ordinary user. */
  readonly userxattr: boolean;
  /** Its programs had the user's subordinate ids, so that files of these may be in it. */
  readonly subordinateIds: boolean;
  /** Their upper and work directories are `<number>/upper` and `<number>/work`. */
  readonly overlays: readonly RecordedOverlay[];
  /** The session this one is stacked on. */
  readonly base: string | undefined;
  /** How the program that was run last has ended. */
  readonly last: RecordedEnd | undefined;
}

/** A text, or its bytes in Base64 where it is not UTF-8. */
type PathText = string | { readonly base64: string };

function textOf(path: Buffer): PathText {
  return isUtf8(path) ? path.toString() : { base64: path.toString('base64') };
}

export function formatRecord(record: SessionRecord): string {
  const { overlays, created, ...rest } = record;
  const value = {
    format: recordFormat,
    ...rest,
    created: created.toISOString(),
    overlays: overlays.map(({ target, lower, identities }) => ({
      target: textOf(target),
      lower: lower.map(textOf),
      identities,
    })),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Thrown with the reason, as the end of a sentence. */
export class NoRecord extends Error {
  override readonly name = 'NoRecord';
  /** It is one, of a newer version. */
  readonly newer: boolean;

  constructor(message: string, newer = false) {
    super(message);
    this.newer = newer;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NoRecord(`${what} is no object`);
  }
  return value as Fields;
}

function pathOf(value: unknown, what: string): Buffer {
  const bytes =
    typeof value === 'string'
      ? Buffer.from(value)
      : Buffer.from(String(fields(value, what).base64), 'base64');
  if (bytes[0] !== 0x2f || bytes.includes(0)) {
    throw new NoRecord(`${what} is no absolute path`);
  }
  return bytes;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new NoRecord(`${what} is no list, or empty`);
  }
  return value;
}

function identityOf(value: unknown, what: string): RecordedIdentity {
  const given = fields(value, what);
  const known = ['type', 'filesystem', 'inode', 'born', 'boot'].filter((key) => key in given);
  if (known[0] !== 'type' || known.some((key) => typeof given[key] !== 'string')) {
    throw new NoRecord(`${what} has another form`);
  }
  return Object.fromEntries(known.map((key) => [key, given[key]])) as unknown as RecordedIdentity;
}

function overlayOf(value: unknown, what: string): RecordedOverlay {
  const { target, lower, identities } = fields(value, what);
  const overlay = {
    target: pathOf(target, `${what}.target`),
    lower: list(lower, `${what}.lower`).map((layer, i) => pathOf(layer, `${what}.lower[${i}]`)),
  };
  if (identities === undefined) {
    return overlay;
  }
  const known = list(identities, `${what}.identities`);
  if (known.length !== overlay.lower.length) {
    throw new NoRecord(`${what}.identities are not those of ${what}.lower`);
  }
  return {
    ...overlay,
    identities: known.map((each, i) => identityOf(each, `${what}.identities[${i}]`)),
  };
}

function dateOf(value: unknown, what: string): Date {
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(date.getTime())) {
    throw new NoRecord(`${what} is no time`);
  }
  return date;
}

function booleanOf(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') {
    throw new NoRecord(`${what} is neither true nor false`);
  }
  return value;
}

function endOf(value: unknown): RecordedEnd | undefined {
  if (value === undefined) {
    return undefined;
  }
  const { code, signal } = fields(value, 'last');
  const plain =
    (code === null || Number.isInteger(code)) && (signal === null || typeof signal === 'string');
  if (!plain) {
    throw new NoRecord('last has another form');
  }
  return { code: code as number | null, signal };
}

/** @throws NoRecord for anything that this version has not written. */
export function parseRecord(text: string): SessionRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NoRecord('session.json is no JSON');
  }
  const given = fields(value, 'session.json');
  if (given.format !== recordFormat) {
    const newer = typeof given.format === 'number' && given.format > recordFormat;
    throw new NoRecord(
      newer
        ? `session.json has format ${given.format}, and this version knows ${recordFormat}`
        : 'session.json has no format that is known',
      newer,
    );
  }
  const { name, state, base } = given;
  if (typeof name !== 'string' || (state !== 'new' && state !== 'ready')) {
    throw new NoRecord('session.json has no name, or no state');
  }
  if (base !== undefined && typeof base !== 'string') {
    throw new NoRecord('base is no name');
  }
  return {
    name,
    state,
    ephemeral: booleanOf(given.ephemeral, 'ephemeral'),
    created: dateOf(given.created, 'created'),
    userxattr: booleanOf(given.userxattr, 'userxattr'),
    // Versions that did not know of them have not written it.
    subordinateIds:
      given.subordinateIds !== undefined && booleanOf(given.subordinateIds, 'subordinateIds'),
    overlays: list(given.overlays, 'overlays').map((item, i) => overlayOf(item, `overlays[${i}]`)),
    base,
    last: endOf(given.last),
  };
}
