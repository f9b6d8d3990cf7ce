import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Failure, OverlayError } from './errors.ts';
import { errorFromFailure } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NativeProbe } from './native-diagnosis.ts';

const moduleParameters = '/sys/module/overlay/parameters';

export interface ProbedPrivileges {
  /** CAP_SYS_ADMIN in the user namespace of the process. */
  readonly sysAdmin: boolean;
  /** The process is in the user namespace that the system started with. */
  readonly initialUserNamespace: boolean;
  /** CAP_SYS_ADMIN counts for mounting: the mount namespace belongs to the user namespace. */
  readonly ownsMountNamespace: boolean;
  /** CAP_DAC_READ_SEARCH in the initial user namespace, without which the kernel keeps no index. */
  readonly openByHandle: boolean;
}

/** What this kernel and this process can do. `undefined` stands for what nobody can say here. */
export interface OverlayProbe {
  /** As uname(2) has it; nothing here is inferred from it. */
  readonly kernel: string;
  /** The kernel has overlayfs. */
  readonly overlay: boolean;
  /** Why an overlay cannot be mounted at a path; undefined if it can. */
  readonly mountingError: OverlayError | undefined;
  readonly privileges: ProbedPrivileges;
  /** Why a detached overlay cannot be made without privileges; undefined if it can. */
  readonly rootlessError: OverlayError | undefined;
  /** fsopen(2) and overlayfs's support of it are real (Linux 6.5), or mount(2) is all there is. */
  readonly fsopen: boolean | undefined;
  /** Layers can be given as descriptors (Linux 6.13). */
  readonly layerDescriptors: boolean | undefined;
  /** Whether the kernel knows an option, by its name. */
  readonly options: Readonly<Record<string, boolean | undefined>>;
  /** Other system calls: statmount(2), listmount(2), open_tree_attr(2), MOVE_MOUNT_BENEATH. */
  readonly calls: Readonly<
    Record<'statmount' | 'listmount' | 'openTreeAttr' | 'mountBeneath', boolean | undefined>
  >;
  /** Those of the kernel module, as `/sys/module/overlay/parameters` has them. */
  readonly parameters: Readonly<Record<string, string>>;
}

function readParameters(): Record<string, string> {
  try {
    const names = readdirSync(moduleParameters);
    return Object.fromEntries(
      names.map((name) => [name, readFileSync(`${moduleParameters}/${name}`, 'utf8').trim()]),
    );
  } catch {
    return {}; // the module is not loaded, or /sys is not mounted
  }
}

function errorOf(failure: Failure | null): OverlayError | undefined {
  return failure === null ? undefined : errorFromFailure(failure);
}

function probed(found: NativeProbe): OverlayProbe {
  const options = Object.entries(found.options);
  return {
    kernel: release(),
    overlay: found.registered || found.fsopen === true,
    mountingError: errorOf(found.mounting),
    privileges: {
      sysAdmin: found.sysAdmin,
      initialUserNamespace: !found.userNamespace,
      ownsMountNamespace: found.ownsMountNamespace,
      openByHandle: found.openByHandle,
    },
    rootlessError: errorOf(found.rootless),
    fsopen: found.fsopen ?? undefined,
    layerDescriptors: found.layerDescriptors ?? undefined,
    options: Object.fromEntries(options.map(([name, known]) => [name, known ?? undefined])),
    calls: {
      statmount: found.statmount ?? undefined,
      listmount: found.listmount ?? undefined,
      openTreeAttr: found.openTreeAttr ?? undefined,
      mountBeneath: found.mountBeneath ?? undefined,
    },
    parameters: readParameters(),
  };
}

/**
 * Finds out what this kernel and this process can do, by trying and not by version. It makes one
 * overlay in a short-lived child with namespaces of its own, which leaves nothing behind.
 */
export async function probe(): Promise<OverlayProbe> {
  return probed(unwrap(await native().probe(false)));
}

/** Like `probe`, blocking. */
export function probeSync(): OverlayProbe {
  return probed(unwrap(native().probe(true)));
}
