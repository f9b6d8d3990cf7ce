/** Every help text. They are here and not with their commands, so that help loads nothing else. */

export type CommandName = 'mount' | 'umount' | 'list' | 'diff' | 'scan' | 'doctor' | 'help';

export const generalHelp = `Usage: overlayfs COMMAND [OPTION]... [ARGUMENT]

Mount Linux overlays, and list exactly what was added, modified and deleted in
them.

Commands:
  mount          mount an overlay
  umount         unmount an overlay
  list           list the mounted overlays
  diff           list what an overlay changes
  scan           list the entries of one layer as they are
  doctor         say what works here, and what is wrong with layers
  help COMMAND   explain a command, with examples

Options:
  -h, --help     this text; after a command, the text about it
  --version      the version of this program

Exit status: 0 done, 1 failed, 2 wrong usage, 3 differences exist (only with
diff --exit-code).

In the forms for people names are escaped: control characters and bytes that are
not UTF-8 become \\n, \\t, \\r, \\xHH or \\u00HH, a backslash becomes \\\\. With -0
names are the bytes they are. With --json a text that is not UTF-8 is lossy, and
<key>Base64 beside it has the bytes.
`;

const mount = `Usage: overlayfs mount --lower DIR [--lower DIR]... [--upper DIR] [--work DIR]
                       [--userxattr] [--json] TARGET

Mount an overlay on the directory TARGET and print what was mounted. It stays
until 'overlayfs umount TARGET'. After a failure nothing is mounted.

  --lower DIR    a lower directory; several, the top-most first
  --upper DIR    where changes land; created if it is missing. Without it the
                 overlay is read-only and needs two lowers
  --work DIR     the kernel's scratch directory, on the same mount as the upper;
                 created if it is missing (default: the upper's path and .work)
  --userxattr    keep the marks of overlayfs in user.* attributes instead of
                 trusted.* ones; always so in a user namespace
  --json         print one JSON object
  -h, --help     this text

Examples:
  overlayfs mount --lower /base --upper /data/upper /mnt/merged
  overlayfs mount --lower /newer --lower /older /mnt/view
  overlayfs mount --lower /srv --upper /data/upper /srv    # in place
  # As an ordinary user, in namespaces of one's own:
  unshare --user --map-root-user --mount sh -c \\
    'overlayfs mount --lower base --upper changes merged && make -C merged'
`;

const umount = `Usage: overlayfs umount [--lazy] [--force] [--any] TARGET

Unmount the overlay at the mount point TARGET, whoever mounted it. Its layers
stay as they are.

  --lazy         detach it at once, even if it is in use; users keep their files
  --force        abort what is pending, where the filesystem can (MNT_FORCE)
  --any          unmount whatever is mounted there; without it, overlays only
  -h, --help     this text

Examples:
  overlayfs umount /mnt/merged
  overlayfs umount --lazy /mnt/merged
`;

const list = `Usage: overlayfs list [--json | -0]

List the overlays of this mount namespace in the order of the mount table, each
with its layers.

  --json         print one JSON object a line
  -0, --null     print the mount points only, each ended by NUL
  -h, --help     this text

Examples:
  overlayfs list
  overlayfs list --json | jq -r 'select(.readOnly | not) | .upper'
  overlayfs list -0 | xargs -0 -n 1 overlayfs umount
`;

const diff = `Usage: overlayfs diff [OPTION]... [TARGET]
       overlayfs diff [OPTION]... --upper DIR --lower DIR [--lower DIR]...
       overlayfs diff [OPTION]... --before DIR --after DIR

List what an overlay changes: A added, M modified, D deleted; parents before
their children. Without TARGET and layers it is the overlay that the current
directory lies in. With --before and --after it is what differs between two
directories that are no layers.

  --upper DIR    the upper, of layers that need not be mounted
  --lower DIR    a lower of them; several, the top-most first
  --data-lower DIR
                 a lower that holds only data of metacopy files
  --work DIR     the work directory, if the mount had the option index: it knows
                 all changed hard links
  --xattrs WHICH
                 where the layers have their marks: trusted or user (default:
                 whichever they have)
  --userxattr    the same as --xattrs user: of a mount with --userxattr
  --expand       also list what lay below a deleted or replaced directory
  --content WHEN
                 compare the bytes of files of equal size: auto (the default;
                 not where they are certainly equal), always, or never (what
                 depends on them is 'content unknown')
  --ignore ASPECT[,ASPECT]...
                 what does not count: type, content, mode, owner, xattrs, times,
                 device, target, links
  --include PATTERN
                 list only what matches, with everything below: *, ? and [...]
                 match bytes in a name, ** any number of directories. Relative
                 to the root of the overlay, or absolute and below TARGET
  --exclude PATTERN
                 leave out what matches, with everything below
  --on-unreadable WHAT
                 where trusted.* attributes cannot be read: error (the default),
                 or unknown: go on, and say 'marks unknown' where they matter
  --json         print one JSON object a line
  --name-status  print letter, tab and path only
  -0, --null     print bare paths, each ended by NUL; with --name-status letter,
                 NUL, path, NUL
  --exit-code    exit with 3 if there are differences
  -h, --help     this text

Examples:
  overlayfs diff /mnt/merged
  overlayfs diff --upper /data/upper --lower /base --ignore times,links
  overlayfs diff --name-status /mnt/merged | grep '^D'
  overlayfs diff --exit-code /mnt/merged && echo 'nothing has changed'
  overlayfs diff --json /mnt/merged | jq -r 'select(.kind == "added").path'
  overlayfs diff --include 'dist/**' --exclude '**/*.map' /mnt/merged
  cd /mnt/merged/src && overlayfs diff    # the overlay that lies around us
`;

const scan = `Usage: overlayfs scan [--userxattr] [--json | -0] DIR

List every entry of the layer DIR as it is, compared with nothing: type and
mode, owner, size (of a device: its number), path, and what overlayfs takes it
for (whiteout, opaque, redirect, metacopy, origin).

  --userxattr    read marks in user.* attributes; those in trusted.* need root
  --json         print one JSON object a line, with every attribute of overlayfs
                 (values in Base64)
  -0, --null     print bare paths, each ended by NUL
  -h, --help     this text

Examples:
  overlayfs scan /data/upper
  overlayfs scan --json /data/upper | jq -r 'select(.whiteout) | .path'
`;

const doctor = `Usage: overlayfs doctor [--json]
       overlayfs doctor --lower DIR [--lower DIR]... [--upper DIR] [--work DIR]
                        [--userxattr] [--json] [TARGET]

Say what this kernel and this user can do with overlays, by trying, and which of
the places at hand can hold an upper. With layers, say as well what is wrong
with them: everything for which mount would fail or do harm. Nothing is mounted,
created or changed. Exit with 1 if there is an error.

  --lower DIR    as in mount: a lower directory; several, the top-most first
  --upper DIR    where changes would land
  --work DIR     the kernel's scratch directory (default: the upper's path and
                 .work)
  --userxattr    with marks in user.* attributes
  --json         print one JSON object a line: kind "environment" and kind
                 "finding"
  -h, --help     this text

Examples:
  overlayfs doctor
  overlayfs doctor --lower /base --upper /data/upper /mnt/merged
  overlayfs doctor --json | jq -r 'select(.status == "error") | .message'
`;

const help = `Usage: overlayfs help [COMMAND]

Explain a command, or list the commands.

  -h, --help     this text

Examples:
  overlayfs help diff
`;

/** By command. */
export const helpTexts: Readonly<Record<CommandName, string>> = {
  mount,
  umount,
  list,
  diff,
  scan,
  doctor,
  help,
};
