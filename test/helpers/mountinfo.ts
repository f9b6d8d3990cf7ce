/** What the kernel says is mounted, read without our own parser. */
import { readFileSync } from 'node:fs';

export interface Line {
  readonly id: number;
  readonly target: string;
  readonly attributes: readonly string[];
  /** `shared:1`, `master:1`, `unbindable`; empty: private. */
  readonly propagation: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The mounts on and below a directory, in the order of the table. */
export function mountsBelow(directory: string): Line[] {
  const prefix = directory === '/' ? '/' : `${directory}/`;
  return readFileSync('/proc/thread-self/mountinfo', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [own = '', filesystem = ''] = line.split(' - ');
      const [id, , , , target = '', attributes = '', ...propagation] = own.split(' ');
      const [type = '', source = '', superOptions = ''] = filesystem.split(' ');
      return {
        id: Number(id),
        target,
        attributes: attributes.split(',').sort(),
        propagation: propagation.join(' '),
        type,
        source,
        superOptions: superOptions.split(','),
      };
    })
    .filter(({ target }) => target === directory || target.startsWith(prefix));
}

/** The top-most mount on a directory. */
export function mountOn(directory: string): Line | undefined {
  return mountsBelow(directory)
    .filter(({ target }) => target === directory)
    .at(-1);
}

export function attributesOf(directory: string): string {
  return mountOn(directory)?.attributes.join(',') ?? 'not mounted';
}

/** The line of the table for a mount point: its own options, the tags, and those of the filesystem. */
export function tableLine(target: string): { own: string[]; tags: string; options: string[] } {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === target);
  const [own = '', ...tags] = line?.split(' - ')[0]?.split(' ').slice(5) ?? [];
  const options = line?.split(' ').at(-1) ?? '';
  return { own: own.split(','), tags: tags.join(' '), options: options.split(',') };
}
