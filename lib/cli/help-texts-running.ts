/** The help texts about running programs and what that keeps. */

export const run = `Usage: overlayfs run [OPTION]... [--] COMMAND [ARGUMENT]...

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
                 with 0, or otherwise (default: keep one with a name, unless
                 it is new and the program could not be started). apply
                 carries out what it has changed, as 'overlayfs apply' does,
                 and keeps the session if that cannot be done. Where it can never
                 be done nothing is run
  --fail-on KIND[:PATTERN], --max-added SIZE, --only PATTERN
                 rules for what COMMAND may change, as of 'overlayfs diff'; checked
                 when it has ended with 0, and for all that the session holds, of
                 earlier runs as well. One that is not kept to is a failure
  --map-ids WHICH
                 of an ordinary user, which owners files have in the view: own
                 (of others they seem to be nobody's, and cannot be changed),
                 subordinate (also those of /etc/subuid and /etc/subgid, by
                 newuidmap), or auto (the default: the second where it can be)
  --no-network   without network: nothing but a loopback device of its own
  --hide PATH    show an empty directory or file there; can be given several times.
                 In what is covered no symbolic link may be on the way
  --read-only PATH
                 with everything below; can be given several times. The same holds
  --empty-tmp    a /tmp of its own, in memory and empty; it can be written to
  --pid-namespace
                 no processes but its own, in a /proc of its own. This and the
                 four above keep mistakes in, not hostile code: see SECURITY.md
  --grace MS     what the program has left running is sent SIGTERM when it has
                 ended, and SIGKILL after so many milliseconds (default: 2000)
  -h, --help     this text

Exit status: that of COMMAND, or 128 and the number of the signal that ended it;
127 if there is no such program, 126 if it cannot be executed, 125 for what
failed before it ran, wrong usage included; 4 if COMMAND has ended with 0 and a
rule failed.

Examples:
  overlayfs run -- npm install            # thrown away when it has ended
  overlayfs run --name try1 -- make       # kept
  overlayfs diff try1
  overlayfs apply try1                    # done for good
  overlayfs run --on-success apply -- make
  overlayfs run --on-success apply --only 'build/**' -- make
  overlayfs run --name try1 -- sh         # have a look around in it
  overlayfs run --base try1 --name try2 -- make test
  overlayfs discard try2
  overlayfs run --no-network --hide ~/.ssh --read-only ~/.npm -- npm test
  overlayfs run --lower ~/src --lower ~/.cache -- make
`;

export const sessions = `Usage: overlayfs sessions [--dir DIR] [--json]
       overlayfs sessions clone [--dir DIR] OLD NEW
       overlayfs sessions prune [--dir DIR] [--unused-for AGE] [--broken]
                                [--dry-run] [--json]

List the sessions that 'overlayfs run' has made, each with its size, when it was
used last, and what it covers; and what there is besides. With prune, remove
what a process that was killed has left: sessions half made, half removed, and
those without a name that nobody works with. What is in use stays, and so do the
base of another session that stays, and one whose apply was interrupted. What is
no session is named and never touched. With clone, make a session NEW that holds
what OLD holds; from then on each goes its own way.

  --dir DIR      where sessions lie, as in run
  --unused-for AGE
                 also sessions that were not used for so long: 90m, 12h, 30d, 4w
  --broken       also sessions that are damaged, with everything in them
  --dry-run      only say what would be removed
  --json         print one JSON object a line
  -h, --help     this text

Examples:
  overlayfs sessions
  overlayfs sessions --json | jq -r 'select(.bytes > 1e9).name'
  overlayfs sessions clone try1 try2      # go on from here in two ways
  overlayfs sessions prune --unused-for 30d --dry-run
`;

export const discard = `Usage: overlayfs discard [--dir DIR] NAME...

Remove sessions, with everything that was written in them. What they were made
from stays as it is. What is stacked on others is removed before them. Not
removed is a session that somebody works with, that others are stacked on, or
whose apply was interrupted; the rest is, and the exit status is 1.

  --dir DIR      where sessions lie, as in run
  -h, --help     this text

Examples:
  overlayfs discard try1
`;
