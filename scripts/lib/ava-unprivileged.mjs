// ava's configuration for the tests that need an ordinary user outside of any namespace.
import { readFileSync } from 'node:fs';

const { ava } = JSON.parse(readFileSync('package.json', 'utf8'));

export default { ...ava, files: ['dist/test/**/*.unprivileged.js'] };
