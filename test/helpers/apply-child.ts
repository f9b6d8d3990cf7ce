// Applies in a process of its own, which somebody may kill:
// `node apply-child.js UPPER LOWER MARKS DESTINATION`. Says when it begins, and when it has ended.
import { applyChanges } from 'overlayfs';

const [, , upper = '', lower = '', xattrs, to = ''] = process.argv;
process.stdout.write('begins\n');
const source = { upper, lower, xattrs: xattrs === 'user' ? 'user' : 'trusted' } as const;
const result = await applyChanges(source, { to, sync: false });
process.stdout.write(result.complete ? 'complete\n' : 'incomplete\n');
