// `overlayfs run` of root, and of the root of a user namespace.
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { overlayfs, program } from './helpers/command.ts';
import { runCommandCases } from './helpers/run-command-cases.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

runCommandCases();

const statusIn = (unshare: readonly string[], place: SandboxPlace): string => {
  const words = ['run', '--dir', place.state, 'sh', '-c', '(setsid sleep 1000 &); exit 3'];
  const script = '"$@" 2>&1; echo "status $?"';
  const args = [...unshare, 'sh', '-c', script, 'sh', process.execPath, program, ...words];
  return execFileSync('unshare', args, { cwd: place.lower }).toString();
};

test.serial('in a pid namespace', (t) => {
  using place = new SandboxPlace();
  const namespace = ['--pid', '--fork', '--mount'];
  t.is(statusIn([...namespace, '--mount-proc'], place), 'status 3\n');
  // Where /proc is that of another one, nothing is run that could not be ended.
  t.regex(
    statusIn(namespace, place),
    /\/proc is that of another pid namespace[^\n]*\nstatus 125\n$/,
  );
  t.deepEqual(place.sessions(), []);
  t.deepEqual(place.processes(), []);
});

test.serial('what a program of a session sees as its changes', async (t) => {
  using place = new SandboxPlace();
  execFileSync('sh', ['-c', 'echo > gone'], { cwd: place.lower });
  const command = `"${process.execPath}" "${program}"`;
  const script = `echo > new; rm gone; ${command} diff --dir "$1" one && ${command} diff`;
  const words = ['run', '--dir', place.state, '--name', 'one', '--', 'sh', '-c', script, 'sh'];
  const { status, stdout, stderr } = await overlayfs([...words, place.state], {
    cwd: place.lower,
  });
  const seen = 'D  gone\nA  new\n';
  t.deepEqual([status, stdout.toString(), stderr], [0, seen.repeat(2), '']);
});
