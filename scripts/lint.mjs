// Style and static analysis: one line for each tool, its findings in full when there are any.
// `--fix` lets the formatters and biome's safe fixes write.
import { fileURLToPath } from 'node:url';
import { layerViolations } from './lib/layers.mjs';
import { biome } from './lib/lint-biome.mjs';
import { clangFormat, clangTidy } from './lib/lint-clang.mjs';
import { green, red, yellow } from './lib/print.mjs';
import { ci } from './lib/tools.mjs';

function layers() {
  const violations = layerViolations();
  return violations.length === 0
    ? { status: 'ok', detail: 'native/core knows nothing of Node' }
    : { status: 'failed', output: `${violations.join('\n')}\n` };
}

const tools = { biome, layers, 'clang-format': clangFormat, 'clang-tidy': clangTidy };

function show({ name, status, detail, reason, output }) {
  if (output) {
    process.stdout.write(output);
  }
  const lines = {
    ok: `${green('ok')} ${name} (${detail})`,
    failed: `${red('FAILED')} ${name}${reason ? `: ${reason}` : ''}`,
    skipped: `${yellow('skipped')} ${name}: ${reason}`,
  };
  process.stdout.write(`${lines[status]}\n`);
}

/** Runs every tool; a result has a name, a status and, unless it is ok, a reason or an output. */
export async function lint({ fix = false } = {}) {
  const results = [];
  for (const [name, tool] of Object.entries(tools)) {
    const result = { name, ...(await tool({ fix })) };
    if (result.status === 'skipped' && ci) {
      result.status = 'failed';
      result.reason += '; with CI=true nothing may be skipped';
    }
    show(result);
    results.push(result);
  }
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await lint({ fix: process.argv.includes('--fix') });
  process.exitCode = results.some(({ status }) => status === 'failed') ? 1 : 0;
}
