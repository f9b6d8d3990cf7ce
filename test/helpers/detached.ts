/** A detached overlay that the lab has mounted, and programs on it. */
import { closeSync, openSync } from 'node:fs';
import type { RunOptions } from '../../lib/run-options.ts';
import type { RunResult } from '../../lib/view-process.ts';
import { runInView } from '../../lib/view-process.ts';
import { Lab } from './lab.ts';
import { Place, xattrs } from './place.ts';

/** In namespaces of its own, where the user is himself and may mount. */
const rootlessWords = ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount'];

export class Detached implements AsyncDisposable {
  readonly place: Place;
  readonly #lab: Lab;
  readonly #mount: number;
  readonly #userNamespace: number | undefined;

  private constructor(place: Place, lab: Lab, mount: number, userNamespace: number | undefined) {
    this.place = place;
    this.#lab = lab;
    this.#mount = mount;
    this.#userNamespace = userNamespace;
  }

  /** `prepare` fills the lower. */
  static async mount(rootless: boolean, prepare: (lower: string) => void): Promise<Detached> {
    const place = new Place('lower', 'upper', 'work');
    prepare(place.at('lower'));
    const lab = await Lab.start(rootless ? { wrap: rootlessWords } : {});
    const own = rootless ? 'user' : xattrs;
    const path = await lab.detached(place.at('lower'), place.at('upper'), place.at('work'), own);
    const namespace = rootless ? openSync(`/proc/${lab.pid}/ns/user`, 'r') : undefined;
    return new Detached(place, lab, openSync(path, 'r'), namespace);
  }

  get lower(): string {
    return this.place.at('lower');
  }

  get upper(): string {
    return this.place.at('upper');
  }

  run(
    command: string | Buffer,
    args: readonly (string | Buffer)[] = [],
    options?: RunOptions,
  ): Promise<RunResult> {
    const at = Buffer.from(this.lower);
    const view = { mount: this.#mount, userNamespace: this.#userNamespace, at };
    return runInView(view, command, args, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#mount);
    if (this.#userNamespace !== undefined) {
      closeSync(this.#userNamespace);
    }
    await this.#lab.close();
    this.place[Symbol.dispose]();
  }
}
