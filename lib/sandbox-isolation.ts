/** What programs in a sandbox are kept from, in the order in which it is done to their view. */
import { realpathSync } from 'node:fs';
import type { IsolationPlan } from './sandbox-options.ts';
import { contradiction, fileFailure } from './session-errors.ts';
import type { RecordedOverlay } from './session-record.ts';
import { isWithin } from './session-roots.ts';

/** A step as the addon knows it: see native/core/view_mounts.h. */
export interface ViewStep {
  readonly at: Buffer;
  readonly mount: number;
}

export interface Isolation {
  readonly network: boolean;
  /** Before the overlays are attached: these lie on it. */
  readonly before: readonly ViewStep[];
  /** Afterwards: it lies on these. */
  readonly after: readonly ViewStep[];
}

const steps = { empty: -2, directory: -3, hidden: -4, hollow: -5, readOnly: -6, proc: -7 } as const;

/** In the order in which those at one path are done. */
const kinds = ['pidNamespace', 'readOnly', 'hide', 'emptyTmp'] as const;

interface Place {
  readonly option: (typeof kinds)[number];
  readonly at: string;
}

/** Paths as text of one character a byte: they are compared, not shown. */
const shown = (path: string): string => Buffer.from(path, 'latin1').toString();

const depth = (path: string): number => (path === '/' ? 0 : path.split('/').length);

const isBelow = (path: string, directory: string): boolean =>
  path !== directory && isWithin(path, directory);

/** As long as nothing is there to be resolved: where it would be. */
function resolved(path: string): { at: string; error?: unknown } {
  try {
    const real = realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'buffer' });
    return { at: real.toString('latin1') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const end = path.lastIndexOf('/');
    const name = path.slice(end + 1);
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || ['', '.', '..'].includes(name)) {
      throw error;
    }
    const { at } = resolved(path.slice(0, end) || '/');
    return { at: `${at === '/' ? '' : at}/${name}`, error };
  }
}

/** A session may hold what is not to be seen from here, and so may a directory that is stacked. */
function find(path: string, what: string, elsewhere: readonly string[]): string {
  const failing = `${what}; leave it out, or name what is there`;
  try {
    const { at, error } = resolved(path.replace(/(?<=.)\/+$/, ''));
    if (error !== undefined && !elsewhere.some((target) => isWithin(at, target))) {
      throw error;
    }
    return at;
  } catch (error) {
    throw fileFailure(error, failing);
  }
}

function isOwn({ target, lower }: RecordedOverlay): boolean {
  return lower.length === 1 && lower[0]?.equals(target) === true;
}

/** What is covered by an empty directory. */
const covers = ({ option }: Place): boolean => option === 'hide' || option === 'emptyTmp';

function checkOverlays(place: Place, outermost: readonly string[]): void {
  const { option, at } = place;
  if (covers(place) && at === '/') {
    throw contradiction(option, '/', 'no program would be left to run; name what lies below');
  }
  if (covers(place) && outermost.includes(at)) {
    throw contradiction(
      option,
      shown(at),
      'there is an overlay, of which nothing would be seen; name what lies in it or beside it',
    );
  }
}

/** Whether `other` leaves nothing of a place. */
function leavesNothing(other: Place, { option, at }: Place): boolean {
  const instead = option !== other.option && at === other.at;
  return covers(other) && option !== 'pidNamespace' && (instead || isBelow(at, other.at));
}

/** Without what was said twice, and what lies in something hidden is hidden already. */
function visible(places: readonly Place[]): Place[] {
  return places.filter((place, i) => {
    const { option, at } = place;
    if (places.findIndex((other) => other.option === option && other.at === at) !== i) {
      return false;
    }
    const over = places.find((other) => leavesNothing(other, place));
    if (over === undefined) {
      return true;
    }
    if (option === 'hide' && at !== over.at) {
      return false;
    }
    throw contradiction(
      option,
      shown(at),
      `\`${over.option}\` leaves nothing of it (${shown(over.at)}); leave one of the two out`,
    );
  });
}

/** A directory for each overlay that lies in an empty one, and for those on the way. */
function roomFor(targets: readonly string[], at: string): ViewStep[] {
  const made = new Set<string>();
  for (const target of targets) {
    let end = at.length;
    do {
      end = target.indexOf('/', end + 1);
      made.add(end < 0 ? target : target.slice(0, end));
    } while (end >= 0);
  }
  return [...made].map((path) => ({ at: Buffer.from(path, 'latin1'), mount: steps.directory }));
}

function stepsOf({ option, at }: Place, overlays: readonly string[]): ViewStep[] {
  const step = (mount: number): ViewStep => ({ at: Buffer.from(at, 'latin1'), mount });
  const room = roomFor(
    overlays.filter((target) => isBelow(target, at)),
    at,
  );
  switch (option) {
    case 'pidNamespace':
      return [step(steps.proc)];
    case 'readOnly':
      return [step(steps.readOnly)];
    case 'emptyTmp':
      return [step(steps.empty), ...room];
    default:
      return room.length === 0
        ? [step(steps.hidden)]
        : [step(steps.hollow), ...room, step(steps.readOnly)];
  }
}

/**
 * What lies outside of all overlays is done first, so that an overlay in there is seen as it was asked for;
 * what lies inside of one is done last, and then to all that is below.
 *
 * @param overlays All that there are, with links resolved.
 * @param fresh Their uppers are empty.
 * @throws OverlayError `EINVAL` where an option leaves nothing of what another one asks for, and what
 * realpath(3) says of a path that is not there.
 */
export function isolationOf(
  plan: IsolationPlan,
  overlays: readonly RecordedOverlay[],
  fresh: boolean,
): Isolation {
  const text = (path: Buffer): string => path.toString('latin1');
  const targets = overlays.map(({ target }) => text(target));
  const outermost = targets.filter((at) => !targets.some((other) => isBelow(at, other)));
  const elsewhere = overlays
    .filter((overlay) => !(fresh && isOwn(overlay)))
    .map(({ target }) => text(target));
  const found = (option: Place['option'], paths: readonly Buffer[], what: string): Place[] =>
    paths.map((path) => ({ option, at: find(text(path), what, elsewhere) }));
  const only = (wanted: boolean, path: string): Buffer[] => (wanted ? [Buffer.from(path)] : []);
  const places = [
    ...found('pidNamespace', only(plan.pidNamespace, '/proc'), 'a PID namespace needs a /proc'),
    ...found('readOnly', plan.readOnly, 'it is to be read-only'),
    ...found('hide', plan.hide, 'it is to be hidden'),
    ...found('emptyTmp', only(plan.emptyTmp, '/tmp'), 'there is no /tmp to be empty'),
  ];
  for (const place of places) {
    checkOverlays(place, outermost);
  }
  const inside = ({ at }: Place): boolean => outermost.some((target) => isWithin(at, target));
  const inOrder = (list: readonly Place[], shownIn: readonly string[]): ViewStep[] =>
    visible(list)
      .sort(
        (a, b) => depth(a.at) - depth(b.at) || kinds.indexOf(a.option) - kinds.indexOf(b.option),
      )
      .flatMap((place) => stepsOf(place, shownIn));
  return {
    network: plan.network,
    before: inOrder(
      places.filter((place) => !inside(place)),
      outermost,
    ),
    after: inOrder(places.filter(inside), []),
  };
}
