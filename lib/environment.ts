/** What `overlayfs doctor` says of the machine and the process: a row for each question. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { workingDirectory } from './arguments.ts';
import type { Finding } from './diagnose.ts';
import { findingOf } from './diagnose.ts';
import { native, unwrap } from './native.ts';
import { bytesOfVariable } from './path-bytes.ts';
import type { OverlayProbe } from './probe.ts';
import { explain } from './reasons.ts';
import { stateDirectory } from './state-directories.ts';

export interface EnvironmentRow {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly path?: string;
}

const nowhere = { path: '', dest: '', detail: '' };

function sentence(reason: string, detail = ''): string {
  return explain(reason, { ...nowhere, detail }) ?? reason;
}

/** Switches that keep ordinary users from mounting, and the value with which they do. */
const switches: readonly (readonly [file: string, forbids: string])[] = [
  ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1'],
  ['/proc/sys/kernel/unprivileged_userns_clone', '0'],
  ['/proc/sys/user/max_user_namespaces', '0'],
  ['/proc/sys/user/max_mnt_namespaces', '0'],
];

function settingOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // this kernel has no such switch
  }
}

function kernelRow({ overlay, kernel }: OverlayProbe): EnvironmentRow {
  return overlay
    ? { name: 'kernel', status: 'ok', message: `Linux ${kernel} has overlayfs` }
    : { name: 'kernel', status: 'error', message: `Linux ${kernel}: ${sentence('no-overlay')}` };
}

function interfaceRow({ fsopen, layerDescriptors }: OverlayProbe): EnvironmentRow {
  const name = 'interface';
  if (fsopen === undefined) {
    return { name, status: 'warning', message: 'may not be asked for here; mount(2) at least' };
  }
  if (!fsopen) {
    const message = 'mount(2) only: no detached overlays, and options of 4095 bytes at most';
    return { name, status: 'warning', message };
  }
  const layers = layerDescriptors ? 'descriptors' : 'paths';
  return { name, status: 'ok', message: `fsopen(2) and its like, layers as ${layers}` };
}

function mountingRow({ privileges, mountingError }: OverlayProbe): EnvironmentRow {
  const name = 'mounting';
  if (mountingError !== undefined) {
    const message = `not at a path: ${mountingError.hint ?? mountingError.message}`;
    return { name, status: 'warning', message };
  }
  const message = privileges.initialUserNamespace
    ? 'at any path, marks in trusted.* attributes'
    : 'at a path in this namespace, marks in user.* attributes (userxattr); no index, no metacopy';
  return { name, status: 'ok', message };
}

function rootlessRow({ rootlessError, mountingError, privileges }: OverlayProbe): EnvironmentRow {
  const name = 'rootless';
  const forbidding = switches.find(([file, forbids]) => settingOf(file) === forbids);
  // Who has the privilege is let through by some of the switches, and others are not.
  if (rootlessError === undefined && privileges.sysAdmin && forbidding !== undefined) {
    return { name, status: 'warning', message: sentence('userns-switched-off', forbidding[0]) };
  }
  if (rootlessError !== undefined) {
    // Without the one and the other nothing can be done with overlays here.
    const status = mountingError === undefined ? 'warning' : 'error';
    return { name, status, message: rootlessError.message };
  }
  const message = 'detached overlays without privileges, in a child with namespaces of its own';
  return { name, status: 'ok', message };
}

/** The defaults of a kernel that no distribution has changed; the others are numbers. */
const usual: Readonly<Record<string, string>> = {
  redirect_dir: 'N',
  redirect_always_follow: 'Y',
  index: 'N',
  metacopy: 'N',
  nfs_export: 'N',
  xino_auto: 'N',
};

function parametersRow({ parameters }: OverlayProbe): EnvironmentRow {
  const name = 'parameters';
  const changed = Object.entries(parameters)
    .filter(([key, value]) => usual[key] !== undefined && usual[key] !== value)
    .map(([key, value]) => `${key}=${value}`);
  if (changed.length === 0) {
    return { name, status: 'ok', message: "of the kernel's module: as usual" };
  }
  const message =
    `of the kernel's module: ${changed.join(', ')}; mounts of other programs have these options ` +
    'unless they say otherwise, ours have not';
  return { name, status: 'warning', message };
}

function tableRow({ calls }: OverlayProbe): EnvironmentRow {
  const message =
    calls.statmount && calls.listmount
      ? 'read with listmount(2) and statmount(2)'
      : 'read from /proc/self/mountinfo';
  return { name: 'mount table', status: 'ok', message };
}

async function upperRow(name: string, at: Buffer): Promise<EnvironmentRow> {
  const path = at.toString();
  const found = unwrap(await native().inspectUpperParent(at, false));
  const [first] = found.map((each): Finding => findingOf(each));
  return first === undefined
    ? { name, status: 'ok', message: 'an upper can be here', path }
    : { name, status: 'warning', message: first.message, path };
}

export async function environmentRows(found: OverlayProbe): Promise<EnvironmentRow[]> {
  return [
    kernelRow(found),
    interfaceRow(found),
    mountingRow(found),
    rootlessRow(found),
    parametersRow(found),
    tableRow(found),
    await upperRow('upper here', workingDirectory()),
    await upperRow('upper in TMPDIR', bytesOfVariable(tmpdir(), 'TMPDIR', 'TMP', 'TEMP')),
    await upperRow('upper in state', stateDirectory()),
  ];
}
