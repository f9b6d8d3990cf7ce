/** The options of rules: of `diff`, and of `run` when the program has ended with 0. */
import type { Word } from './words.ts';

export const ruleOptions = {
  'fail-on': { type: 'string', multiple: true },
  'max-added': { type: 'string' },
  only: { type: 'string', multiple: true },
} as const;

export interface RuleWords {
  readonly 'fail-on'?: readonly Word[];
  readonly 'max-added'?: Word;
  readonly only?: readonly Word[];
}

export function hasRules(words: RuleWords): boolean {
  const { 'fail-on': fail, 'max-added': most, only } = words;
  return fail !== undefined || most !== undefined || only !== undefined;
}
