/**
 * `npm run bench`: the library against minimal C programs that ask the kernel for the same things. All
 * take turns, and what counts is the ratio within one run.
 *
 *     npm run bench -- [changes] [--help]
 *     npm run bench -- mount [--cycles 2000]
 *     npm run bench -- run [--help]
 */
const [first = 'changes', ...rest] = process.argv.slice(2);
const named = !first.startsWith('-');
const args = named ? rest : process.argv.slice(2);
switch (named ? first : 'changes') {
  case 'changes':
    await (await import('./changes.ts')).changes(args);
    break;
  case 'mount':
    (await import('./mount.ts')).mount(args);
    break;
  case 'run':
    await (await import('./run.ts')).runBench(args);
    break;
  default:
    console.error(`There is no bench '${first}': changes, mount, run`);
    process.exitCode = 2;
}
