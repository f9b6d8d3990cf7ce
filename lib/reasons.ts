import type { NativeNotice } from './native-mounts.ts';
import { applyReasons } from './reasons-apply.ts';
import { diagnosisReasons } from './reasons-diagnosis.ts';
import { isolationReasons } from './reasons-isolation.ts';

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
  ...applyReasons,
  ...diagnosisReasons,
  ...isolationReasons,

  // Before mounting
  'no-privilege': () =>
    'mounting needs CAP_SYS_ADMIN: run as root, or in a user and mount namespace of your own, for ' +
    'example under `unshare --user --map-root-user --mount`',
  'needs-userxattr': () =>
    'only CAP_SYS_ADMIN in the initial user namespace may write trusted.* attributes; leave ' +
    '`userxattr` out or set it to true',
  'lower-missing': () => 'this lower directory does not exist',
  'lower-denied': () =>
    'this user may not read this lower, or not search a directory on the way to it; name another one, give the ' +
    'permission, or run as root',
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
  'upper-in-use': ({ path, detail }) =>
    `the upper ${path} is in use: ${detail}. Two overlays on one upper damage it, and the kernel would ` +
    'let them; unmount the other one, or use an upper of your own',
  'work-in-use': ({ path, detail }) =>
    `the work directory ${path} is in use: ${detail}. A second overlay would empty it under the first ` +
    'one, and the kernel would let it; unmount the other one, or use a work directory of your own',
  'lease-is-directory': () =>
    'a directory has the name of the file that says who has the work directory in use; remove it',

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
  'perhaps-too-deep': ({ path }) =>
    `the kernel gives no reason. The lower ${path} is an overlay: if that has an overlay below it in turn, ` +
    'it is one too many, since the kernel stacks two; use the layers of the overlay instead of the overlay',
  'lower-on-proc': ({ path }) =>
    `the lower ${path} lies on procfs, which the kernel does not take as a layer; name another directory: programs ` +
    'in a sandbox see /proc anyhow',
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
  'detached-needs-fsopen': () =>
    'a mount without a target needs fsopen(2) with overlayfs (Linux 6.5); name a `target`',
  'beneath-needs-fsopen': () =>
    'mounting beneath another mount needs fsopen(2) and move_mount(2) (Linux 6.5); leave `beneath` out',
  'lowerdir-text-too-long': () =>
    'as one string the lowers are longer than the 255 bytes that fsconfig(2) takes, or the 4095 of mount(2), ' +
    'which mounts at a target only; leave `lowerdirText` out, use shorter paths, or name a `target`',
  'lower-bad-descriptor': () => 'this is no open descriptor',
  'bad-idmap': () =>
    'the kernel does not take these id ranges: they must not overlap, and 340 is the most it takes',
  'idmap-forbidden': () =>
    'idmapping a layer needs CAP_SYS_ADMIN in the user namespace its filesystem was mounted in',
  'idmap-refused': () =>
    'the filesystem of this layer knows no idmapped mounts (Linux 5.19: ext4, xfs, btrfs; tmpfs: 6.3), ' +
    'or the mount is idmapped already',
  'lowers-of-two-namespaces': () =>
    'two overlays of an ordinary user belong to two namespaces and cannot be layers of a third; stack one ' +
    'upon the other instead',
  'rootless-target': () =>
    'mounting at a path needs CAP_SYS_ADMIN. An ordinary user gets a detached overlay without `target`, and ' +
    'runs programs on it with `run`; or mounts in namespaces of his own, for example under ' +
    '`unshare --user --map-root-user --mount`',
  'rootless-refresh': () =>
    "an ordinary user's overlay cannot be refreshed from outside of its namespace; close it and mount it anew",
  'rootless-attach': () =>
    "an ordinary user's overlay can be attached in no namespace but its own; run the program on it with " +
    '`run`, which gives it a real path',
  attached: ({ path }) => `the overlay is attached already, on ${path}`,
  'not-at-target': ({ path }) =>
    `the overlay is not to be seen on ${path} any more: somebody has unmounted it, moved it, or laid another ` +
    'mount over it; close it and mount it anew',
  'target-is-root': () =>
    'on the root directory an overlay is seen by nobody whose root it is; mount it elsewhere and change the ' +
    'root to it (chroot(2), pivot_root(2)), or run a program on a detached one',
  'upper-in-memory': ({ path }) =>
    `the upper of the overlay on ${path} is in memory and has no path: only the program that mounted it can ` +
    'read it (`overlay.changes()`); compare the directories instead (`before` and `after`, `--before` and ' +
    '`--after`), or mount with an upper that is a directory',
  'tmpfs-too-small': () =>
    'the upper in memory has no room for the directories of overlayfs itself; give it a larger `size`, and ' +
    'more `inodes`',
  'still-used': ({ path }) =>
    `the overlay is unmounted, but somebody still uses its upper ${path}: through a file that is open, a ` +
    'program started with `run`, or a copy of the mount in another mount namespace; what is left to be done ' +
    'with the upper is done by calling `close` again when they have ended',
  'lazy-temporary': ({ path }) =>
    `the upper of the overlay on ${path} is to be removed, and whoever still uses it would lose his files; ` +
    'end them first, or close it without `lazy`',
  'left-mounted': ({ dest }) =>
    `the mount on ${dest} could not be completed or failed its check, and could not be unmounted ` +
    'again: unmount it by hand',
  'covered-at-once': ({ path }) =>
    `another mount was laid over the new mount on ${path} at once; both are still mounted`,
  'no-proc': () => 'without /proc it cannot be found out what is mounted where; mount it',
  'no-statmount': () =>
    'this kernel has no statmount(2) that gives the whole entry of a mount (Linux 6.15), or a seccomp ' +
    'filter forbids it',
  'table-mount-id': () =>
    'this is a number of the mount table; the call takes ids that are never used again (`uniqueId` of ' +
    'a mount, or LSMT_ROOT)',
  'no-mount-id': () => 'the kernel does not tell mounts apart; Linux 5.8 or newer is needed',

  'no-event-loop': () =>
    'waiting for a descriptor needs the event loop of libuv, which this program does not offer; run ' +
    'it in Node.js',
  // Binding, moving and changing mounts
  'no-mount-calls': () =>
    'the kernel (before Linux 5.12) or the seccomp filter of a sandbox does not have this call; leave ' +
    '`interface` out, and mount(2) is used instead',
  'source-missing': () => 'the source does not exist',
  'target-file-missing': () =>
    'the mount point does not exist; a file is mounted on a file, so create an empty one first',
  'directory-on-file': () =>
    'the source is a directory and the target is not; a directory goes on a directory only',
  'file-on-directory': () =>
    'the target is a directory and the source is not; a file goes on a file only: create an empty one',
  'source-elsewhere': () =>
    'the source lies on a mount of another mount namespace, or on one that was unmounted; name it ' +
    'by a path of this namespace',
  'target-elsewhere': () =>
    'the target lies on a mount of another mount namespace, or on one that was unmounted; name it ' +
    'by a path of this namespace',
  'source-unbindable': () =>
    "the source lies on an unbindable mount; make that private first (setPropagation(…, 'private'))",
  'locked-below': () =>
    'mounts that this user namespace has inherited lie below the source and hide what is under them; ' +
    'bind them along with `recursive: true`',
  'locked-attributes': () =>
    'a user namespace cannot take away restrictions (read-only, nosuid, nodev, noexec, the access time ' +
    'mode) from a mount that it has inherited, or from a copy of one; leave that attribute out',
  'owned-by-other': ({ detail }) =>
    `it, or the directory that it is in, belongs to ${detail}; that user can remove it, and root`,
  'id-unmapped': () =>
    'the owner has no mapping in this user namespace; choose ids that /proc/self/uid_map and gid_map have',
  'move-no-mount': () =>
    'only a mount can be moved, and the source is no mount point; bind it to the target instead',
  'move-root': () => 'the root of a mount namespace cannot be moved; pivot_root(2) exchanges it',
  'move-shared-parent': () =>
    'the source is mounted on a shared mount, and would have to move in all copies of that; make the ' +
    "mount it lies on private first (setPropagation(…, 'private'))",
  'move-unbindable-to-shared': () =>
    "an unbindable mount cannot be moved to a shared one; make one of them private (setPropagation(…, 'private'))",
  'move-locked': () =>
    'a mount that a user namespace has inherited stays where it is; bind it to the target instead',
  'move-into-itself': () => 'the target lies on the source itself; choose a target outside of it',
  'no-beneath': () =>
    'mounting beneath another mount needs move_mount(2) of Linux 6.5; unmount what is there, or mount on top',
  'beneath-root': () => 'nothing can be mounted beneath the root of a mount namespace',
  'open-for-writing': () =>
    'a file is open for writing through this mount, so it cannot become read-only; close it first',
  'not-fs-context': () => 'the descriptor is no filesystem context of fsopen or fspick',

  // Programs on an overlay
  'view-at-root': () =>
    'a program cannot be given another root this way; name a directory with `at`',
  'view-not-permitted': () =>
    'the program gets a mount namespace of its own, and that needs the user and the privileges the ' +
    'overlay was mounted with, and a container that does not forbid setns and unshare',
  'view-not-copied': () =>
    'the overlay is not mounted any more, or is in another mount namespace; and where it is detached, ' +
    'giving a program a copy of it needs Linux 6.15 or newer',
  'proc-of-others': () =>
    '/proc is that of another pid namespace, so what a program leaves running could not be found; mount one ' +
    'of this namespace (`mount -t proc proc /proc`, `unshare --mount-proc`)',
  'root-is-no-mount': () =>
    'the root directory of this process is no mount point (a chroot), and what is mounted for the ' +
    'program could not be kept from others; bind-mount that directory on itself before the chroot',
  'mount-namespaces-exhausted': () =>
    'every program runs in a mount namespace of its own, and there are as many as ' +
    '/proc/sys/user/max_mnt_namespaces allows',
  'process-limit': () =>
    'there are as many processes as are allowed (`ulimit -u`, or the pids limit of the container)',
  'view-cwd-missing': () =>
    'the working directory is resolved where the overlay is in place already, and there is none of that name; ' +
    'start the program in one that is there (`cwd`), outside of what is hidden',
  'program-missing': () =>
    'there is no such program; a name without a slash is looked for in the PATH of `env`, and all of it ' +
    'where the overlay is in place already',
  'program-unreachable': () =>
    'a directory on the way to the program may not be searched; run it as a user who may, or give the permission',
  'program-is-directory': () => 'it is a directory; name a program in it',
  'program-is-no-file': () => 'it is a device, a socket or a pipe; name a regular file',
  'program-mode': () =>
    'nobody has the permission to execute it; give it (`chmod +x`), or start an interpreter with it as its argument',
  'program-noexec': () =>
    'it lies on a mount with noexec; copy it elsewhere, or start an interpreter with it as its argument',
  'program-of-others': () =>
    'others may execute it, but this user may not; run it as one who may, or give the permission',
  'interpreter-denied': () =>
    'the program may be executed, but not the interpreter that its first line names, or the dynamic loader it ' +
    'was built for; give the permission, or name another one',
  'program-format': () =>
    'it is neither a program of this machine nor a script that begins with "#!"; start an interpreter ' +
    'with the script as its argument',
  'interpreter-missing': () =>
    'the file is there, but not the interpreter that its first line names, or the dynamic loader it was ' +
    'built for',
  'signals-relayed': () =>
    'the signals of this process are handed on to another program already, and one at a time can have them; ' +
    'start this one without `relaySignals`, or once everything of the other has ended',
  'reaped-elsewhere': () =>
    'another part of this process has waited for children that are not its own (waitpid(-1), or an ' +
    'ignored SIGCHLD), and with that the exit status is lost',

  // Unmounting
  'not-mounted': () => 'nothing is mounted there',
  'not-overlay': () => 'no overlay is mounted there',
  'no-such-mount': () =>
    'no mount of this namespace has this id: it is gone already, or was never here',
  'is-root': () =>
    'it is the root directory of this process, and instead of unmounting that the kernel would make ' +
    'its whole filesystem read-only; leave it with pivot_root(2) or chroot(2) first',
  'mount-locked': () =>
    'the kernel does not let this mount be taken off here: it came into this mount namespace together ' +
    'with others from one that belongs to another user namespace; unmount it there',
  'unmount-no-privilege': () =>
    'unmounting needs CAP_SYS_ADMIN in the user namespace that the mount namespace belongs to: do it as ' +
    'root, or inside of the namespace that has the mount',
  covered: ({ path }) => `another mount lies over ${path}; unmount that one first`,

  // Refreshing
  'refresh-no-privilege': () =>
    'making an overlay forget what it has cached needs CAP_SYS_ADMIN in the user namespace it was ' +
    'mounted in: do it as root, or inside of that namespace',

  // Reading layers
  'trusted-unreadable': () =>
    'without CAP_SYS_ADMIN in the initial user namespace the kernel hides trusted.overlay.* ' +
    "attributes, and a deleted directory would look like a merged one; run as root, or say `xattrs: 'user'` " +
    '(`--userxattr`) if the layer was written by a mount with userxattr',
  closed: () => 'the overlay or the walk was closed before this was asked for',
  submount: () =>
    'another mount lies on this directory and hides what is in it; unmount it, or, where it is a layer, ' +
    'run with CAP_SYS_ADMIN to look below it',
  replaced: () => 'the directory was replaced by another one while it was being read or removed',
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
  'not-readable': () =>
    'its mode or its owner forbids this user to look at it; make it readable (`chmod u+rwX`), or do this as its ' +
    'owner or as root',
  'not-a-file': () => 'only regular files have content that can be opened',
  'metacopy-without-data': () =>
    'the file is a metacopy (attributes only), and none of the lowers given has its data; name all ' +
    'lowers of the mount, in order',
  'hidden-lower': ({ path }) =>
    `the overlay at ${path} covers one of its own layers; to look below it CAP_SYS_ADMIN is needed, or ` +
    'another path to the lower: name the layers with `upper` and `lower`. A session is looked at from outside of it',
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

/** Things to know about a success. */
const warnings: Readonly<Record<string, (where: Where) => string>> = {
  'upper-owner': ({ detail }) =>
    `the new upper could not be given the owner of the lower (${detail}), so the root of the overlay has another ` +
    'one; what belongs to others in it can be read, and deleted or replaced where modes allow it, but changing it ' +
    'fails with EOVERFLOW: as root it does not, nor for an ordinary user whom /etc/subuid and /etc/subgid grant these ' +
    'ids, with newuidmap and newgidmap (Debian: uidmap)',
  'upper-xattrs': () =>
    'not every extended attribute of the lower could be given to the new upper, so the root of the overlay lacks some',
  'layers-compacted': () =>
    'the paths of the layers are longer than the 4095 bytes of mount(2), so the table of mounts shows numbers instead',
};

/** The sentence for a notice of the core. */
export function warningText({ reason, path, dest, detail }: NativeNotice): string {
  const where = { path: path.toString(), dest: dest.toString(), detail: detail.toString() };
  return warnings[reason]?.(where) ?? explain(reason, where) ?? reason;
}

/** Every cause that has a sentence; a test compares them with the words the core uses. */
export const knownReasons: readonly string[] = [...Object.keys(reasons), ...Object.keys(warnings)];
