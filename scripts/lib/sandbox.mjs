import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './root.mjs';
import { run } from './run.mjs';
import { which } from './tools.mjs';

export const isRoot = process.getuid?.() === 0;
const overlayMagic = 0x794c7630;

/** Root drops to the user behind sudo, else to the first ordinary uid; it needs no account. */
const uid = Number(process.env.SUDO_UID || 1000);
const gid = Number(process.env.SUDO_GID || 1000);
/** Whom root's programs become. */
export const owner = { uid, gid };
const drop = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
// The suite dies with this program even if that is killed with no chance to clean up.
const tied = ['setpriv', '--pdeathsig', 'KILL', '--'];
const privateMounts = ['unshare', '--mount', '--propagation', 'private', '--'];
const userNamespace = ['unshare', '--user', '--map-root-user', '--mount', '--'];

async function works(words, program = ['true']) {
  const [command, ...args] = [...words, ...program];
  return (await run(command, args, { quiet: true })).ok;
}

/** The words that give root's programs mounts of their own, as far as this root may. */
export async function privately() {
  return isRoot && (await works(privateMounts)) ? privateMounts : [];
}

function publicMode(path, bits) {
  try {
    return (statSync(path).mode & bits) === bits;
  } catch {
    return true;
  }
}

/** The temporary directory, if everybody can reach it. */
function temporaryRoot() {
  for (let path = tmpdir(); path !== dirname(path); path = dirname(path)) {
    if (isRoot && !publicMode(path, 0o001)) {
      return '/tmp';
    }
  }
  return tmpdir();
}

/**
 * A directory for one suite: HOME, TMPDIR and, for another user than ours, the project. Its name
 * must not look like a leftover of the tests.
 */
export function createRunDirectory(asRoot) {
  const directory = mkdtempSync(join(temporaryRoot(), 'ovl-suite-'));
  chmodSync(directory, 0o755);
  for (const name of ['home', 'tmp', 'project']) {
    const path = join(directory, name);
    mkdirSync(path);
    if (isRoot && !asRoot) {
      chownSync(path, uid, gid);
    }
  }
  return directory;
}

export async function removeRunDirectory(directory) {
  // rm -rf gets along with the mode 000 directories that overlayfs leaves; fs.rm does not.
  const { ok } = await run('rm', ['-rf', directory], { quiet: true });
  if (!ok) {
    await run('chmod', ['-R', 'u+rwX', directory], { quiet: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

// The clone may lie below directories, or have modes, that the unprivileged user cannot read. Its
// entries are bound (or, where modes forbid, copied) one by one to a directory of that user, so
// that even a project directory of mode 0700 is no obstacle. All of it dies with the namespace.
const prepare = `
set -eu
run=$1 project=$2 how=$3 owner=$4 tmpfs=$5 node=$6; shift 6
if [ "$tmpfs" = yes ]; then
  mount -t tmpfs -o mode=0755 tmpfs "$run/tmp"
  chown "$owner" "$run/tmp"
fi
if [ "$how" != stay ]; then
  cd "$project"
  for entry in * .[!.]*; do
    case $entry in .git) continue ;; esac
    [ -e "$entry" ] || continue
    to=$run/project/$entry
    if [ "$how" = copy ]; then
      cp -a "$entry" "$to"
    elif [ -d "$entry" ]; then
      mkdir "$to"
      mount --rbind "$entry" "$to"
    else
      : > "$to"
      mount --bind "$entry" "$to"
    fi
  done
  if [ "$how" = copy ]; then chown -R "$owner" "$run/project"; fi
  if [ -n "$node" ]; then
    : > "$run/node"
    mount --bind "$node" "$run/node"
  fi
  cd "$run/project"
fi
exec "$@"
`;

function prepared(directory, { how, tmpfs = false, hidesNode = false }) {
  const node = hidesNode ? process.execPath : '';
  const facts = [directory, root, how, `${uid}:${gid}`, tmpfs ? 'yes' : 'no', node];
  return ['sh', '-c', prepare, 'sh', ...facts];
}

/** Whether the parts of the project that tests read can be read by everybody. */
function readableByAll() {
  const directories = ['dist', 'dist/lib', 'dist/test', 'node_modules', 'build', 'native'];
  const files = ['package.json', 'node_modules/ava/package.json', 'dist/library/index.js'];
  return (
    directories.every((path) => publicMode(join(root, path), 0o005)) &&
    files.every((path) => publicMode(join(root, path), 0o004))
  );
}

function sysctl(name) {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function whyNoUserNamespace() {
  const culprits = [
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['user.max_user_namespaces', '0', '15000'],
  ]
    .filter(([name, bad]) => sysctl(name) === bad)
    .map(([name, , good]) => `sysctl -w ${name}=${good}`);
  return culprits.length > 0
    ? `user namespaces are switched off for ordinary users; to allow them: ${culprits.join(', ')}`
    : 'this system does not let an ordinary user make a user namespace (a container or its seccomp profile?)';
}

/** Overlay on overlay is not possible: in a container, tests that mount get a tmpfs. */
function needsTmpfs(directory) {
  return statfsSync(directory).type === overlayMagic;
}

/**
 * How the suites can be started here. Each has either `skip`, a reason, or `command(directory)`,
 * which returns the words that lead to the program to run, and the node to run it with.
 */
export function planSuites() {
  const absent = ['unshare', 'setpriv', 'mount'].find((name) => !which(name));
  if (absent) {
    const skip = `${absent} is not installed (Debian package util-linux, mount)`;
    return Promise.resolve({ root: { skip }, user: { skip }, unprivileged: { skip } });
  }
  return isRoot ? planAsRoot() : planAsUser();
}

async function planAsUser() {
  const here = (words) => () => ({ words, node: process.execPath });
  const allowed = await works(userNamespace);
  return {
    root: { skip: 'not started as root' },
    user: allowed
      ? {
          command: (directory) => ({
            words: [
              ...userNamespace,
              ...prepared(directory, { how: 'stay', tmpfs: needsTmpfs(directory) }),
              ...tied,
            ],
            node: process.execPath,
          }),
        }
      : { skip: whyNoUserNamespace() },
    unprivileged: { command: here(tied) },
  };
}

async function planAsRoot() {
  if (!(await works(privateMounts))) {
    const skip = 'this root may not mount (a container? start it with --privileged)';
    return { root: { skip }, user: { skip }, unprivileged: { skip } };
  }
  const hidesNode = !(await works(drop, ['test', '-x', process.execPath]));
  const how = readableByAll() ? 'bind' : 'copy';
  const dropped = (inner) => (directory) => ({
    words: [
      ...privateMounts,
      ...prepared(directory, { how, tmpfs: needsTmpfs(directory), hidesNode }),
      ...drop,
      ...inner,
      ...tied,
    ],
    node: hidesNode ? join(directory, 'node') : process.execPath,
  });
  return {
    root: {
      command: (directory) => ({
        words: [
          ...privateMounts,
          ...prepared(directory, { how: 'stay', tmpfs: needsTmpfs(directory) }),
          ...tied,
        ],
        node: process.execPath,
      }),
    },
    user: (await works([...drop, ...userNamespace]))
      ? { command: dropped(userNamespace) }
      : { skip: whyNoUserNamespace() },
    unprivileged: { command: dropped([]) },
  };
}

/** The environment of a suite: a HOME and a TMPDIR of its own, and nothing of the caller's session. */
export function suiteEnvironment(directory, as) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(?:XDG_|SUDO_)/.test(name)) {
      delete env[name];
    }
  }
  return {
    ...env,
    HOME: join(directory, 'home'),
    TMPDIR: join(directory, 'tmp'),
    OVERLAYFS_TEST_AS: as,
  };
}
