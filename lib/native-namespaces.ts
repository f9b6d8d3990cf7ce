/** The addon makes user namespaces with subordinate ids, and works in them. */
import type { Handle, Outcome } from './native-outcome.ts';
import type { NativeEnd, NativeProgramSpec } from './native-programs.ts';

export type NamespaceHandle = Handle<'namespace'>;

export interface NativeNamespaces {
  /** Of an ordinary user with the help of newuidmap(1), which is looked for in `search` and has so long. */
  makeMappedNamespace(search: Buffer, milliseconds: number): Promise<Outcome<NamespaceHandle>>;
  /** What it was given to keeps it. */
  releaseNamespace(namespace: NamespaceHandle): Outcome<undefined>;
  /** With the rights over its ids. */
  removeTreeIn(namespace: NamespaceHandle, path: Buffer): Promise<Outcome<undefined>>;
  /** Waits in the pool for its end; of `stdio` there are no pipes. */
  runInNamespace(
    namespace: NamespaceHandle,
    program: NativeProgramSpec,
  ): Promise<Outcome<NativeEnd>>;
  /** The first entry that is another user's, or of a group that we are not in. */
  findForeignEntry(
    path: Buffer,
  ): Promise<Outcome<{ readonly path: Buffer; readonly owner: string } | null>>;
  /** CAP_CHOWN. */
  mayChown(): boolean;
}
