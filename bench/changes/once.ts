/** One walk and nothing else, to be traced: `once.js UPPER LOWER trusted|user`; without upper none. */
import { changes } from 'overlayfs';

const [upper = '', lower = '', space] = process.argv.slice(2);
if (upper === '') {
  // What loads the addon belongs to no walk.
  await changes({ upper: lower, lower, xattrs: 'user' }).return();
} else {
  const xattrs = space === 'user' ? 'user' : 'trusted';
  for await (const _ of changes({ upper, lower, xattrs })) {
    // Taking them is all.
  }
}
