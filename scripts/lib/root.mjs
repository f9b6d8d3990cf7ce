import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's directory, wherever the clone lies and whatever the working directory is. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
