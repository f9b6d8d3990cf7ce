/** The help texts about changes: listing them, carrying them out. */

export const diff = `Usage: overlayfs diff [OPTION]... [TARGET | NAME]
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

export const apply = `Usage: overlayfs apply [OPTION]... --upper DIR --lower DIR
       overlayfs apply [OPTION]... --to DIR [TARGET]
       overlayfs apply [OPTION]... NAME
       overlayfs apply --resume | --abort NAME
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
  --resume       finish what was interrupted; the layers are not needed, and a
                 session is kept
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

export const scan = `Usage: overlayfs scan [--userxattr] [--json | -0] DIR

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
