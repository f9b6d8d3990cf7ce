import { describeErrno } from './errno.ts';
import type { MountOptions } from './mount-options.ts';
import { specOf } from './mount-options.ts';
import { native, unwrap } from './native.ts';
import type { NativeFinding } from './native-diagnosis.ts';
import { explain } from './reasons.ts';

/** One thing that is wrong, or surprising, about an overlay. */
export interface Finding {
  /** With an `error` it cannot be mounted, or would do harm; with a `warning` it can. */
  readonly severity: 'error' | 'warning';
  /**
   * The error number by name (`EINVAL`): that of the mount, or, of a warning, the one that users of
   * the overlay will meet. Undefined where nothing will fail.
   */
  readonly code: string | undefined;
  /** A stable word for programs: `work-other-mount`, … */
  readonly reason: string;
  /** The cause and the way out, for people. */
  readonly message: string;
  /** What it is about. Bytes that are not UTF-8 are replaced. */
  readonly path?: string;
  readonly pathBytes?: Buffer;
  /** The other path of a conflict. */
  readonly dest?: string;
  readonly destBytes?: Buffer;
}

export function findingOf(found: NativeFinding): Finding {
  const { error, errno, reason, path, dest, detail } = found;
  const where = {
    path: path?.toString() ?? '',
    dest: dest?.toString() ?? '',
    detail: detail.toString(),
  };
  const [code, text] = errno === 0 ? [undefined, ''] : describeErrno(errno);
  return {
    severity: error ? 'error' : 'warning',
    code,
    reason,
    message: explain(reason, where) ?? text,
    ...(path === null ? {} : { path: where.path, pathBytes: path }),
    ...(dest === null ? {} : { dest: where.dest, destBytes: dest }),
  };
}

/**
 * Everything that can be found out about an overlay without mounting it; errors come first. Nothing
 * is created, changed or mounted. An empty list is no promise: the kernel has the last word, and
 * what is true now need not be so later.
 *
 * @throws TypeError for wrong arguments.
 * @see overlayfs.rst in the kernel's documentation
 */
export async function diagnose(options: MountOptions): Promise<Finding[]> {
  const spec = specOf(options);
  return unwrap(await native().inspect(spec, false)).map(findingOf);
}

/** Like `diagnose`, blocking. */
export function diagnoseSync(options: MountOptions): Finding[] {
  const spec = specOf(options);
  return unwrap(native().inspect(spec, true)).map(findingOf);
}
