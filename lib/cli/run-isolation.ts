/** What a program is kept from, as the command line has it. */
import type { SandboxOptions } from '../sandbox-options.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';

interface IsolationWords {
  readonly 'no-network'?: boolean;
  readonly hide?: readonly Word[];
  readonly 'read-only'?: readonly Word[];
  readonly 'empty-tmp'?: boolean;
  readonly 'pid-namespace'?: boolean;
}

type Isolation = Pick<
  SandboxOptions,
  'network' | 'hide' | 'readOnly' | 'emptyTmp' | 'pidNamespace'
>;

export function isolationOf(words: IsolationWords): Isolation {
  const { hide, 'read-only': readOnly } = words;
  return {
    ...(words['no-network'] ? { network: false } : {}),
    ...(hide === undefined ? {} : { hide: hide.map((each) => pathOf(each, '--hide')) }),
    ...(readOnly === undefined
      ? {}
      : { readOnly: readOnly.map((each) => pathOf(each, '--read-only')) }),
    ...(words['empty-tmp'] ? { emptyTmp: true } : {}),
    ...(words['pid-namespace'] ? { pidNamespace: true } : {}),
  };
}
