// A machine whose CI jobs each stack the host's directory over the image's store, in place.
import { mkdir, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { mountOverlay } from 'overlayfs';
import { Lab } from './lab.ts';
import { Nix } from './nix.ts';
import type { OracleChange } from './oracle.ts';

type Overlay = Awaited<ReturnType<typeof mountOverlay>>;

const own = process.env.OVERLAYFS_TEST_AS === 'user' ? 'user' : 'trusted';

/** `M file …-tool/bin/a [links]` */
function describe(change: {
  readonly kind: OracleChange['kind'];
  readonly type: string;
  readonly previousType?: string;
  readonly path: string | Buffer;
  readonly aspects?: readonly string[];
}): string {
  const letter = change.kind.charAt(0).toUpperCase();
  const previous = change.previousType === undefined ? '' : `${change.previousType}>`;
  const aspects = change.aspects?.length ? ` [${change.aspects.join()}]` : '';
  return `${letter} ${previous}${change.type} ${change.path}${aspects}`;
}

/** Which changes are due, by store path. */
export type Book = Map<string, readonly string[]>;

/** One job after another on one machine; only the host's directory outlives a job. */
export class Machine {
  readonly t: ExecutionContext;
  readonly lab: Lab;
  readonly nix: Nix;
  readonly host: string;
  /** The store of the image, where no overlay hides it. */
  readonly image: string;
  overlay: Overlay | undefined;

  constructor(t: ExecutionContext, lab: Lab, nix: Nix, scratch: string) {
    this.t = t;
    this.lab = lab;
    this.nix = nix;
    this.host = join(scratch, 'host');
    this.image = join(scratch, 'image');
  }

  get upper(): string {
    return join(this.host, 'upper');
  }

  /** Stacks the host's directory over the image's store. */
  async begin(): Promise<void> {
    this.overlay = await mountOverlay({
      lower: [this.nix.store],
      upper: this.upper,
      work: join(this.host, 'work'),
      target: this.nix.store,
    });
  }

  async end(): Promise<void> {
    await this.overlay?.close();
    this.overlay = undefined;
  }

  /** What the overlay says; the oracle, which looks at everything on both sides, has to agree. */
  async changes(step: string): Promise<string[]> {
    const { overlay, upper } = this;
    if (overlay === undefined) throw new Error(`${step}: nothing is mounted`);
    const reported: string[] = [];
    for await (const change of overlay.changes()) reported.push(describe(change));
    const expected = await this.lab.compare(this.image, this.nix.store, { own, upper });
    this.t.deepEqual(reported, expected.map(describe), step);
    return reported;
  }

  /** The same, and it is what this very step should have brought about. */
  async expect(step: string, book: Book): Promise<void> {
    this.t.deepEqual((await this.changes(step)).sort(), [...book.values()].flat().sort(), step);
  }
}

export async function startMachine(t: ExecutionContext): Promise<Machine> {
  const lab = await Lab.start();
  t.teardown(() => lab.close());
  const scratch = await mkdtemp(join(await realpath(tmpdir()), 'overlayfs-test-nix-'));
  t.teardown(() => lab.rmtree(scratch));
  const nix = await Nix.start(lab, scratch);
  t.teardown(() => nix.close());
  const machine = new Machine(t, lab, nix, scratch);
  await mkdir(machine.image);
  await mkdir(machine.upper, { recursive: true });
  await lab.mount(nix.store, machine.image, '', ['bind'], '');
  t.teardown(() => lab.umount(machine.image));
  t.teardown(() => machine.end());
  return machine;
}
