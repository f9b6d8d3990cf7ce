import { join } from 'node:path';
import { root } from './root.mjs';
import { runScript } from './run.mjs';

const script = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');

export async function biome({ fix }) {
  const args = ['check', '--error-on-warnings', '--max-diagnostics=200'];
  if (fix) {
    args.push('--write');
  }
  const { ok, output } = await runScript(script, args, { quiet: true });
  const files = /Checked (\d+ files?)/.exec(output)?.[1];
  return ok ? { status: 'ok', detail: files ?? 'no files' } : { status: 'failed', output };
}
