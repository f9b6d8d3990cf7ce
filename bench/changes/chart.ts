/** The times of all as bars, on a scale of powers of ten: an SVG of its own. */
import type { Measured } from './bench.ts';
import { medianOf } from './bench.ts';
import { time } from './table.ts';

const width = 860;
const left = 250;
const right = 80;
const bar = 16;
const gap = 5;
const head = 34;

const colours: readonly (readonly [prefix: string, colour: string])[] = [
  ['floor', '#8c959f'],
  ['each', '#1a7f37'],
  ['batches', '#1a7f37'],
  ['count', '#1a7f37'],
  ['command', '#57ab5a'],
  ['', '#bf8700'],
];

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function colourOf(name: string): string {
  return colours.find(([prefix]) => name.startsWith(prefix))?.[1] ?? '';
}

function panel({ title, warm }: Measured, top: number): readonly [svg: string, bottom: number] {
  const runs = warm.filter(({ name }) => name !== 'node' && !name.endsWith('kinds'));
  const medians = runs.map(({ name }) => medianOf(warm, name));
  const low = Math.floor(Math.log10(Math.min(...medians)));
  const high = Math.ceil(Math.log10(Math.max(...medians) * 1.01));
  const x = (ms: number): number =>
    left + ((Math.log10(ms) - low) / (high - low)) * (width - left - right);
  const bottom = top + head + runs.length * (bar + gap);
  const lines: string[] = [
    `<text x="${left}" y="${top + 14}" font-weight="600">${escaped(title)}</text>`,
  ];
  for (let power = low; power <= high; power++) {
    const at = x(10 ** power).toFixed(1);
    const label = power < 3 ? `${10 ** power} ms` : `${10 ** (power - 3)} s`;
    lines.push(
      `<line x1="${at}" y1="${top + head - 6}" x2="${at}" y2="${bottom}" stroke="#d0d7de"/>`,
      `<text x="${at}" y="${top + head - 8}" text-anchor="middle" fill="#656d76" font-size="10">${label}</text>`,
    );
  }
  runs.forEach(({ name, title: who }, i) => {
    const y = top + head + i * (bar + gap);
    const ms = medians[i] ?? Number.NaN;
    const end = Math.max(x(ms), left + 1);
    lines.push(
      `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escaped(who)}</text>`,
      `<rect x="${left}" y="${y}" width="${(end - left).toFixed(1)}" height="${bar}" fill="${colourOf(name)}"/>`,
      `<text x="${(end + 5).toFixed(1)}" y="${y + 12}">${time(ms)}</text>`,
    );
  });
  return [lines.join('\n'), bottom + 24];
}

export function chart(measured: readonly Measured[], machine: string): string {
  const panels: string[] = [];
  let top = 44;
  for (const one of measured) {
    const [svg, bottom] = panel(one, top);
    panels.push(svg);
    top = bottom;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">`,
    `<rect width="${width}" height="${top}" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="14" font-weight="600">Reading changes, medians, warm cache, logarithmic</text>`,
    `<text x="16" y="38" fill="#656d76" font-size="10">${escaped(machine)}</text>`,
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}
