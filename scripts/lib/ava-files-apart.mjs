// Starts ava; every file of tests gets a mount namespace of its own (test-file.sh).
import { join } from 'node:path';

process.env.OVERLAYFS_TEST_NODE = process.execPath;
process.execPath = join(import.meta.dirname, 'test-file.sh'); // what child_process.fork starts

await import(join(process.cwd(), 'node_modules', 'ava', 'entrypoints', 'cli.mjs'));
