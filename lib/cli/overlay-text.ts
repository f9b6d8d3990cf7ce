/** How people see an overlay: its mount point, and below it a line for each layer. */
export interface OverlayText {
  readonly target: string;
  /** Top-most first. */
  readonly lower: readonly string[];
  readonly dataLower: readonly string[];
  readonly upper: string | undefined;
  readonly work: string | undefined;
  readonly options: readonly string[];
}

/** The names are escaped already. */
export function overlayText(overlay: OverlayText): string {
  const { target, lower, dataLower, upper, work, options } = overlay;
  const rows: (readonly [label: string, text: string | undefined])[] = [
    ...lower.map((path) => ['lower', path] as const),
    ...dataLower.map((path) => ['data-only lower', path] as const),
    ['upper', upper],
    ['work', work],
    ['options', options.length > 0 ? options.join(', ') : undefined],
  ];
  const lines = rows.filter(([, text]) => text !== undefined);
  return `${target}\n${lines.map(([label, text]) => `  ${label}: ${text}\n`).join('')}`;
}
