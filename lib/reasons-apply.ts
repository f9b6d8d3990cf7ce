/** What keeps changes from being applied, as sentences: a part of reasons.ts. */
import type { Where } from './reasons.ts';

export const applyReasons: Readonly<Record<string, (where: Where) => string>> = {
  // Before anything is done
  'destination-missing': () => 'the directory to apply to does not exist; create it first',
  'destination-not-directory': () => 'changes are applied to a directory',
  'destination-is-overlay': () =>
    'an overlay is mounted there, and what lies below it cannot be reached by this path; unmount it, ' +
    'or name another directory',
  'destination-read-only': () => 'it is on a read-only mount or filesystem',
  'destination-in-use': ({ detail }) =>
    `it is a layer of the overlay mounted on ${detail}, or lies in its upper, and a mount is promised ` +
    'nothing when its layers change; unmount that first',
  'destination-in-layer': () =>
    'it lies in one of the layers that are being read; name a directory outside of them, or the lower itself',
  'several-lowers': () =>
    'there are several lowers, and none of them alone is what the changes were made from; name the ' +
    'directory to apply to (`to`, `--to`)',
  'upper-mounted': ({ path, detail }) =>
    `the upper ${path} is in use${detail === '' ? '' : `: ${detail}`}; what is read from it now could be half ` +
    'written. Unmount the overlay first, or name it as the source and another directory to apply to',
  'apply-running': ({ path, detail }) =>
    `another apply is at work on this directory (${detail === '' ? 'of a process that cannot be seen from here, or has just ended' : `process ${detail}`}, with ${path})`,
  'apply-pending': ({ detail }) =>
    `another apply on this directory, of ${detail}, was interrupted; finish it with \`resumeApply\` ` +
    '(`overlayfs apply --resume`) or undo it with `abortApply` (`--abort`)',
  'stage-foreign': ({ path }) =>
    `${path} is where an apply keeps its files, and it is not ours: it has another owner, lets others in, or ` +
    'is no directory; move it away',
  'stage-not-empty': ({ path }) =>
    `the apply itself is done with, but somebody has put something of his own into ${path}, where it kept its files; ` +
    'move that out, and do the same again or remove the directory',
  'journal-damaged': () =>
    'the journal of an interrupted apply is damaged; what was replaced is in the directory "slots" beside it, ' +
    'by number, and has to be put back by hand',
  'journal-version': () =>
    'the journal of an interrupted apply was written by another version; finish or undo it with that one',
  'journal-foreign': ({ detail }) =>
    `the journal belongs to an apply on ${detail}: it was copied here together with its directory; remove it`,
  'nothing-pending': () => 'no apply on this directory was interrupted',
  'nothing-begun': () =>
    'the apply was interrupted before its first change, so there is nothing to finish; apply again, or ' +
    'remove what it left with `abortApply` (`--abort`)',
  'apply-done': () =>
    'all of its changes are in place, and what they replaced is being removed already; only `resumeApply` ' +
    '(`--resume`) is left, which ends that',
  'apply-ended': () =>
    'an apply on this directory had put everything in place and was killed at its very end, which has been ' +
    'cleaned up now; look whether it was this one, and apply again if it was not',
  'undo-incomplete': ({ detail }) =>
    `not everything could be undone, since somebody else has changed the same names meanwhile: those that are ` +
    `reported. What was there before is still in ${detail}; move what is there now away and abort again`,
  'destination-not-writable': () =>
    'neither the directory nor the one above it may be written to, and an apply keeps its own files in one of ' +
    'them; do it as somebody who may, or apply to a copy (`to`, `--to`)',
  'stage-full': () =>
    'there is no room, or a quota is used up, for what is to be put in place; nothing was changed, so make room and ' +
    'apply again, or apply a part (`include`)',
  'no-space': ({ detail }) => `there is not enough space: ${detail}`,

  // One change
  'changed-meanwhile': () => 'somebody has changed it while the changes were being applied',
  'directory-gone': () => 'the directory that it was in is not there any more',
  changed: () => 'it is not what the change was made from: somebody has changed it meanwhile',
  'changed-below': () => 'somebody has changed something in it meanwhile',
  'more-below': () => 'it has more in it than what the change was made from',
  exists: () => 'something of this name is there, which was not when the change was made',
  gone: () => 'somebody has removed or renamed it meanwhile',
  'maybe-gone': () =>
    'it comes from a file of the lower, and names have come or gone here meanwhile: whether it had this name, and ' +
    'somebody has removed that, cannot be told',
  'parent-not-selected': () =>
    'the directory that it is in is something else in the destination, and replacing that was not selected',
  'name-reserved': () => 'an apply keeps its own files under this name while it is at work',
  'mount-below': () => 'another mount lies in this directory; unmount it first',
  'layer-in-use': () =>
    'it is, lies in, or holds a layer of an overlay that is mounted; unmount that first',
  immutable: () =>
    'it, or its directory, is immutable or append-only; `chattr -ia` takes that away',
  sticky: () => 'the directory has the sticky bit, and it belongs to another user',
  'directory-not-writable': () => 'the directory belongs to another user and may not be written to',
  'directory-cannot-move': () =>
    'the filesystem cannot move this directory as a whole: on an overlay it comes from a lower, or it has ' +
    'another project quota',
  'part-excluded': () => 'a part of it is excluded, so it cannot go as a whole',
  'owner-not-permitted': ({ detail }) =>
    `it belongs to ${detail}, and giving a file to another user or group needs CAP_CHOWN; apply as root, or ` +
    'leave it out with `exclude`; `overlayfs apply NAME` can give it to subordinate ids of the user',
  'owner-unmapped': ({ detail }) =>
    `it belongs to ${detail}, which this user namespace has no ids for; apply as the root of the system, or leave ` +
    'it out with `exclude`',
  'owner-not-given': ({ detail }) =>
    `it belongs to ${detail}, and giving a file to another user or group needs CAP_CHOWN, and ids that this user ` +
    'namespace has: as root it can be done, and an apply can leave it out with `exclude`',
  'device-not-permitted': () =>
    'making a device needs CAP_MKNOD in the initial user namespace; apply as root, or leave it out with `exclude`',
  'xattr-not-permitted': ({ dest }) => `setting the attribute ${dest} needs a privilege`,
  'xattr-unsupported': ({ dest }) => `the filesystem cannot store the attribute ${dest}`,
  'not-owner': () => 'only its owner may change its attributes',
  'mode-not-taken': () =>
    'the kernel leaves out the set-group-id bit where the user is not in the group of the file',
};
