/** The addon looks for mistakes, and at what the kernel and this process can do. */
import type { Failure } from './errors.ts';
import type { NativeSpec } from './native-mounts.ts';
import type { EitherWay } from './native-outcome.ts';

export interface NativeFinding {
  /** False: a warning. */
  readonly error: boolean;
  /** Positive; 0 where nothing fails. */
  readonly errno: number;
  readonly reason: string;
  readonly path: Buffer | null;
  readonly dest: Buffer | null;
  readonly detail: Buffer;
}

/** Null: nobody can say. */
export interface NativeProbe {
  readonly sysAdmin: boolean;
  readonly userNamespace: boolean;
  readonly ownsMountNamespace: boolean;
  readonly openByHandle: boolean;
  readonly registered: boolean;
  readonly fsopen: boolean | null;
  readonly layerDescriptors: boolean | null;
  readonly options: Readonly<Record<string, boolean | null>>;
  readonly statmount: boolean | null;
  readonly listmount: boolean | null;
  readonly openTreeAttr: boolean | null;
  readonly mountBeneath: boolean | null;
  readonly mounting: Failure | null;
  readonly rootless: Failure | null;
}

export interface NativeDiagnosis {
  inspect: EitherWay<[spec: NativeSpec], readonly NativeFinding[]>;
  inspectUpperParent: EitherWay<[directory: Buffer], readonly NativeFinding[]>;
  probe: EitherWay<[], NativeProbe>;
  canReadTrusted(): boolean;
  /** CAP_SYS_ADMIN counts for mounts of this namespace. */
  mayMount(): boolean;
}
