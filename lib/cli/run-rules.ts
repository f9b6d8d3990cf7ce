/** The rules of `run`: what the program may have changed. */

import { workingDirectory } from '../arguments.ts';
import type { Rules } from '../rules.ts';
import { RuleChecker } from '../rules.ts';
import type { Sandbox } from '../sandbox.ts';
import type { SandboxOptions } from '../sandbox-options.ts';
import { complain } from './messages.ts';
import { reportRules, rulesOf } from './rule-options.ts';
import type { RuleWords } from './rule-words.ts';

/** The directory that absolute patterns are below: where there is one, and it is known by now. */
function targetOf({ lower, overlays, session, base }: SandboxOptions): Buffer | undefined {
  const named = [
    ...(Array.isArray(lower) ? lower : []),
    ...(overlays ?? []).map(({ target }) => target),
  ];
  const [first] = named;
  if (named.length === 0 && session === undefined && base === undefined) {
    return workingDirectory();
  }
  return named.length === 1 && Buffer.isBuffer(first) ? first : undefined;
}

/** @throws UsageError for what is no rule. */
export function runRules(words: RuleWords, sandbox: SandboxOptions): Rules {
  const rules = rulesOf(words, targetOf(sandbox)) ?? {};
  new RuleChecker(rules); // nothing is run for rules that are none
  return rules;
}

/**
 * Each directory is judged by itself.
 *
 * @returns whether all of it keeps to the rules; what does not is told.
 */
export async function keepsTo(rules: Rules, { overlays }: Sandbox): Promise<boolean> {
  let kept = true;
  for (const overlay of overlays) {
    const checker = new RuleChecker(rules);
    for await (const change of overlay.changes({ stat: true, expand: true })) {
      checker.add(change);
    }
    const failures = checker.failures();
    if (failures.length > 0) {
      kept = false;
      if (overlays.length > 1) {
        complain(`of ${overlay.target}:`);
      }
      reportRules(failures);
    }
  }
  return kept;
}
