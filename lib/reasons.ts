import { diagnosisReasons } from './reasons-diagnosis.ts';

/**
 * What the native core found to be the cause of a failure, as a sentence with the way out. The core
 * knows causes by a word; the words are all here, and only here do they have a wording.
 */
export interface Where {
  /** The path the failure names, as text. */
  readonly path: string;
  /** Its second path. */
  readonly dest: string;
  /** What else there is to say, as text. */
  readonly detail: string;
}

const reasons: Readonly<Record<string, (where: Where) => string>> = {
  ...diagnosisReasons,

  // Before mounting
  'no-privilege': () =>
    'mounting needs CAP_SYS_ADMIN: run as root, or in a user and mount namespace of your own, for ' +
    'example under `unshare --user --map-root-user --mount`',
  'needs-userxattr': () =>
    'only CAP_SYS_ADMIN in the initial user namespace may write trusted.* attributes; leave ' +
    '`userxattr` out or set it to true',
  'lower-missing': () => 'this lower directory does not exist',
  'lower-not-directory': () => 'a lower layer has to be a directory',
  'upper-not-directory': () => 'the upper has to be a directory',
  'work-not-directory': () => 'the work directory has to be a directory',
  'target-missing': () => 'the mount point does not exist; create the directory first',
  'target-not-directory': () => 'the mount point has to be a directory',
  'upper-on-overlay': () =>
    'the upper lies on an overlay itself (as everything in most containers does), and the kernel ' +
    'does not stack that; put upper and work on a volume, a tmpfs or another real filesystem',
  'upper-read-only': () => 'the upper lies on a read-only filesystem; choose a writable one',
  'upper-no-xattr': () =>
    'the filesystem of the upper cannot store the extended attributes that mark what was deleted; ' +
    'use ext4, xfs, btrfs or tmpfs (for user.* attributes Linux 6.6 or newer)',
  'upper-is-mount': ({ path }) =>
    'the upper is a mount point, so no directory beside it lies on the same mount; use two ' +
    `directories inside it, ${path}/upper and ${path}/work`,
  'work-other-mount': () =>
    'the upper and the work directory lie on different mounts (two bind mounts of one filesystem ' +
    'are different as well); put both below one directory of one mount',
  'work-is-file': () =>
    'a file called "work" lies in the work directory, and the kernel would delete it; move it away ' +
    'or choose another work directory',

  // What the kernel refused
  'data-too-long': () =>
    'the options are longer than the 4095 bytes that mount(2) takes and would be cut; use fewer or ' +
    'shorter layer paths',
  'single-lower': () => 'a read-only overlay needs at least two lowers; add one, or an upper',
  'work-inside-upper': ({ path, dest }) =>
    `the work directory ${path} is or lies inside the upper ${dest}; put it beside the upper`,
  'upper-inside-work': ({ path, dest }) =>
    `the upper ${path} lies inside the work directory ${dest}; put them beside each other`,
  'stacked-too-deep': ({ path }) =>
    `the lower ${path} lies on an overlay that itself has an overlay below it, and the kernel stacks ` +
    'two; use a lower that is not on an overlay',
  'lower-on-proc': ({ path }) =>
    `the lower ${path} lies on procfs, which the kernel does not take as a layer`,
  'lowers-overlap': ({ path, dest }) =>
    `the lower ${path} is or lies inside the lower ${dest}; layers must be separate trees`,
  'lower-inside-upper': ({ path, dest }) =>
    `the lower ${path} is or lies inside the upper ${dest}; layers must be separate trees`,
  'lower-inside-work': ({ path, dest }) =>
    `the lower ${path} is or lies inside the work directory ${dest}; layers must be separate trees`,
  'no-overlay': () => 'this kernel has no overlayfs; load the module (`modprobe overlay`)',
  'mounted-read-only': ({ path }) =>
    'the kernel could mount the overlay read-only only, which was undone; it could not use the work ' +
    `directory ${path}: it must be writable and hold no directories of others in its "work"`,
  'left-mounted': ({ dest }) =>
    `the overlay was mounted on ${dest}, failed its check and could not be unmounted again: unmount it ` +
    'by hand',
  'covered-at-once': ({ path }) =>
    `another mount was laid over the new overlay on ${path} at once; both are still mounted`,
  'no-proc': () => 'without /proc it cannot be found out what is mounted where; mount it',
  'no-mount-id': () => 'the kernel does not tell mounts apart; Linux 5.8 or newer is needed',

  // Unmounting
  'not-mounted': () => 'nothing is mounted there',
  'not-overlay': () => 'what is mounted there is no overlay',
  covered: ({ path }) => `another mount lies over ${path}; unmount that one first`,

  // Reading layers
  'trusted-unreadable': () =>
    'without CAP_SYS_ADMIN in the initial user namespace the kernel hides trusted.overlay.* ' +
    "attributes, and a deleted directory would look like a merged one; run as root, or say `xattrs: 'user'` " +
    '(`--userxattr`) if the layer was written by a mount with userxattr',
  closed: () => 'the overlay or the walk was closed before this was asked for',
  submount: () =>
    'another mount lies on this directory and hides what is in it; unmount it, or, where it is a layer, ' +
    'run with CAP_SYS_ADMIN to look below it',
  replaced: () => 'the directory was replaced by another one while it was being read',
  'bad-redirect': () =>
    'the overlay.redirect attribute has a value that the kernel refuses as well; the layer is damaged',
  'user-redirect': () =>
    'the entry has a user.overlay.redirect attribute, which no mount with userxattr follows: the ' +
    'entry cannot be opened through one either',
  'user-metacopy': () =>
    'the entry has a user.overlay.metacopy attribute, which no mount with userxattr knows: the entry ' +
    'cannot be opened through one either',
  'redirect-not-followed': () =>
    'the entry has an overlay.redirect attribute, and the mount does not follow those ' +
    '(redirect_dir=nofollow): it cannot be opened through the mount either. Name the layers with ' +
    '`upper` and `lower` to read what they say',
  'metacopy-not-followed': () =>
    'the entry has an overlay.metacopy attribute, and the mount does not follow those (metacopy=off): ' +
    'it cannot be opened through the mount either. Name the layers with `upper` and `lower` to read ' +
    'what they say',
  'bad-metacopy': () =>
    'the overlay.metacopy attribute has a value that the kernel refuses as well; the layer is damaged',
  'both-namespaces': () =>
    'the layers have marks in trusted.overlay.* and in user.overlay.*, and a mount looks at one of ' +
    "them only: say which with `xattrs: 'trusted'` or `xattrs: 'user'` (`--xattrs`)",
  'index-unreadable': () =>
    'the mount has an index, and finding the hard links it keeps together needs CAP_DAC_READ_SEARCH ' +
    'in the initial user namespace; run as root',
  'index-not-given': () =>
    'the upper was mounted with an index (option index or nfs_export), which alone knows every hard link ' +
    'that was changed: name the work directory with `work` (`--work`)',
  'index-unknown': () =>
    'the file is one name of a hard link that an index keeps together with others, and does not say ' +
    'with which: name the work directory with `work` (`--work`)',
  'not-a-file': () => 'only regular files have content that can be opened',
  'metacopy-without-data': () =>
    'the file is a metacopy (attributes only), and none of the lowers given has its data; name all ' +
    'lowers of the mount, in order',
  'hidden-lower': ({ path }) =>
    `the overlay at ${path} covers one of its own layers; to look below it CAP_SYS_ADMIN is needed, or ` +
    'another path to the lower: name the layers with `upper` and `lower`',
  'no-upper': () => 'the overlay has no upper, so it cannot have changes',
  'not-mount-root': () => 'the path lies inside an overlay; name its mount point',
  'not-in-table': () => 'the mount is gone from the mount table',
  'layer-relative': ({ path }) =>
    `the overlay was mounted with the relative layer path ${path}, which cannot be found from here; ` +
    'name the layers with `upper` and `lower`',
  'layer-covered': ({ path }) =>
    `another mount was laid over the layer ${path} after the overlay had been mounted, and hides it; ` +
    'unmount that one, or name the layers with `upper` and `lower` by other paths',
  'layer-unreachable': () =>
    'a layer of the overlay is not at its path any more, or was never in this mount namespace; name ' +
    'the layers with `upper` and `lower`',
};

/** The sentence for a cause, or nothing where the error number says it all. */
export function explain(reason: string, where: Where): string | undefined {
  return reasons[reason]?.(where);
}

/** Every cause that has a sentence; a test compares them with the words the core uses. */
export const knownReasons: readonly string[] = Object.keys(reasons);
