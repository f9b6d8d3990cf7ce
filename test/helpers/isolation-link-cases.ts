/** Symbolic links on the way to what programs are kept from. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { furnished, refusal, said, writes } from './isolation-kit.ts';

export function linkCases(): void {
  const link = /ELOOP: .*, openat2 '.*': a symbolic link .* in the view; name what it leads to/;

  test.serial('a link beside the layers of an overlay is none in the view', async (t) => {
    using place = furnished();
    const target = place.at('target');
    mkdirSync(target);
    symlinkSync('../beside', join(target, 'link'));
    mkdirSync(join(place.lower, 'link'));
    writeFileSync(join(place.lower, 'link/inner'), 'inner');
    const overlays = [{ target, lower: place.lower }];
    const at = join(target, 'link');
    const script = `ls ${at}; ${writes(`${at}/new`)}; ls ${place.at('beside')}`;
    const beside = 'secret\nsub\n';
    t.is(await said(place, { overlays, hide: at }, script, target), `no\n${beside}`);
    t.is(await said(place, { overlays, readOnly: at }, script, target), `inner\nno\n${beside}`);
  });

  test.serial('what has become of a link in the session is what is meant', async (t) => {
    using place = furnished();
    const conf = join(place.lower, 'conf');
    symlinkSync('../beside', conf);
    const session = 'one';
    await said(place, { session }, 'rm conf; mkdir conf; echo key > conf/key');
    const script = `ls conf; ${writes('conf/new')}; ls ../beside`;
    const beside = 'secret\nsub\n';
    t.is(await said(place, { session, hide: conf }, script), `no\n${beside}`);
    t.is(await said(place, { session, readOnly: conf }, script), `key\nno\n${beside}`);
  });

  test.serial('a link in the view is refused', async (t) => {
    using place = furnished();
    const session = 'one';
    const made = 'ln -s file lf; mkdir dir; ln -s dir ld; ln -s / lroot; echo > dir/in';
    await said(place, { session }, made);
    for (const name of ['lf', 'ld', 'lroot', 'ld/in', 'lroot/usr', 'ld/../file']) {
      for (const option of ['hide', 'readOnly']) {
        await using sandbox = await place.sandbox({
          session,
          [option]: `${place.lower}/${name}`,
        });
        await t.throwsAsync(sandbox.run('true'), { code: 'ELOOP', message: link }, name);
      }
    }
    const script = writes('file', 'dir/in');
    const around = `${place.lower}/dir/../file`;
    t.is(await said(place, { session, readOnly: around }, script), 'no\nwrote\n');
    const beside = `${place.lower}/dir/../../beside`;
    t.is(await said(place, { session, hide: beside }, 'ls ../beside'), '');
    // Nothing has to be done to one that lies in what is hidden, but what it leads to is to be seen.
    const hide = [join(place.lower, 'dir'), place.at('lower/dir/link')];
    await said(place, { session }, 'ln -s ../file dir/link');
    await using sandbox = await place.sandbox({ session, hide });
    await t.throwsAsync(sandbox.run('true'), { code: 'ELOOP', message: link });
  });

  test.serial('a link that is there from the beginning is refused at once', async (t) => {
    using place = furnished();
    symlinkSync('file', join(place.lower, 'link'));
    symlinkSync('lower', place.at('way'));
    mkdirSync(join(place.lower, 'sub'));
    const message =
      /\(--hide\) cannot be for '.*\/lower\/link': .* symbolic link .* name '.*\/file'/;
    await refusal(t, place, { hide: place.at('way/link') }, 'EINVAL', message);
    t.is(
      await said(place, { hide: place.at('way/sub/../file') }, 'cat file; ls'),
      'file\nlink\nsub\n',
    );
  });
}
