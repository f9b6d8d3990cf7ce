/** What programs in a sandbox are kept from, in the order in which it is done to their view. */
import { readlinkSync, realpathSync } from 'node:fs';
import { OverlayError } from './errors.ts';
import type { IsolationPlan } from './sandbox-options.ts';
import { depthOf, isBelow } from './sandbox-places.ts';
import { contradiction, fileFailure } from './session-errors.ts';
import type { RecordedOverlay } from './session-record.ts';
import { isWithin } from './session-roots.ts';
import { viewSteps } from './view-steps.ts';

/** As of view-steps.ts. */
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

/** In the order in which those at one path are done. */
const kinds = ['pidNamespace', 'readOnly', 'hide', 'emptyTmp'] as const;

type Option = (typeof kinds)[number];

interface Place extends Found {
  readonly option: Option;
}

/** Paths as text of one character a byte: they are compared, not shown. */
const shown = (path: string): string => Buffer.from(path, 'latin1').toString();

const real = (path: string): string =>
  realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'buffer' }).toString('latin1');

/** What a symbolic link says; undefined where there is something else. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(Buffer.from(path, 'latin1'), { encoding: 'buffer' }).toString('latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') {
      return undefined;
    }
    real(path); // which says as much of the whole of it
    throw error;
  }
}

interface Found {
  readonly at: string;
  /** Directories in overlays that `..` has led out of: to be no links, or it leads elsewhere. */
  readonly left: readonly string[];
}

const maximalLinks = 40; // as the kernel has it

/**
 * Links are resolved up to the overlay that a path leads into. What lies in there is not to be seen from here,
 * so from there on it is taken by its names, and no link may be among these in the view.
 */
function find(path: string, targets: readonly string[]): Found {
  const names = path.split('/');
  const left: string[] = [];
  let at = '';
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const inside = targets.some((target) => isWithin(at || '/', target));
    const next = `${at}/${name}`;
    if (name === '' || name === '.') {
      continue;
    }
    if (name === '..') {
      if (inside) {
        left.push(at || '/');
      } else {
        linkAt(`${at}/.`); // no file
      }
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
      continue;
    }
    const link = inside ? undefined : linkAt(next);
    if (link === undefined) {
      at = next;
    } else if (++links > maximalLinks) {
      return { at: real(path), left };
    } else {
      names.unshift(...link.split('/'));
      at = link.startsWith('/') ? '' : at;
    }
  }
  return { at: at || '/', left };
}

function isOwn({ target, lower }: RecordedOverlay): boolean {
  return lower.length === 1 && lower[0]?.equals(target) === true;
}

function checkNoLink(option: Option, path: string): void {
  const leadsTo = real(path);
  if (leadsTo !== path) {
    throw contradiction(
      option,
      shown(path),
      `a symbolic link is on the way, in an overlay, where it may become another one; name '${shown(leadsTo)}'`,
    );
  }
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

const step = (at: string, mount: number): ViewStep => ({ at: Buffer.from(at, 'latin1'), mount });

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
  return [...made].map((path) => step(path, viewSteps.directory));
}

/** @param sealed What is read-only. */
function stepsOf(
  { option, at }: Place,
  overlays: readonly string[],
  sealed: readonly string[],
): ViewStep[] {
  const room = roomFor(
    overlays.filter((target) => isBelow(target, at)),
    at,
  );
  switch (option) {
    case 'pidNamespace':
      // It is mounted after what lies around it was made read-only.
      return sealed.some((other) => isBelow(at, other))
        ? [step(at, viewSteps.proc), step(at, viewSteps.readOnly)]
        : [step(at, viewSteps.proc)];
    case 'readOnly':
      return [step(at, viewSteps.readOnly)];
    case 'emptyTmp':
      return [step(at, viewSteps.empty), ...room];
    default:
      return room.length === 0
        ? [step(at, viewSteps.hidden)]
        : [step(at, viewSteps.hollow), ...room, step(at, viewSteps.readOnly)];
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
  // Of an overlay that is not yet written to, and covers what is here, it is known what it will show.
  const isSeen = (path: string): boolean => !elsewhere.some((target) => isWithin(path, target));
  const inside = ({ at }: Pick<Place, 'at'>): boolean =>
    outermost.some((target) => isWithin(at, target));
  const lookedFor = (option: Option, path: string, what: string): Place => {
    try {
      const place = { option, ...find(path, outermost) };
      for (const each of [...place.left, place.at].filter(isSeen)) {
        checkNoLink(option, each);
      }
      return place;
    } catch (error) {
      throw error instanceof OverlayError
        ? error
        : fileFailure(error, `${what}; leave it out, or name what is there`);
    }
  };
  const found = (option: Option, paths: readonly Buffer[], what: string): Place[] =>
    paths.map((path) => lookedFor(option, text(path), what));
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
  const sealed = places.filter(({ option }) => option === 'readOnly').map(({ at }) => at);
  const inOrder = (list: readonly Place[], shownIn: readonly string[]): ViewStep[] =>
    visible(list)
      .sort(
        (a, b) =>
          depthOf(a.at) - depthOf(b.at) || kinds.indexOf(a.option) - kinds.indexOf(b.option),
      )
      .flatMap((place) => stepsOf(place, shownIn, sealed));
  // All of them: also those that are hidden with what they lie in, and before anything covers them.
  const named = new Set([
    ...places.flatMap(({ left }) => left.map((path) => `${path === '/' ? '' : path}/.`)),
    ...places.filter(inside).map(({ at }) => at),
  ]);
  return {
    network: plan.network,
    before: inOrder(
      places.filter((place) => !inside(place)),
      outermost,
    ),
    after: [
      ...[...named].map((path) => step(path, viewSteps.named)),
      ...inOrder(places.filter(inside), []),
    ],
  };
}
