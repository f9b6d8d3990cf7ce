/** Why programs could not be kept from something, as sentences. */
import type { Where } from './reasons.ts';

export const isolationReasons: Readonly<Record<string, (where: Where) => string>> = {
  'network-not-permitted': () =>
    'a network namespace takes CAP_SYS_ADMIN in the user namespace of the sandbox, and a container that does not ' +
    'forbid unshare; or leave the network as it is',
  'network-namespaces-exhausted': () =>
    'every program without network has a network namespace of its own, and there are as many as ' +
    '/proc/sys/user/max_net_namespaces allows; end others, or leave the network as it is',
  'no-network-namespaces': () =>
    'this kernel has no network namespaces (CONFIG_NET_NS); leave the network as it is',
  'no-loopback': () =>
    'the loopback device of the new network namespace could not be brought up; a seccomp filter may forbid it: ' +
    'allow it, or leave the network as it is',
  'pids-not-permitted': () =>
    'a PID namespace takes CAP_SYS_ADMIN in the user namespace of the sandbox, and a container that does not ' +
    'forbid clone; or do without (`pidNamespace`, `--pid-namespace`)',
  'pid-namespaces-exhausted': () =>
    'there are as many PID namespaces as /proc/sys/user/max_pid_namespaces allows, or 32 within each other; end ' +
    'others, or do without (`pidNamespace`, `--pid-namespace`)',
  'no-pid-namespaces': () =>
    'this kernel has no PID namespaces (CONFIG_PID_NS), or the caller has left its own by unshare(2) without ' +
    'forking (`unshare --pid` without `--fork`); do without (`pidNamespace`, `--pid-namespace`)',
  'proc-refused': () =>
    'a PID namespace needs a /proc of its own, and the kernel gives an ordinary user none where parts of the ' +
    'present one are masked, as in most containers; start the container with all of /proc (`docker run ' +
    '--security-opt systempaths=unconfined`, `podman run --security-opt unmask=ALL`), or do without ' +
    '(`pidNamespace`, `--pid-namespace`)',
  'proc-missing': () =>
    'a PID namespace needs a directory for a /proc of its own, and there is none in the view; make it, or do ' +
    'without (`pidNamespace`, `--pid-namespace`)',
  'isolation-not-permitted': () =>
    'this takes CAP_SYS_ADMIN in the user namespace of the sandbox, and a container that does not forbid the call; ' +
    'or leave the option out that needs it (`hide`, `readOnly`, `emptyTmp`)',
  'isolated-missing': () =>
    'there is nothing of that name in the view: the session has removed it, or it lies in what is hidden; leave ' +
    'it out, or name what is there',
  'isolated-denied': () =>
    'a directory on the way may not be searched, so programs cannot get there either; leave it out',
  'isolated-link': () =>
    'a symbolic link is on the way in the view; name what it leads to, by a path without links',
  'isolated-unbindable': () =>
    'something there is mounted such that it cannot be bound (MS_UNBINDABLE), and so cannot be made read-only by ' +
    'itself; name a mount point, or leave it out',
};
