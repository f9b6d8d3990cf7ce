/**
 * `npm run bench`: the library against minimal C programs that ask the kernel for the same things. Both
 * take turns, and what counts is the ratio within one run.
 *
 *     npm run bench -- [reading] [--files 10000,100000] [--runs 5]
 *     npm run bench -- mount [--cycles 2000]
 */
const [first = 'reading', ...rest] = process.argv.slice(2);
const named = !first.startsWith('-');
const args = named ? rest : process.argv.slice(2);
switch (named ? first : 'reading') {
  case 'reading':
    (await import('./reading.ts')).reading(args);
    break;
  case 'mount':
    (await import('./mount.ts')).mount(args);
    break;
  default:
    console.error(`There is no bench '${first}': reading, mount`);
    process.exitCode = 2;
}
