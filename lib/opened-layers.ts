import { native } from './native.ts';
import type { LayersHandle, MountHandle } from './native-mounts.ts';

/** Where an overlay is mounted; detached it has a handle only. */
export interface HeldMount {
  readonly path: Buffer | undefined;
  readonly mount: MountHandle;
}

/**
 * Objects that hold opened layers, and mounts. `changes` and `mountOverlay` know an `Overlay` by its
 * being in here: without a cycle of imports, and nobody else's object can pass for one.
 */
const holders = new WeakMap<object, () => LayersHandle>();
const mounts = new WeakMap<object, () => HeldMount>();

/** `open` throws where there is nothing to compare. */
export function holdLayers(holder: object, open: () => LayersHandle): void {
  holders.set(holder, open);
}

export function layersHeldBy(value: unknown): (() => LayersHandle) | undefined {
  return typeof value === 'object' && value !== null ? holders.get(value) : undefined;
}

/** `open` throws where the overlay is closed. */
export function holdMount(holder: object, open: () => HeldMount): void {
  mounts.set(holder, open);
}

export function mountHeldBy(value: unknown): (() => HeldMount) | undefined {
  return typeof value === 'object' && value !== null ? mounts.get(value) : undefined;
}

function handleOf(overlay: object): MountHandle {
  const held = mounts.get(overlay);
  if (held === undefined) {
    throw new TypeError('not an Overlay');
  }
  return held().mount;
}

/** Of a detached overlay; it is the overlay's. */
export function overlayDescriptor(overlay: object): number {
  return native().overlayFd(handleOf(overlay));
}

/** Of an ordinary user's overlay; -1 of others. */
export function userNamespaceOf(overlay: object): number {
  return native().overlayNamespace(handleOf(overlay));
}
