/** The sentences for what is found by looking at an overlay that is to be mounted. */
import type { Where } from './reasons.ts';

/** `/proc/sys/kernel/x` is `kernel.x` to sysctl(8). */
const allowing: Readonly<Record<string, string>> = {
  'kernel.apparmor_restrict_unprivileged_userns': '0',
  'kernel.unprivileged_userns_clone': '1',
  'user.max_user_namespaces': '15000',
  'user.max_mnt_namespaces': '15000',
};

function sysctlOf(file: string): string {
  return file.replace('/proc/sys/', '').replaceAll('/', '.');
}

function allow(file: string): string {
  const name = sysctlOf(file);
  return `sysctl -w ${name}=${allowing[name] ?? '1'}`;
}

export const diagnosisReasons: Readonly<Record<string, (where: Where) => string>> = {
  // Privileges
  'foreign-mount-namespace': () =>
    'this user namespace does not own the mount namespace, so its CAP_SYS_ADMIN does not count for ' +
    'mounting; make a mount namespace as well: `unshare --user --map-root-user --mount`',
  'mount-forbidden': () =>
    'this process has the capabilities, and still something does not let it mount: a seccomp profile ' +
    'or AppArmor or SELinux, as in containers; start the container with --privileged, or with ' +
    '--cap-add SYS_ADMIN and --security-opt apparmor=unconfined',
  'userns-switched-off': ({ detail }) =>
    `this system does not let ordinary users mount in namespaces of their own (${sysctlOf(detail)}); to ` +
    `allow it: ${allow(detail)}`,
  'userns-forbidden': () =>
    'no user namespace can be made here: a seccomp profile forbids it (the default of most ' +
    'containers), or the process is in a chroot; run as root, or start the container with --privileged ' +
    'or --security-opt seccomp=unconfined',
  'userns-exhausted': () =>
    'no more user or mount namespaces can be made: user.max_user_namespaces or ' +
    'user.max_mnt_namespaces is reached here or in a namespace above; raise it with sysctl -w ' +
    'user.max_user_namespaces=15000',
  'userns-root-refused': () =>
    'the user is 0 and lacks CAP_SETFCAP, without which that user cannot be mapped into a namespace ' +
    '(Linux 5.12); run as another user, or leave the container that capability',
  'no-id-helper': ({ detail }) =>
    `subordinate ids need the program ${detail}, which is in no directory of PATH and not in /usr/bin; install it ` +
    '(Debian and Ubuntu: the package uidmap; Fedora and Arch: shadow-utils, shadow)',
  'no-subordinate-ids': ({ path }) =>
    `${path} grants this user no ids; root can give him some: usermod --add-subuids 100000-165535 ` +
    '--add-subgids 100000-165535 USER',
  'no-new-privileges': () =>
    'this process may not gain privileges (no_new_privs, as set by systemd’s NoNewPrivileges or a container), and ' +
    'newuidmap maps subordinate ids with its own',
  'helper-failed': ({ path, detail }) =>
    `${path}, which maps subordinate ids, has failed: ${detail}. It has to be set-user-ID root or have CAP_SETUID, ` +
    'on a filesystem without nosuid, and the user to have an account',
  'helper-slow': ({ path, detail }) =>
    `${path}, which maps subordinate ids, did not end in time, and was killed (${detail}); it may wait for a ` +
    'directory of accounts on the network',
  'not-dumpable': () =>
    'the process is not dumpable (it has changed its user, or its program may not be read), and so may ' +
    'not map ids into a user namespace; start it as the user it is to be',
  'child-killed': () =>
    'the short-lived child that was to make the mount was killed; a seccomp profile may end processes ' +
    'for calls it forbids',
  'rootless-forbidden': ({ detail }) =>
    `in namespaces of its own the process has all capabilities, and ${detail} was refused all the same: ` +
    'the kernel is older than Linux 5.11, or a security module or seccomp profile forbids it; run as root',
  'no-fsopen': () =>
    'this kernel has no mount interface of the new kind (fsopen) for overlayfs; use the old one, or ' +
    'Linux 6.5 or newer',

  // Layers
  'layer-no-access': ({ path }) =>
    `a directory on the way to ${path} may not be entered; give search permission (chmod +x) on it`,
  'parent-missing': () =>
    'the directory that it is to be created in does not exist; create that first',
  'lower-case-insensitive': ({ path }) =>
    `the lower ${path} lies on a filesystem that does not tell upper case from lower case, and the ` +
    'kernel takes none of those; copy it to another filesystem',
  'lower-unbindable': ({ path }) =>
    `the mount of the lower ${path} may not be copied (it is unbindable), and a layer is a copy; use ` +
    'another mount of the same filesystem, or `mount --make-private` it',
  'lower-locked-mounts': ({ path, dest }) =>
    `another mount lies on ${dest}, below the lower ${path}, and in a user namespace the kernel does not ` +
    'let it be looked under; use a lower without mounts below it, or run as root',
  'submounts-hidden': ({ path, dest, detail }) =>
    `${detail === '1' ? 'a mount lies' : `${detail} mounts lie`} below the lower ${path}, the first on ` +
    `${dest}: the overlay will show the empty directories beneath; name what is mounted as lowers ` +
    'of overlays of their own if it is needed',
  'layers-casefolded': ({ path }) =>
    `all layers fold case (${path} has the attribute +F): Linux 6.18 or newer is needed for that`,
  'layers-casefold-mixed': ({ path, dest }) =>
    `${path} folds case (attribute +F) and ${dest} does not; the layers must agree: remove the attribute ` +
    'from the empty directory (chattr -F), or give it to all',
  'owner-unmapped': ({ path, detail }) =>
    `the owner of ${path} (${detail}) has no id in this user namespace: what belongs to such owners can be read, and ` +
    'deleted or replaced where modes allow it, but changing it fails with EOVERFLOW',
  'mount-flags-not-kept': ({ path, detail }) =>
    `${path} is mounted ${detail}, which the overlay does not take over; give it the same flags if they ` +
    'are to protect anything',
  'data-needs-metacopy': () =>
    'this kernel takes data-only layers together with metacopy only (before Linux 6.16); set it to on',
  'too-many-layers': ({ detail }) =>
    `${detail} layers are more than the 500 that the kernel stacks; merge some of them`,
  'mountinfo-line-long': ({ detail }) =>
    `the line of this overlay in /proc/self/mountinfo will have about ${detail} bytes, and programs that ` +
    'read lines of 64 KiB at most will misread the table of mounts; use fewer or shorter paths',
  'beneath-nothing': () =>
    'nothing is mounted there, so nothing can be mounted beneath; mount on it, without `beneath`',

  // Upper and work
  'upper-no-dtype': () =>
    'the filesystem of the upper does not say of what type the entries of a directory are (d_type), and ' +
    'deleted files would show; make it anew (ext4 with the feature filetype, xfs with ftype=1)',
  'upper-remote': () =>
    'the upper lies on a network filesystem, which lacks what overlayfs needs (RENAME_WHITEOUT, ' +
    'trusted attributes); put upper and work on a local one',
  'upper-fuse': () =>
    'the upper lies on FUSE or 9p, where it depends on the server whether overlayfs can use it: attributes, ' +
    'types in directories and RENAME_WHITEOUT are needed; prefer a local filesystem',
  'upper-immutable': () =>
    'the upper is immutable: the overlay could be mounted, and every change would fail; remove the ' +
    'attribute (chattr -i)',
  'upper-not-creatable': () =>
    'this user may not create the upper there; choose another place, or change the permissions',
  'upper-not-writable': () =>
    'this user may not write to the upper directory itself: creating and deleting in the root of the ' +
    'overlay will fail with EACCES; change its owner or mode',
  'work-immutable': () =>
    'the work directory is immutable or append-only, and the kernel would mount the overlay read-only; ' +
    'remove the attribute (chattr -i -a)',
  'work-not-creatable': () =>
    'this user may not create the work directory there; name another one on the same mount as the upper',
  'work-not-writable': () =>
    'this user may not write to the work directory, and the kernel would mount the overlay read-only; ' +
    'change its owner or mode, or name another one',
  'work-foreign': ({ path }) =>
    `${path} is nothing that overlayfs has left, and the kernel would delete it; move it away or choose ` +
    'another work directory',
  'work-nested': ({ path }) =>
    `the kernel cannot clean up its directory "work": ${path} is deeper than it removes, and it would ` +
    'mount the overlay read-only; remove that directory',
  'work-volatile': ({ path }) =>
    `an earlier mount left ${path}: it was volatile and not closed properly, so the upper may be ` +
    'damaged if the system has crashed since; use it with `acceptUnclean` (`--accept-unclean`) if it ' +
    'has not, or after checking it',
  'work-incompat': ({ path, detail }) =>
    `a mount with the feature ${detail} has used this work directory (${path}), and only a kernel that ` +
    'knows the feature may use it again; use a new upper and work directory',
  'work-unreadable': ({ path }) =>
    `the kernel does not say why; only its own directory ${path} could not be looked into: if a volatile ` +
    'mount has left its mark in it, `chmod 700` it and remove incompat/volatile after checking the upper',
  'stale-origin': ({ dest }) =>
    'the upper was used with another lower before, and its index ties them together' +
    `${dest === '' ? '' : ` (${dest} is not that one)`}; use the lower it was made with, or a new upper`,
  'stale-index': () =>
    'the work directory was used with another upper before, and its index ties them together; use the ' +
    'one that belongs to this upper, or a new one',

  // Options
  'options-exclude': ({ detail }) => `${detail} exclude each other; leave one of them out`,
  'option-needs-trusted': ({ detail }) =>
    `${detail} is not to be had without CAP_SYS_ADMIN in the initial user namespace: an overlay that may not ` +
    'write trusted.* attributes has userxattr, and the kernel does not take both; leave it out, or mount as root',
  'option-unknown': ({ detail }) =>
    `this kernel does not know the option ${detail}; leave it out, or use a newer kernel`,
  'option-bad-value': ({ detail }) =>
    `this kernel does not take the option ${detail}; correct its value`,
  'option-is-layer': ({ detail }) =>
    `${detail} names a layer; use the options for layers instead of a raw one`,
  'option-repeated': ({ detail }) =>
    `${detail} is among the raw options, and has an option of its own here; use that one`,
  'option-needs-upper': ({ detail }) =>
    `${detail} has no meaning without an upper, and the kernel would ignore it; leave it out or name an upper`,
  'option-would-be-dropped': ({ detail }) =>
    `the kernel would mount without ${detail}; leave the option out, or run where it can be kept`,

  // What is left when nothing was found
  'too-many-mounts': () =>
    'the mount namespace, or the system, has no room for one more mount; see the sysctls fs.mount-max ' +
    'and user.max_mnt_namespaces, and unmount what is not needed',
  'volatile-after-error': () =>
    'the filesystem of the upper has failed to write something before, and the kernel does not begin a ' +
    'volatile mount on it; check the disk, and unmount and mount that filesystem anew',
  'refused-without-reason': () =>
    'the kernel does not say why, and nothing that is known to be refused was found; its log may tell ' +
    '(`dmesg | tail`, as root)',
};
