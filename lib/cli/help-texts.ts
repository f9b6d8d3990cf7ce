/** Every help text. They are not with their commands, so that help loads nothing else. */
import type { CommandName } from './command-names.ts';
import { apply, diff, scan } from './help-texts-changes.ts';
import { list, mount, refresh, umount } from './help-texts-mounting.ts';
import { discard, run, sessions } from './help-texts-running.ts';

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
