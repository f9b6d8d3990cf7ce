/** The addon opens layers, walks them, and says what is on both sides. */
import type { LayersHandle } from './native-mounts.ts';
import type { EitherWay, Handle, Outcome } from './native-outcome.ts';

export type ChangesHandle = Handle<'changes'>;
export type ScanHandle = Handle<'scan'>;
export type SidesHandle = Handle<'sides'>;
export type PatternsHandle = Handle<'patterns'>;

export interface NativeLayers {
  readonly upper: Buffer;
  readonly lower: readonly Buffer[];
  readonly dataLower: readonly Buffer[];
  readonly work: Buffer | null;
  /** Of their namespace: 0 undecided, 1 trusted, 2 user. */
  readonly marks: number;
}

export interface NativeChangesOptions {
  /** 0 auto, 1 always, 2 never. */
  readonly content: number;
  /** A bit for every aspect. */
  readonly ignore: number;
  readonly expand: boolean;
  readonly include: readonly Buffer[];
  readonly exclude: readonly Buffer[];
  /** Go on where the marks cannot be read. */
  readonly unknown: boolean;
  /** At most; 0: as many as the processors. */
  readonly threads: number;
}

/** What one job has found. */
export interface NativeBatch {
  /** Each is decoded in one go. */
  readonly blocks: readonly Buffer[];
  /** False when the walk has ended. */
  readonly more: boolean;
}

export interface NativeCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** False when the walk has ended. */
  readonly more: boolean;
}

export interface NativeSummary extends NativeBatch {
  /** How many changes there were so far. */
  readonly found: number;
}

export interface NativeSides {
  readonly bytes: Buffer;
  /** How many bytes of the paths were read. */
  readonly read: number;
}

export interface NativeWalks {
  openLayers(spec: NativeLayers): Promise<Outcome<LayersHandle>>;
  openPlain(before: Buffer, after: Buffer): Promise<Outcome<LayersHandle>>;
  /** A descriptor. */
  openSide(layers: LayersHandle, path: Buffer, after: boolean): Promise<Outcome<number>>;
  openMountLayers(target: Buffer): Promise<Outcome<LayersHandle>>;
  closeLayers: EitherWay<[layers: LayersHandle], undefined>;
  openChanges(layers: LayersHandle, options: NativeChangesOptions): Promise<Outcome<ChangesHandle>>;
  nextChanges(walk: ChangesHandle): Promise<Outcome<NativeBatch>>;
  countChanges(walk: ChangesHandle): Promise<Outcome<NativeCounts>>;
  /** The totals of directories, as many levels of them as `depth` says. */
  summarizeChanges(
    walk: ChangesHandle,
    sides: SidesHandle,
    depth: number,
  ): Promise<Outcome<NativeSummary>>;
  cancelChanges(walk: ChangesHandle): void;
  closeChanges(walk: ChangesHandle): Promise<Outcome<undefined>>;
  openSides(layers: LayersHandle, unread: boolean): Promise<Outcome<SidesHandle>>;
  /** Of paths that are each behind its length: what is there on both sides, of as many as time allows. */
  readSides(sides: SidesHandle, paths: Buffer): Promise<Outcome<NativeSides>>;
  /** A descriptor, as with `openSide`. */
  openSideOf(sides: SidesHandle, path: Buffer, after: boolean): Promise<Outcome<number>>;
  closeSides(sides: SidesHandle): Promise<Outcome<undefined>>;
  /** Patterns as `include` has them. */
  newPatterns(patterns: readonly Buffer[]): PatternsHandle;
  /** 0: neither the path nor anything below it; 1: perhaps something below it; 2: the path. */
  askPatterns(patterns: PatternsHandle, path: Buffer): number;
  openScan(directory: Buffer, user: boolean): Promise<Outcome<ScanHandle>>;
  nextScan(walk: ScanHandle): Promise<Outcome<NativeBatch>>;
  cancelScan(walk: ScanHandle): void;
  closeScan(walk: ScanHandle): Promise<Outcome<undefined>>;
}
