/** The only file that loads the addon. Its interface is in native-*.ts, by subject. */
import { errorFromFailure, OverlayError } from './errors.ts';
import type { NativeApply } from './native-apply.ts';
import type { NativeDiagnosis } from './native-diagnosis.ts';
import type { NativeMountCalls } from './native-mount-calls.ts';
import type { NativeMountTable } from './native-mount-table.ts';
import type { NativeMounts } from './native-mounts.ts';
import type { NativeNamespaces } from './native-namespaces.ts';
import type { Outcome } from './native-outcome.ts';
import type { NativePrograms } from './native-programs.ts';
import type { NativeSandboxes } from './native-sandboxes.ts';
import type { NativeSessions } from './native-sessions.ts';
import type { NativeSyscalls } from './native-syscalls.ts';
import type { NativeUnmounting } from './native-unmounting.ts';
import type { NativeWalks } from './native-walks.ts';
import { packageRoot, require } from './package.ts';

export interface NativeBinding
  extends NativeMounts,
    NativeDiagnosis,
    NativeMountTable,
    NativeUnmounting,
    NativeMountCalls,
    NativeSyscalls,
    NativeWalks,
    NativeApply,
    NativePrograms,
    NativeSandboxes,
    NativeSessions,
    NativeNamespaces {}

let binding: NativeBinding | undefined;

function load(): NativeBinding {
  if (process.platform !== 'linux') {
    throw new OverlayError(
      `ENOSYS: function not implemented: overlayfs is a filesystem of the Linux kernel, and this is ${process.platform}`,
      { code: 'ENOSYS', errno: -38, hint: 'run this part of your program on Linux' },
    );
  }
  try {
    return require('node-gyp-build/node-gyp-build.js')(packageRoot) as NativeBinding;
  } catch (cause) {
    const kind = `${process.platform}-${process.arch}`;
    throw new OverlayError(`the native addon of overlayfs for ${kind} could not be loaded`, {
      code: 'ERR_OVERLAYFS_ADDON',
      hint:
        `the package brings prebuilt binaries for linux-x64 with glibc 2.28 or newer; on ${kind} with ` +
        'another C library, or if files of the package are missing, install it anew or build it from ' +
        'its repository (npm run build)',
      cause,
    });
  }
}

/** The addon, loaded at its first use: importing the package works on every system. */
export function native(): NativeBinding {
  binding ??= load();
  return binding;
}

export function unwrap<T>(outcome: Outcome<T>): T {
  if ('failure' in outcome) {
    throw errorFromFailure(outcome.failure);
  }
  return outcome.value;
}
