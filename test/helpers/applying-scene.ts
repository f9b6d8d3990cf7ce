// A tree with changes of every kind, to be applied.
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Edit } from './scene.ts';
import { at, plant } from './scene.ts';

/** Something of every kind. */
export const tree: Edit = plant({
  changed: 'old',
  deleted: 'x',
  'dir/kept': 'kept',
  'dir/gone': 'gone',
  'removed/deep/file': 'x',
  'becomes-dir': 'x',
  'becomes-file/in': 'x',
  link: { link: 'dir' },
});

/** And something of every kind done to it. */
export const edit: Edit = async (lab, merged) => {
  await lab.write(at(merged, 'changed'), 'new and longer');
  await lab.unlink(at(merged, 'deleted'));
  await lab.unlink(at(merged, 'dir/gone'));
  await lab.write(at(merged, 'dir/added'), 'added', 0o640);
  await lab.chmod(at(merged, 'dir'), 0o711);
  await lab.rmtree(at(merged, 'removed'));
  await lab.unlink(at(merged, 'becomes-dir'));
  await lab.mkdir(at(merged, 'becomes-dir'));
  await lab.fifo(at(merged, 'becomes-dir/fifo'));
  await lab.rmtree(at(merged, 'becomes-file'));
  await lab.write(at(merged, 'becomes-file'), 'y');
  await lab.unlink(at(merged, 'link'));
  await lab.symlink('elsewhere', at(merged, 'link'));
  await lab.mkdir(at(merged, 'new'));
  await lab.mkdir(at(merged, 'new/deep'));
  await lab.write(at(merged, 'new/deep/a'), 'a');
  await lab.link(at(merged, 'new/deep/a'), at(merged, 'new/b'));
  await lab.setXattr(at(merged, 'new'), 'user.note', 'value');
  await lab.chmod(at(merged, 'new/deep'), 0o500);
};

/** Nothing of the apply is left beside the directory, or in it. */
export function leftovers(directory: Buffer): string[] {
  const path = directory.toString();
  return [...readdirSync(dirname(path)), ...readdirSync(path)].filter((name) =>
    name.includes('overlayfs-apply'),
  );
}
