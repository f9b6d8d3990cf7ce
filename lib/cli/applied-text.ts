/** The forms in which the outcome of a change is printed. */
import type { ApplyResult } from '../apply.ts';
import type { ApplyProgress } from '../apply-options.ts';
import type { OverlayError } from '../errors.ts';
import type { AppliedChange, ApplyOutcome } from '../packed-apply.ts';
import { joined } from '../path-bytes.ts';
import { changeLine, changeObject } from './change-text.ts';
import type { Paint } from './colour.ts';
import { escapeBytes } from './escape.ts';
import { base64Of } from './json.ts';
import { complain } from './messages.ts';

const marks: Readonly<Record<ApplyOutcome, string>> = {
  applied: '',
  already: '  (already so)',
  conflict: '  (conflict)',
  kept: '  (kept as it is)',
  failed: '  (failed)',
};

/** For people. */
export function appliedLine(change: AppliedChange, paint: Paint): string {
  const needed = change.implied ? '  (needed)' : '';
  return changeLine(change, paint).replace(/\n$/, `${marks[change.outcome]}${needed}\n`);
}

/** One of the directories that a session covers. */
export interface AppliedOn {
  readonly target: Buffer;
  /** Changes of no other one are printed. */
  readonly alone: boolean;
}

function object(change: AppliedChange, on: AppliedOn | undefined): string {
  const { outcome, implied, error } = change;
  const failure =
    error === undefined
      ? undefined
      : { code: error.code, syscall: error.syscall, message: error.message, hint: error.hint };
  const target = on?.target.toString();
  const targetBase64 = base64Of(on?.target);
  return changeObject(change, { outcome, implied, error: failure, target, targetBase64 });
}

export interface AppliedForm {
  readonly json: boolean;
  /** Bare paths of what was applied, ended by NUL; absolute where one alone does not say where it lies. */
  readonly ended: boolean;
  readonly paint: Paint;
}

export type AppliedPrinter = (change: AppliedChange, on: AppliedOn | undefined) => string | Buffer;

function ended({ outcome, path, pathBytes }: AppliedChange, on: AppliedOn | undefined): Buffer {
  const bare = pathBytes ?? Buffer.from(path);
  const whole = on === undefined || on.alone ? bare : joined(on.target, bare);
  return outcome === 'applied' ? Buffer.concat([whole, Buffer.of(0)]) : Buffer.alloc(0);
}

/** Each directory before its changes, where there are several. */
function linePrinter(paint: Paint): AppliedPrinter {
  let last: AppliedOn | undefined;
  return (change, on) => {
    const heading =
      on === undefined || on.alone || on === last ? '' : `${escapeBytes(on.target)}:\n`;
    last = on;
    return `${heading}${appliedLine(change, paint)}`;
  };
}

export function appliedPrinter(form: AppliedForm): AppliedPrinter {
  return form.ended ? ended : form.json ? object : linePrinter(form.paint);
}

/** Before there is anything to be counted. */
export const preparing = 'preparing what is to be applied';

/** How far it has come, for people who wait. */
export function progressText({ phase, prepared, applied }: ApplyProgress): string {
  const counts = `${prepared} changes prepared, ${applied} in place`;
  const ends: Partial<Record<ApplyProgress['phase'], string>> = {
    undo: ', undoing',
    clean: ', cleaning up',
  };
  return `${counts}${ends[phase] ?? ''}`;
}

/** Why changes were left alone. Of a conflict there is no system call to speak of. */
export function complainOf({ conflicts, failed }: ApplyResult): void {
  for (const { error } of conflicts) {
    if (error !== undefined) {
      complain(`conflict: '${error.path}': ${error.hint}`);
    }
  }
  for (const { error } of failed) {
    if (error !== undefined) {
      complain(error.message);
    }
  }
}

/** Of a session that is still there though all of it was applied. */
export function complainOfRest({ message }: OverlayError): void {
  complain(`all of it was applied, but the session could not be removed: ${message}`);
}
