/** What differs between two trees, as the lab says it: the answer that the library is held against. */
import type { LabPath } from './lab-process.ts';
import { splitNul } from './lab-process.ts';

export type LabType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character-device'
  | 'block-device';

export type OracleAspect =
  | 'type'
  | 'content'
  | 'mode'
  | 'owner'
  | 'xattrs'
  | 'times'
  | 'device'
  | 'target'
  | 'links';

export interface OracleChange {
  readonly kind: 'added' | 'modified' | 'deleted';
  /** Relative to the root, which is `.`. */
  readonly path: Buffer;
  /** What was there, when it was deleted; what is there otherwise. */
  readonly type: LabType;
  readonly previousType?: LabType;
  readonly aspects: readonly OracleAspect[];
}

export interface CompareOptions {
  /** Whose xattrs are overlay's own in a plain directory. */
  readonly own: 'trusted' | 'user';
  /** The upper directory; without it the `links` aspect is never reported. */
  readonly upper?: LabPath;
  /** The mount keeps hard link groups together (`index=on`). */
  readonly indexed?: boolean;
  /** List every entry of a deleted tree. */
  readonly expand?: boolean;
  readonly ignoreRootOwner?: boolean;
  readonly ignoreRootMode?: boolean;
  /** `before` is a copy of the view before to which the changes were applied; needs `upper`. */
  readonly applied?: boolean;
}

const kinds: Readonly<Record<string, OracleChange['kind']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
};

/** From a payload of the lab. */
export function parseChanges(payload: Buffer): OracleChange[] {
  const fields = splitNul(payload);
  const changes: OracleChange[] = [];
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [letter, type, previous, aspects, path] = fields.slice(i, i + 5) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const kind = kinds[letter.toString()];
    if (kind === undefined) throw new Error(`unknown kind ${letter}`);
    changes.push({
      kind,
      path,
      type: type.toString() as LabType,
      ...(previous.length > 0 && { previousType: previous.toString() as LabType }),
      aspects: aspects.length === 0 ? [] : (aspects.toString().split(',') as OracleAspect[]),
    });
  }
  return changes;
}
