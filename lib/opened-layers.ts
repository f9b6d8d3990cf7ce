import type { LayersHandle } from './native.ts';

/**
 * Objects that hold opened layers. `changes` knows an `Overlay` by its being in here: without a cycle of
 * imports, and nobody else's object can pass for one.
 */
const holders = new WeakMap<object, () => LayersHandle>();

/** `open` throws where there is nothing to compare. */
export function holdLayers(holder: object, open: () => LayersHandle): void {
  holders.set(holder, open);
}

export function layersHeldBy(value: unknown): (() => LayersHandle) | undefined {
  return typeof value === 'object' && value !== null ? holders.get(value) : undefined;
}
