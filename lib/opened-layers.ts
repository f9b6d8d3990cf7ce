import type { LayersHandle } from './native.ts';

/** An object that holds opened layers. By this `changes` knows an `Overlay` without its class. */
export interface OpenedLayers {
  /** The descriptors of the layers; throws where there is nothing to compare. For `changes`. */
  openedLayers(): LayersHandle;
}

export function hasOpenedLayers(value: unknown): value is OpenedLayers {
  return typeof value === 'object' && value !== null && 'openedLayers' in value;
}
