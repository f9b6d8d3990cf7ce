/** A detached overlay on directories of its own. */
import type { Overlay, RunOptions, RunResult } from 'overlayfs';
import { mountOverlay } from 'overlayfs';
import { Place } from './place.ts';

export class Detached implements AsyncDisposable {
  readonly place: Place;
  readonly #overlay: Overlay;

  private constructor(place: Place, overlay: Overlay) {
    this.place = place;
    this.#overlay = overlay;
  }

  /** `prepare` fills the lower. */
  static async mount(prepare: (lower: string) => void): Promise<Detached> {
    const place = new Place('lower');
    prepare(place.at('lower'));
    const options = { lower: place.at('lower'), upper: place.at('upper') };
    return new Detached(place, await mountOverlay(options));
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
    return this.#overlay.run(command, args, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#overlay.close();
    this.place[Symbol.dispose]();
  }
}
