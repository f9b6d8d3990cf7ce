/** Every help text. They are here and not with their commands, so that help loads nothing else. */
import type { CommandName } from './command-names.ts';

export const generalHelp = `Usage: overlayfs COMMAND [OPTION]... [ARGUMENT]

Mount Linux overlays, and list exactly what was added, modified and deleted in
them.

Commands:
  mount          mount an overlay
  umount         unmount an overlay
  refresh        make an overlay see what was changed in its lowers
  list           list the mounted overlays
  run            run a program on a copy-on-write view of directories
  sessions       list what runs have kept, or prune it
  discard        remove a session
  diff           list what an overlay changes
  apply          carry out what an overlay changes on a directory
  scan           list the entries of one layer as they are
  doctor         say what works here, and what is wrong with layers
  help COMMAND   explain a command, with examples

Options:
  -h, --help     this text; after a command, the text about it
  --version      the version of this program

Exit status: 0 done, 1 failed, 2 wrong usage, 3 differences exist (only with
diff --exit-code), 4 a rule is not kept to (diff --fail-on, --max-added,
--only). That of run is the program's: see 'overlayfs help run'.

In the forms for people names are escaped: control characters and bytes that are
not UTF-8 become \\n, \\t, \\r, \\xHH or \\u00HH, a backslash becomes \\\\. With -0
names are the bytes they are. With --json a text that is not UTF-8 is lossy, and
<key>Base64 beside it has the bytes.
`;

const mount = `Usage: overlayfs mount --lower DIR [--lower DIR]... [OPTION]... TARGET

Mount an overlay on the directory TARGET and print what was mounted. It stays
until 'overlayfs umount TARGET'. After a failure nothing is mounted.

Layers:
  --lower DIR          a lower directory; several, the top-most first
  --data-lower DIR     one that holds only the data of metacopy files
  --upper DIR          where changes land; created if it is missing. Without it
                       the overlay is read-only and needs two lowers
  --tmpfs              an upper in memory, which is gone when it is unmounted
  --tmpfs-size SIZE    of that, in bytes or with K, M, G (default: half of the
                       memory)
  --work DIR           the kernel's scratch directory, on the same mount as the
                       upper; created if it is missing (default: the upper's
                       path and .work)
  --init-upper         give an upper that exists the attributes of the lower too

Options of overlayfs (docs/mounting.md; without them: as little as possible):
  --userxattr          keep the marks of overlayfs in user.* attributes instead
                       of trusted.* ones; always so in a user namespace
  --redirect-dir WORD  on, follow (default) or nofollow
  --index              keep hard links together
  --metacopy           copy up attributes without the data
  --xino WORD          on, off (default) or auto
  --nfs-export         for NFS servers
  --uuid WORD          auto, on, null or off
  --verity WORD        off, on or require
  --volatile           sync nothing; after a crash the upper is lost
  --accept-unclean     use an upper that a volatile mount left unsynced
  --default-permissions
                       check permissions by mode bits only
  --no-override-creds  access the layers as who asks, not as who mounted
  --option KEY[=VALUE] any other, as it is

Options of the mount:
  --read-only, --nosuid, --nodev, --noexec, --nosymfollow, --nodiratime
  --atime WORD         relatime (default), noatime or strictatime
  --propagation WORD   private, shared, slave or unbindable
  --beneath            below what is mounted on TARGET now
  --lowerdir-text      show the lowers as one lowerdir= string
  --interface WORD     fsopen or mount: the kernel's interface

  --json               print one JSON object
  -h, --help           this text

Examples:
  overlayfs mount --lower /base --upper /data/upper /mnt/merged
  overlayfs mount --lower /newer --lower /older /mnt/view
  overlayfs mount --lower /srv --upper /data/upper /srv    # in place
  overlayfs mount --lower /srv --tmpfs --tmpfs-size 1G /srv
  # As an ordinary user, in namespaces of one's own:
  unshare --user --map-root-user --mount sh -c \\
    'overlayfs mount --lower base --upper changes merged && make -C merged'
`;

const umount = `Usage: overlayfs umount [OPTION]... TARGET
       overlayfs umount [OPTION]... --id ID

Unmount the overlay at the mount point TARGET, whoever mounted it. Its layers
stay as they are. If it is in use the processes that hold it are named.

  --id ID        the mount with this id, wherever it is: the unique one that
                 'overlayfs mount --json' prints, or that of the mount table
  --recursive    also everything that is mounted below it, of any kind, the
                 deepest first
  --all          every overlay that is stacked there, not only the top one; with
                 --any every mount
  --lazy         detach it at once, even if it is in use; users keep their files
  --force        abort what is pending, where the filesystem can (MNT_FORCE)
  --any          unmount whatever is mounted there; without it, overlays only
  --retry N      while it is in use try again up to N times, every 100 ms
  -h, --help     this text

Examples:
  overlayfs umount /mnt/merged
  overlayfs umount --recursive --retry 50 /mnt/merged    # for five seconds
  overlayfs umount --lazy /mnt/merged
`;

const refresh = `Usage: overlayfs refresh TARGET

Make the overlay at the mount point TARGET see what was changed in its lowers
behind its back: it forgets the names and files it has cached. The mount keeps
its flags, and nothing is written to disk. What is open, mapped or a working
directory stays as it was found until it is let go of and refreshed again.

  -h, --help     this text

Examples:
  overlayfs refresh /mnt/merged
  cp tool /base/bin/ && overlayfs refresh /mnt/merged
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

const run = `Usage: overlayfs run [OPTION]... [--] COMMAND [ARGUMENT]...

Run COMMAND on a copy-on-write view of directories: it sees them where they are,
and what it writes lands in a session. Nobody else sees any of it, and nothing
is left mounted. It takes no privileges.

  --lower DIR    show a view of DIR, at its own path; can be given several times
                 (default: the current directory)
  --overlay TARGET=LOWER[:LOWER]...
                 show these directories on TARGET, stacked, the top-most first.
                 A colon, or an equals sign in TARGET, is written with a
                 backslash before it
  --name NAME    the session, which is kept: one that exists is entered again
                 (without it: one that is discarded at the end)
  --base NAME    a new session on top of another one, which does not change
  --dir DIR      where sessions lie (default: $XDG_STATE_HOME/overlayfs, or
                 where that cannot be, another place: see docs/running.md)
  --on-success WHAT, --on-failure WHAT
                 keep, discard or apply the session when the program has ended
                 with 0, or otherwise (default: keep one with a name). apply
                 carries out what it has changed, as 'overlayfs apply' does,
                 and keeps the session if that cannot be done
  --map-ids WHICH
                 of an ordinary user, which owners files have in the view: own
                 (of others they seem to be nobody's, and cannot be changed),
                 subordinate (also those of /etc/subuid and /etc/subgid, by
                 newuidmap), or auto (the default: the second where it can be)
  --grace MS     what the program has left running is sent SIGTERM when it has
                 ended, and SIGKILL after so many milliseconds (default: 2000)
  -h, --help     this text

Exit status: that of COMMAND, or 128 and the number of the signal that ended it;
127 if there is no such program, 126 if it cannot be executed, 125 for what
failed before it ran, wrong usage included.

Examples:
  overlayfs run -- npm install            # thrown away when it has ended
  overlayfs run --name try1 -- make       # kept
  overlayfs diff try1
  overlayfs apply try1                    # done for good
  overlayfs run --on-success apply -- make
  overlayfs run --name try1 -- sh         # have a look around in it
  overlayfs run --base try1 --name try2 -- make test
  overlayfs discard try2
  overlayfs run --lower ~/src --lower ~/.cache -- make
`;

const sessions = `Usage: overlayfs sessions [--dir DIR] [--json]
       overlayfs sessions clone [--dir DIR] OLD NEW
       overlayfs sessions prune [--dir DIR] [--unused-for AGE] [--broken]
                                [--dry-run] [--json]

List the sessions that 'overlayfs run' has made, each with its size, when it was
used last, and what it covers; and what there is besides. With prune, remove
what a process that was killed has left: sessions half made, half removed, and
those without a name that nobody works with. What is in use, or the base of
another session, stays. With clone, make a session NEW that holds what OLD
holds; from then on each goes its own way.

  --dir DIR      where sessions lie, as in run
  --unused-for AGE
                 also sessions that were not used for so long: 90m, 12h, 30d, 4w
  --broken       also what is damaged
  --dry-run      only say what would be removed
  --json         print one JSON object a line
  -h, --help     this text

Examples:
  overlayfs sessions
  overlayfs sessions --json | jq -r 'select(.bytes > 1e9).name'
  overlayfs sessions clone try1 try2      # go on from here in two ways
  overlayfs sessions prune --unused-for 30d --dry-run
`;

const discard = `Usage: overlayfs discard [--dir DIR] NAME...

Remove sessions, with everything that was written in them. What they were made
from stays as it is. A session that somebody works with is not removed.

  --dir DIR      where sessions lie, as in run
  -h, --help     this text

Examples:
  overlayfs discard try1
`;

const diff = `Usage: overlayfs diff [OPTION]... [TARGET | NAME]
       overlayfs diff [OPTION]... --upper DIR --lower DIR [--lower DIR]...
       overlayfs diff [OPTION]... --before DIR --after DIR

List what an overlay changes: A added, M modified, D deleted; parents before
their children. Without TARGET and layers it is the overlay that the current
directory lies in. NAME is a session of 'overlayfs run' (a directory that is
called the same is ./NAME). With --before and --after it is what differs between
two directories that are no layers.

  --dir DIR      where sessions lie, as in run
  --of DIR       of a session that covers several directories, this one
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
  --on-unreadable WHAT
                 where trusted.* attributes cannot be read: error (the default),
                 or unknown: go on, and say 'marks unknown' where they matter

Which of it:
  --include PATTERN
                 list only what matches, with everything below: *, ? and [...]
                 match bytes in a name, ** any number of directories. Relative
                 to the root of the overlay, or absolute and below TARGET
  --exclude PATTERN
                 leave out what matches, with everything below, unlooked at
  --ignore-pattern PATTERN
                 leave out what matches by the rules of gitignore, relative to
                 the root of the overlay, of what --include and --exclude leave
  --ignore-file FILE
                 the same with the patterns of a file; --ignore-pattern comes
                 after them, and the last that matches decides
  --threads N    work with N threads at most, 1 to 64 (default: one for every
                 processor, up to 8)

In which form (default: a list for people):
  --tree         a tree; what was added or deleted as a whole is one line with a
                 count, unless --expand
  --stat         counts and bytes by directory, each after those in it, and the
                 total
  --depth N      of --stat, how many levels of directories (default: 1)
  --patch        a patch in git's form; what it cannot say is in lines that
                 begin with '# '
  --max-patch-size SIZE
                 of --patch: larger files count as binary (default: 4M)
  --max-additions-shown N
                 in a list or a tree show N additions, and say how many more
                 there are; what was modified or deleted is always shown
  --json         print one JSON object a line, with --stat one a directory
  --name-status  print letter, tab and path only
  -0, --null     print bare paths, each ended by NUL; with --name-status letter,
                 NUL, path, NUL
  --color WHEN   always, never, or auto (the default): on a terminal, and as
                 FORCE_COLOR and NO_COLOR say

Rules, for CI: what is not kept to is named on standard error, and the exit
status is 4. What the patterns above leave out is not judged.
  --fail-on KIND[:PATTERN]
                 added, modified, deleted or any must not be, or not where
                 PATTERN (as with --include) matches
  --max-added SIZE
                 new files and the growth of others come to SIZE at most, in
                 bytes or with K, M, G
  --only PATTERN
                 changes may be where one such PATTERN matches, and nowhere else
  --exit-code    exit with 3 if there are differences
  -h, --help     this text

Examples:
  overlayfs diff /mnt/merged
  overlayfs diff try1
  overlayfs diff --upper /data/upper --lower /base --ignore times,links
  overlayfs diff --name-status /mnt/merged | grep '^D'
  overlayfs diff --exit-code /mnt/merged && echo 'nothing has changed'
  overlayfs diff --json /mnt/merged | jq -r 'select(.kind == "added").path'
  overlayfs diff --include 'dist/**' --exclude '**/*.map' /mnt/merged
  overlayfs diff --stat --depth 2 --ignore-file .gitignore /mnt/merged
  overlayfs diff --patch /mnt/merged | git -C checkout apply
  overlayfs diff --fail-on deleted --fail-on 'modified:bin/**' /mnt/merged
  overlayfs diff --only 'dist/**' --max-added 500M /mnt/merged
  cd /mnt/merged/src && overlayfs diff    # the overlay that lies around us
`;

const apply = `Usage: overlayfs apply [OPTION]... --upper DIR --lower DIR
       overlayfs apply [OPTION]... --to DIR [TARGET]
       overlayfs apply [OPTION]... NAME
       overlayfs apply --resume | --abort --to DIR

Carry out what an upper changes, on its lower or on another directory, and list
it as diff does. Everything is prepared first, and if something cannot be done
nothing is changed. Then it is put in place name by name; killed at any moment,
the same command finishes it. The upper of a mounted overlay (TARGET, or the one
that the current directory lies in) can be applied to another directory only.
NAME is a session of 'overlayfs run': what has changed since it was made is a
conflict, and once all of it was applied it is discarded.

  --dir DIR      where sessions lie, as in run
  --of DIR       of a session that covers several directories, this one
  --keep         do not discard the session
  --upper, --lower, --data-lower, --work, --xattrs, --userxattr, --before,
  --after        the layers, as in diff
  --to DIR       the directory to change (default: the lower, if it is one only)
  --include PATTERN, --exclude PATTERN
                 what to carry out, and what not, as in diff
  -i, --interactive
                 show what would be done, and ask on the terminal about each
                 change: yes, no, all, its difference, or the list in $EDITOR.
                 Nothing is changed before the last answer
  --dry-run      change nothing, and say what would be done and what would fail
  --theirs       also where the directory is not what a change was made from: it
                 is overwritten. Without it that is a conflict: it is left alone
                 and said, and the exit status is 1
  --ours         leave it alone there, which is no failure
  --since TIME   when the changes began to be made (a date, or @SECONDS): what
                 has changed in the lower since is a conflict
  --keep-going   carry out the rest if something cannot be done
  --no-sync      do not wait for the disk: what is promised after a power
                 failure is not
  --resume       finish what was interrupted; the layers are not needed
  --abort        undo what was interrupted
  --json         print one JSON object a line, with the outcome
  -0, --null     print the bare paths of what was applied, each ended by NUL
  -h, --help     this text

Examples:
  overlayfs apply try1
  overlayfs apply --interactive try1
  overlayfs apply --dry-run --upper /data/upper --lower /base
  overlayfs apply --upper /data/upper --lower /base --include 'dist/**'
  overlayfs apply --to /srv/copy /mnt/merged
  overlayfs apply --abort --to /base
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
  refresh,
  list,
  run,
  sessions,
  discard,
  diff,
  apply,
  scan,
  doctor,
  help,
};
