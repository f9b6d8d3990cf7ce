/** What attaching and closing an overlay can be asked for. */
import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import type { Propagation } from './mount-attributes.ts';
import { propagationFlag } from './mount-attributes.ts';

export interface CloseOptions {
  /** Detach the mount at once even if it is in use (MNT_DETACH); its users keep their files. */
  readonly lazy?: boolean;
  /**
   * Whether everything written is on the disk when this resolves. Default: true. Without `volatile` the
   * kernel does that by itself, and false changes nothing. With `volatile` the filesystem of the upper
   * is synced once and the kernel's mark of such a mount removed, so that the upper can be mounted
   * again; with false, and after a lazy unmount, neither happens, and the next mount needs
   * `acceptUnclean`. An ephemeral upper is never synced.
   */
  readonly sync?: boolean;
}

export interface AttachOptions {
  /**
   * Below what is mounted there now: nobody sees a difference until that is unmounted, and then the
   * overlay is there at once. Linux 6.5; the target has to be a mount point.
   */
  readonly beneath?: boolean;
  readonly propagation?: Propagation;
}

export type CloseRequest = readonly [lazy: boolean, synced: boolean];

export function closeRequest(options: unknown): CloseRequest {
  const given = optionsObject(options, 'options', ['lazy', 'sync']);
  const lazy = optionalBoolean(given.lazy, 'options.lazy') ?? false;
  return [lazy, optionalBoolean(given.sync, 'options.sync') ?? true];
}

export function attachArguments(target: unknown, options: unknown): [Buffer, boolean, number] {
  const given = optionsObject(options, 'options', ['beneath', 'propagation']);
  return [
    absolutePath(target, 'target'),
    optionalBoolean(given.beneath, 'options.beneath') ?? false,
    given.propagation === undefined ? 0 : propagationFlag(given.propagation, 'options.propagation'),
  ];
}
