// What the generator believes the merged tree to be, so that most operations find what they need.
// It does not have to be right.
import type { LabType } from '../helpers/oracle.ts';

export interface Inode {
  readonly type: LabType;
  /** Of a directory. */
  readonly children: Map<string, Inode>;
  mode: number;
  /** Of a file, where it is known. */
  content: string | undefined;
  /** In seconds, where it is known. */
  time: number | undefined;
  /** A lower has it. */
  settled: boolean;
}

export interface Spot {
  readonly path: string;
  readonly parent: Inode;
  readonly name: string;
  readonly inode: Inode;
  readonly depth: number;
}

export function inode(type: LabType, mode: number, content?: string): Inode {
  return { type, children: new Map(), mode, content, time: undefined, settled: false };
}

export class Tree {
  readonly root: Inode = inode('directory', 0o755);

  /** Everything below the root. */
  spots(): Spot[] {
    const found: Spot[] = [];
    const walk = (parent: Inode, prefix: string, depth: number): void => {
      for (const [name, child] of parent.children) {
        const path = prefix + name;
        found.push({ path, parent, name, inode: child, depth });
        walk(child, `${path}/`, depth + 1);
      }
    };
    walk(this.root, '', 1);
    return found;
  }

  /** From now on everything is in a lower. */
  settle(): void {
    for (const spot of this.spots()) spot.inode.settled = true;
  }
}
