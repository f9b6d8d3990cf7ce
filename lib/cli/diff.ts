import type { ChangesSource } from '../change-source.ts';
import type { ChangesOptions } from '../changes.ts';
import { changes } from '../changes.ts';
import type { Change } from '../entries.ts';
import type { DirectoryTotals } from '../summarize.ts';
import { summaryOf } from '../summarize.ts';
import { changePrinter } from './change-text.ts';
import type { Paint } from './colour.ts';
import { paintFor } from './colour.ts';
import { currentOverlay } from './current-overlay.ts';
import type { Shown, ShownWords } from './diff-options.ts';
import { changesOptions, shownOf, shownOptions } from './diff-options.ts';
import { ignorePatterns, patterns } from './diff-patterns.ts';
import { namedSource, sessionSource, sourceOptions } from './diff-source.ts';
import type { View } from './diff-views.ts';
import {
  capped,
  listView,
  statView,
  totalsPrinter,
  treeView,
  withoutRemoved,
} from './diff-views.ts';
import { exitCodes } from './exit-codes.ts';
import { handedOver } from './handing-over.ts';
import { listOptions, optionalArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import type { PatchForm } from './patch-view.ts';
import { Progress } from './progress.ts';
import { reportRules, rulesOf } from './rule-options.ts';
import { ruleOptions } from './rule-words.ts';
import { sessionsOption } from './session-words.ts';
import type { Word } from './words.ts';

const options = {
  ...listOptions,
  ...sourceOptions,
  dir: { type: 'string' },
  of: { type: 'string' },
  ...shownOptions,
  ...ruleOptions,
} as const;

function viewOf(shown: Shown, words: ShownWords, paint: Paint, expanded: boolean): View {
  const { form, expand, depth, maxAdditions } = shown;
  const json = words.json ?? false;
  if (form === 'stat') {
    return statView(depth, json, paint);
  }
  const [ended, nameStatus] = [words.null ?? false, words['name-status'] ?? false];
  const list = (): View => listView(changePrinter({ json, ended, nameStatus, paint }));
  const whole = form === 'tree' ? treeView(expand, paint) : list();
  const view =
    maxAdditions === undefined ? whole : capped(whole, maxAdditions, form === 'tree' && !expand);
  return form === 'list' && expanded && !expand ? withoutRemoved(view) : view;
}

async function showList(
  list: AsyncIterable<Change>,
  view: View,
  output: Output,
  seen: (change: Change) => void,
  toTheEnd: boolean,
): Promise<void> {
  let read = true;
  for await (const change of list) {
    seen(change);
    const text = view.add(change);
    if (read && text.length > 0) {
      read = await output.write(text);
    }
    if (!read && !toTheEnd) {
      return;
    }
  }
  await output.write(view.end());
}

/** Where nobody asks for the changes themselves. */
async function showTotals(
  totals: AsyncIterable<DirectoryTotals>,
  print: (list: readonly DirectoryTotals[]) => string,
  output: Output,
): Promise<void> {
  for await (const each of totals) {
    if (!(await output.write(print([each])))) {
      return;
    }
  }
}

async function showPatch(
  source: ChangesSource,
  given: ChangesOptions,
  { maxPatchSize }: Shown,
  form: PatchForm,
  output: Output,
  seen: (change: Change) => void,
  toTheEnd: boolean,
): Promise<void> {
  const { patchOf } = await import('../patch.ts');
  const { complainOfSize, patchText } = await import('./patch-view.ts');
  let read = true;
  for await (const part of patchOf(source, { ...given, maxSize: maxPatchSize }, seen)) {
    complainOfSize(part, maxPatchSize);
    read = read && (await output.write(patchText(part, form)));
    if (!read && !toTheEnd) {
      return;
    }
  }
}

export async function diff(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, options);
  const target = optionalArgument(positionals, 'TARGET');
  const shown = shownOf(values);
  const chosen = changesOptions(values);
  const named = namedSource(target, values);
  const session = await sessionSource(target, values);
  const elsewhere = session && (await handedOver(session.session, sessionsOption(values.dir)));
  if (elsewhere !== undefined) {
    return elsewhere;
  }
  const source = session?.source ?? named ?? (await currentOverlay());
  const root = session?.target ?? (Buffer.isBuffer(source) ? source : undefined);
  const rules = rulesOf(values, root);
  const given: ChangesOptions = {
    ...chosen,
    include: patterns('--include', values.include, root),
    exclude: patterns('--exclude', values.exclude, root),
    ignorePatterns: ignorePatterns(values['ignore-file'], values['ignore-pattern']),
  };
  const checker = rules && new (await import('../rules.ts')).RuleChecker(rules);
  const paint = paintFor(shown.colour, process.stdout, process.env);
  let count = 0;
  const seen = (change: Change): void => {
    count++;
    checker?.add(change);
  };
  const progress = new Progress((seconds) => `overlayfs: ${count} changes found, ${seconds} s`);
  output.beforeWriting(() => progress.clear());
  try {
    if (shown.form === 'patch') {
      const form = { terminal: process.stdout.isTTY === true, paint };
      await showPatch(source, given, shown, form, output, seen, checker !== undefined);
    } else if (shown.form === 'stat' && checker === undefined) {
      const totals = summaryOf(source, { ...given, depth: shown.depth }, (changes) => {
        count = changes;
      });
      await showTotals(totals, totalsPrinter(values.json ?? false, paint), output);
    } else {
      const counted = checker !== undefined || shown.form !== 'list';
      const expand = counted || shown.expand;
      const view = viewOf(shown, values, paint, expand);
      const list = changes(source, { ...given, expand, stat: counted });
      await showList(list, view, output, seen, checker !== undefined);
    }
  } finally {
    progress.end();
  }
  const failures = checker?.failures() ?? [];
  if (failures.length > 0) {
    await output.flush(); // what they are about comes first
    reportRules(failures);
    return exitCodes.ruleFailed;
  }
  return count > 0 && values['exit-code'] ? exitCodes.differences : exitCodes.done;
}
