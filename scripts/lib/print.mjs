// Colour only for eyes: a log file or a pipe gets plain text.
const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;

function paint(code) {
  return (text) => (colours ? `\u001B[${code}m${text}\u001B[0m` : text);
}

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);

/** Ends the program with a sentence, not with a stack trace. */
export function fail(message) {
  process.stderr.write(`${red('error')} ${message}\n`);
  process.exit(1);
}

export function heading(text) {
  process.stdout.write(`\n${bold(`== ${text}`)}\n`);
}

/** Progress of the build goes to stderr, so that the demo's own output can be piped. */
export function progress(text) {
  process.stderr.write(`${dim(text)}\n`);
}

export function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
