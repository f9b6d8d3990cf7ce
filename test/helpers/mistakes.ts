/**
 * Mistakes that people make, each prepared on real mounts. Who diagnoses finds the reason; who mounts
 * is refused with the same sentence.
 */
import type { MountOptions } from 'overlayfs';
import { layerMistakes } from './mistakes-layers.ts';
import { optionMistakes } from './mistakes-options.ts';
import { upperMistakes } from './mistakes-upper.ts';
import type { Place } from './place.ts';
import { asRoot } from './place.ts';

export interface Mistake {
  readonly title: string;
  /** Only one of the suites can make it: as whom, and why. */
  readonly only?: { readonly as: 'root' | 'user'; readonly why: string };
  prepare(place: Place): MountOptions;
  /** Of the finding, and of the error of mounting. */
  readonly code: string;
  readonly reason: string;
  readonly hint: RegExp;
}

export const mistakes: readonly Mistake[] = [...layerMistakes, ...upperMistakes, ...optionMistakes];

/** Why a mistake cannot be made in this suite; undefined if it can. */
export function whyNotHere({ only }: Mistake): string | undefined {
  const here = only === undefined || (only.as === 'root') === asRoot;
  return here ? undefined : `[${only.as} only]: ${only.why}`;
}
