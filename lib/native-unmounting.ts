/** The addon takes mounts off, and finds who is in the way of that. */
import type { Failure } from './errors.ts';
import type { HoldKind } from './holder.ts';
import type { EitherWay, Handle } from './native-outcome.ts';

export type UnmountRestHandle = Handle<'unmount-rest'>;
export type HoldersHandle = Handle<'holders'>;

export interface NativeUnmountScope {
  readonly any: boolean;
  readonly recursive: boolean;
  readonly all: boolean;
}

export interface NativeUnmounted {
  /** Unmounted, in this order. */
  readonly places: readonly Buffer[];
  readonly failure: Failure | null;
  /** What is left to be unmounted. */
  readonly rest: UnmountRestHandle;
}

export interface NativeHolders {
  readonly holders: readonly {
    readonly pid: number;
    readonly command: Buffer;
    readonly args: readonly Buffer[];
    readonly holds: readonly {
      readonly kind: HoldKind;
      /** -1 if it is no descriptor. */
      readonly fd: number;
      readonly path: Buffer;
    }[];
    readonly omitted: number;
    readonly copy: boolean;
  }[];
  readonly submounts: readonly {
    readonly mountId: number;
    readonly fstype: Buffer;
    readonly target: Buffer;
  }[];
  readonly copies: readonly {
    readonly namespace: bigint;
    readonly pid: number;
    readonly command: Buffer;
    readonly target: Buffer;
  }[];
  readonly unreadable: number;
}

export interface NativeUnmounting {
  unmountAt: EitherWay<[target: Buffer, flags: number, scope: NativeUnmountScope], NativeUnmounted>;
  unmountById: EitherWay<[id: bigint, flags: number, scope: NativeUnmountScope], NativeUnmounted>;
  unmountRest: EitherWay<[rest: UnmountRestHandle, flags: number], NativeUnmounted>;
  openHolders: EitherWay<[target: Buffer], HoldersHandle>;
  /** Goes on for 20 ms; null while there is more to do. */
  nextHolders: EitherWay<[search: HoldersHandle], NativeHolders | null>;
}
