/** The forms in which the outcome of a change is printed. */
import type { ApplyResult } from '../apply.ts';
import type { ApplyProgress } from '../apply-options.ts';
import type { AppliedChange, ApplyOutcome } from '../packed-apply.ts';
import { changeLine, changeObject } from './change-text.ts';
import type { Paint } from './colour.ts';
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

function object(change: AppliedChange): string {
  const { outcome, implied, error } = change;
  const failure =
    error === undefined
      ? undefined
      : { code: error.code, syscall: error.syscall, message: error.message, hint: error.hint };
  return changeObject(change, { outcome, implied, error: failure });
}

export interface AppliedForm {
  readonly json: boolean;
  /** Bare paths of what was applied, ended by NUL. */
  readonly ended: boolean;
  readonly paint: Paint;
}

export function appliedPrinter(form: AppliedForm): (change: AppliedChange) => string | Buffer {
  if (form.ended) {
    return ({ outcome, path, pathBytes }) =>
      outcome === 'applied'
        ? Buffer.concat([pathBytes ?? Buffer.from(path), Buffer.of(0)])
        : Buffer.alloc(0);
  }
  return form.json ? object : (change) => appliedLine(change, form.paint);
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
