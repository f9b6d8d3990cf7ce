/** Tests that have strace(1) interfere with what the command calls. */
import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import test from 'ava';

function mayTrace(): boolean {
  try {
    execFileSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const can = mayTrace();

export function tracing(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (can) test.serial(title, body);
  else test.serial.skip(`${title} (strace is not installed, or may not trace)`, body);
}
