/** Where this package is, and what is loaded of others only when it is wanted. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** From dist/lib, and as well from the bundles in dist/library and dist/command. */
export const packageRoot: string = fileURLToPath(new URL('../..', import.meta.url));

export const require: NodeJS.Require = createRequire(import.meta.url);

/** In dist/command the file that most subcommands share. */
export const sharedCode: string | undefined = undefined;
