/** Compiled, never run: what the types of sandboxes and sessions promise. */
import type { Readable, Writable } from 'node:stream';
import type {
  ApplyOptions,
  CloneProgress,
  CloneSessionOptions,
  cloneSession,
  createSandbox,
  discardSession,
  findSession,
  isSession,
  Layers,
  listSessions,
  PathLike,
  Pruned,
  pruneSessions,
  RunResult,
  RunStdio,
  Sandbox,
  SandboxIdMap,
  SandboxOptions,
  SandboxProcess,
  SandboxRunOptions,
  Session,
  SessionRest,
  SpawnOptions,
} from 'overlayfs';
import type { Equal, Expect, Refuses } from './helpers/type-checks.ts';

export type Sandboxes = [
  Expect<Equal<typeof createSandbox, (options?: SandboxOptions) => Promise<Sandbox>>>,
  Expect<
    Equal<
      keyof SandboxOptions,
      | ('lower' | 'overlays' | 'session' | 'base' | 'directory' | 'grace' | 'idMap')
      | ('network' | 'hide' | 'readOnly' | 'emptyTmp' | 'pidNamespace')
    >
  >,
  Expect<Equal<SandboxOptions['lower'], PathLike | readonly PathLike[] | undefined>>,
  Expect<Equal<SandboxOptions['idMap'], SandboxIdMap | undefined>>,
  Expect<Equal<SandboxOptions['hide' | 'readOnly'], PathLike | readonly PathLike[] | undefined>>,
  Expect<Equal<SandboxOptions['network' | 'emptyTmp' | 'pidNamespace'], boolean | undefined>>,
  Expect<Refuses<SandboxOptions, { network: 'none' }>>,
  Expect<Equal<SandboxIdMap, 'auto' | 'own' | 'subordinate'>>,
  Expect<Refuses<SandboxOptions, { lower: undefined }>>,
  Expect<Refuses<SandboxOptions, { session: Buffer }>>,
  Expect<Equal<ReturnType<Sandbox['spawn']>, SandboxProcess>>,
  Expect<Equal<ReturnType<Sandbox['run']>, Promise<RunResult>>>,
  Expect<
    Equal<keyof SpawnOptions, 'cwd' | 'env' | 'stdio' | 'signal' | 'killSignal' | 'relaySignals'>
  >,
  Expect<Equal<'at' extends keyof SandboxRunOptions ? true : false, false>>,
  Expect<Refuses<SpawnOptions['stdio'], readonly ['pipe', 'pipe']>>,
  Expect<Refuses<RunStdio, 'overlapped'>>,
  Expect<Equal<SandboxProcess['stdin'], Writable | null>>,
  Expect<Equal<SandboxProcess['stdout'], Readable | null>>,
  Expect<Equal<SandboxProcess['pid'], number | undefined>>,
  Expect<Equal<Sandbox extends AsyncDisposable ? true : false, true>>,
];

export type Sessions = [
  Expect<Equal<ReturnType<typeof findSession>, Promise<Session>>>,
  Expect<Equal<ReturnType<typeof listSessions>, Promise<(Session | SessionRest)[]>>>,
  Expect<Equal<ReturnType<typeof discardSession>, Promise<void>>>,
  Expect<
    Equal<
      typeof cloneSession,
      (name: string, newName: string, options?: CloneSessionOptions) => Promise<Session>
    >
  >,
  Expect<Equal<keyof CloneSessionOptions, 'directory' | 'signal' | 'onProgress'>>,
  Expect<Equal<CloneProgress, { readonly entries: number; readonly bytes: number }>>,
  Expect<Equal<ApplyOptions['paths'], readonly PathLike[] | undefined>>,
  Expect<Equal<ReturnType<typeof pruneSessions>, Promise<Pruned[]>>>,
  Expect<Equal<Session['overlays'][number]['layers'], Layers>>,
  Expect<Equal<Parameters<typeof isSession>, [found: Session | SessionRest]>>,
];

export function listeners(program: SandboxProcess): void {
  program.on('exit', (code: number | null, signal: NodeJS.Signals | null) => [code, signal]);
  program.once('close', (code, signal) => [code, signal]);
  program.on('error', (error: Error) => error);
  program.on('spawn', () => undefined);
  // @ts-expect-error: there is no such event
  program.on('disconnect', () => undefined);
}
