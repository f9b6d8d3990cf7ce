/** The options that name what is to be stacked, of every command that takes them. */
import type { DiagnoseOptions } from '../diagnose.ts';
import { UsageError } from './command-errors.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';

export const layerOptions: {
  readonly lower: { readonly type: 'string'; readonly multiple: true };
  readonly upper: { readonly type: 'string' };
  readonly work: { readonly type: 'string' };
  readonly userxattr: { readonly type: 'boolean' };
} = {
  lower: { type: 'string', multiple: true },
  upper: { type: 'string' },
  work: { type: 'string' },
  userxattr: { type: 'boolean' },
};

export interface LayerValues {
  readonly lower?: readonly Word[];
  readonly upper?: Word;
  readonly work?: Word;
  readonly userxattr?: boolean;
}

export function layersOf(values: LayerValues): DiagnoseOptions {
  const { lower = [], upper, work, userxattr } = values;
  if (lower.length === 0) {
    throw new UsageError('at least one --lower DIR is needed');
  }
  if (work !== undefined && upper === undefined) {
    throw new UsageError('--work needs --upper: a read-only overlay has no use for it');
  }
  return {
    lower: lower.map((word) => pathOf(word, '--lower')),
    ...(upper === undefined ? {} : { upper: pathOf(upper, '--upper') }),
    ...(work === undefined ? {} : { work: pathOf(work, '--work') }),
    ...(userxattr ? { userxattr } : {}),
  };
}
