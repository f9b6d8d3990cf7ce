// The lines of whole trees in a list of changes.

/** `whole('A')('c', 'd/', 'd/x')` are those of `c`, the directory `c/d` and the file `c/d/x`. */
const whole =
  (letter: string) =>
  (root: string, ...names: readonly string[]): string[] => [
    `${letter} directory ${root}`,
    ...names.map((name) =>
      name.endsWith('/')
        ? `${letter} directory ${root}/${name.slice(0, -1)}`
        : `${letter} file ${root}/${name}`,
    ),
  ];

type TreeLines = (root: string, ...names: readonly string[]) => string[];

export const added: TreeLines = whole('A');
export const deleted: TreeLines = whole('D');
