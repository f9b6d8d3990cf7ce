/** The help texts about overlays that are mounted. */

export const mount = `Usage: overlayfs mount --lower DIR [--lower DIR]... [OPTION]... TARGET

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

export const umount = `Usage: overlayfs umount [OPTION]... TARGET
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

export const refresh = `Usage: overlayfs refresh TARGET

Make the overlay at the mount point TARGET see what was changed in its lowers
behind its back: it forgets the names and files it has cached. The mount keeps
its flags, and nothing is written to disk. What is open, mapped or a working
directory stays as it was found until it is let go of and refreshed again.

  -h, --help     this text

Examples:
  overlayfs refresh /mnt/merged
  cp tool /base/bin/ && overlayfs refresh /mnt/merged
`;

export const list = `Usage: overlayfs list [--json | -0]

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
