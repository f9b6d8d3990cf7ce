// Access control lists, capabilities, other extended attributes, and files with holes.
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Case } from './helpers/scenario.ts';
import { playAll } from './helpers/scenario.ts';
import { age, asUser, at, own, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

// An id that the user namespace knows.
const someone = asUser ? 0 : 1234;
/** With the mode 644. */
const acl = `u::rw-,u:${someone}:r--,g::r--,m::r--,o::r--`;
const defaults = `u::rwx,u:${someone}:rwx,g::r-x,m::rwx,o::r-x`;

const lists: readonly Case[] = [
  {
    title: 'an access control list is added, one changed, one removed, one left alone',
    lowers: [
      async (_, lower) => {
        await plant({ changed: '1', fresh: '1', removed: '1', same: '1' })(lab, lower);
        for (const name of ['changed', 'removed', 'same']) {
          await lab.setAcl(at(lower, name), 'access', acl);
        }
      },
    ],
    edit: async (_, merged) => {
      await lab.setAcl(at(merged, 'fresh'), 'access', acl);
      await lab.setAcl(at(merged, 'changed'), 'access', acl.replace('g::r--', 'g::---'));
      await lab.removeXattr(at(merged, 'removed'), 'system.posix_acl_access');
      await lab.openReadWrite(at(merged, 'same'));
    },
    expected: ['M file changed [xattrs]', 'M file fresh [xattrs]', 'M file removed [xattrs]'],
  },
  {
    title: 'a default access control list, and what is made under it',
    lowers: [plant({ 'd/x': '1', 'e/x': '1' })],
    edit: async (_, merged) => {
      await lab.setAcl(at(merged, 'd'), 'default', defaults);
      await lab.mkdir(at(merged, 'd/new'));
      await lab.unlink(at(merged, 'd/x'));
      await plant({ 'd/x': '1' })(lab, merged);
      await lab.chmod(at(merged, 'd/x'), 0o644);
    },
    // The file that was made anew has inherited a list.
    expected: ['M directory d [xattrs]', 'A directory d/new', 'M file d/x [xattrs]'],
  },
];

/** CAP_NET_RAW, or another set: version 2, permitted and inheritable. */
function capability(permitted: number): Buffer {
  const value = Buffer.alloc(20);
  value.writeUInt32LE(0x0200_0000, 0);
  value.writeUInt32LE(permitted, 4);
  return value;
}

const capabilities: readonly Case[] = [
  {
    title: 'security.capability is set, changed, lost by writing, lost by chown, left alone',
    rootOnly: true,
    lowers: [
      async (_, lower) => {
        const names = ['changed', 'chmod', 'chown', 'fresh', 'same', 'written'];
        await plant(Object.fromEntries(names.map((name) => [name, '1'])))(lab, lower);
        for (const name of names.filter((each) => each !== 'fresh')) {
          await lab.setXattr(at(lower, name), 'security.capability', capability(0x2000));
        }
      },
    ],
    edit: async (_, merged) => {
      await lab.setXattr(at(merged, 'fresh'), 'security.capability', capability(0x2000));
      await lab.setXattr(at(merged, 'changed'), 'security.capability', capability(0x3000));
      await lab.chmod(at(merged, 'chmod'), 0o755);
      await lab.chown(at(merged, 'chown'), 1, 1);
      await lab.openReadWrite(at(merged, 'same'));
      await lab.append(at(merged, 'written'), '2');
    },
    expected: [
      'M file changed [xattrs]',
      'M file chmod [mode]',
      'M file chown [owner,xattrs]',
      'M file fresh [xattrs]',
      'M file written [content,xattrs,times]',
    ],
  },
];

const attributes: readonly Case[] = [
  {
    title: 'user attributes of files and directories: set, changed, removed, emptied, left alone',
    lowers: [
      async (_, lower) => {
        const names = ['changed', 'emptied', 'fresh', 'removed', 'renamed', 'same'];
        const tree = names.flatMap((name) => [
          [name, '1'],
          [`d/${name}`, null],
        ]);
        await plant(Object.fromEntries(tree))(lab, lower);
        for (const name of names.filter((each) => each !== 'fresh')) {
          await lab.setXattr(at(lower, name), 'user.test', Buffer.from([0, 1, 255]));
          await lab.setXattr(at(lower, 'd', name), 'user.test', 'value');
        }
      },
    ],
    edit: async (_, merged) => {
      for (const directory of [merged, at(merged, 'd')]) {
        await lab.setXattr(at(directory, 'fresh'), 'user.test', '');
        await lab.setXattr(at(directory, 'changed'), 'user.test', Buffer.from([0, 1, 254]));
        await lab.setXattr(at(directory, 'emptied'), 'user.test', '');
        await lab.removeXattr(at(directory, 'removed'), 'user.test');
        const value = await lab.getXattr(at(directory, 'renamed'), 'user.test');
        await lab.removeXattr(at(directory, 'renamed'), 'user.test');
        await lab.setXattr(at(directory, 'renamed'), 'user.tess', value);
        await lab.setXattr(at(directory, 'same'), 'user.more', 'and gone');
        await lab.removeXattr(at(directory, 'same'), 'user.more');
      }
    },
    expected: [
      'M file changed [xattrs]',
      ...['changed', 'emptied', 'fresh', 'removed', 'renamed'].map(
        (name) => `M directory d/${name} [xattrs]`,
      ),
      ...['emptied', 'fresh', 'removed', 'renamed'].map((name) => `M file ${name} [xattrs]`),
    ],
  },
  {
    title: 'a long value, and many attributes in another order',
    lowers: [
      async (_, lower) => {
        await plant({ long: '1', many: '1' })(lab, lower);
        await lab.setXattr(at(lower, 'long'), 'user.test', 'x'.repeat(3000));
        for (let i = 0; i < 20; i++) await lab.setXattr(at(lower, 'many'), `user.${i}`, `${i}`);
      },
    ],
    edit: async (_, merged) => {
      await lab.setXattr(at(merged, 'long'), 'user.test', `${'x'.repeat(2999)}y`);
      for (let i = 0; i < 20; i++) await lab.removeXattr(at(merged, 'many'), `user.${i}`);
      for (let i = 19; i >= 0; i--) await lab.setXattr(at(merged, 'many'), `user.${i}`, `${i}`);
    },
    expected: ['M file long [xattrs]'],
  },
  {
    title: "attributes with overlayfs's own names, set through the overlay",
    lowers: [
      async (_, lower) => {
        await plant({ opaque: null, x: '1', y: '1' })(lab, lower);
        // As an outer overlay stores what an inner one wrote.
        await lab.setXattr(at(lower, 'y'), `${own}.overlay.overlay.origin`, 'escaped');
      },
    ],
    edit: async (_, merged) => {
      await lab.setXattr(at(merged, 'opaque'), `${own}.overlay.opaque`, 'y');
      await lab.setXattr(at(merged, 'x'), `${own}.overlay.metacopy`, '');
      await lab.chmod(at(merged, 'y'), 0o600);
    },
    expected: ['M directory opaque [xattrs]', 'M file x [xattrs]', 'M file y [mode]'],
  },
  {
    title: 'attributes that overlayfs of the other kind would have',
    lowers: [plant({ 'd/x': '1', y: '1' })],
    edit: async (_, merged) => {
      const other = asUser ? 'user.other' : 'user.overlay.opaque';
      await lab.setXattr(at(merged, 'd'), other, 'y');
      await lab.append(at(merged, 'd/x'), '2');
    },
    expected: ['M directory d [xattrs]', 'M file d/x [content,times]'],
  },
];

const mebibyte = 1 << 20;

const holes: readonly Case[] = [
  {
    title: 'files with holes: filled with zeros, punched, extended, cut and extended again',
    lowers: [
      async (_, lower) => {
        for (const name of ['extended', 'filled', 'punched', 'recut', 'written', 'zeros']) {
          await lab.write(at(lower, name), 'start');
          await lab.truncate(at(lower, name), mebibyte);
          await lab.writeAt(at(lower, name), mebibyte - 3, 'end');
        }
        await lab.writeAt(at(lower, 'zeros'), 65_536, Buffer.alloc(65_536));
        for (const name of await lab.list(lower)) await age(lab, at(lower, name));
      },
    ],
    edit: async (_, merged) => {
      await lab.truncate(at(merged, 'extended'), mebibyte + 1);
      await lab.writeAt(at(merged, 'filled'), 65_536, Buffer.alloc(65_536));
      await lab.punch(at(merged, 'punched'), 0, 4096);
      await lab.truncate(at(merged, 'recut'), mebibyte - 3);
      await lab.truncate(at(merged, 'recut'), mebibyte);
      await lab.writeAt(at(merged, 'written'), mebibyte / 2, 'x');
      await lab.punch(at(merged, 'zeros'), 65_536, 65_536);
      for (const name of await lab.list(merged)) await age(lab, at(merged, name));
    },
    // Where the holes are is no content.
    expected: ['extended', 'punched', 'recut', 'written'].map((name) => `M file ${name} [content]`),
  },
];

playAll(test, () => lab, [...lists, ...capabilities, ...attributes, ...holes]);
