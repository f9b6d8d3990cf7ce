import type { Finding } from '../diagnose.ts';
import { diagnose } from '../diagnose.ts';
import type { EnvironmentRow } from '../environment.ts';
import { environmentRows } from '../environment.ts';
import { probe } from '../probe.ts';
import { escapeText } from './escape.ts';
import { exitCodes } from './exit-codes.ts';
import { base64Of, jsonLine } from './json.ts';
import { mountOptionsOf, mountOptionTable } from './mount-options.ts';
import { optionalArgument, parseWords } from './options.ts';
import type { Output } from './output.ts';
import type { Word } from './words.ts';

const statusWidth = 'warning'.length;
const nameWidth = 'upper in TMPDIR'.length;

function row({ name, status, message, path }: EnvironmentRow): string {
  const about = path === undefined ? '' : `${escapeText(path)}: `;
  const text = `${about}${escapeText(message)}`;
  return `${status.padEnd(statusWidth)}  ${name.padEnd(nameWidth)}  ${text}\n`;
}

/** Its sentence names the paths only where it needs them. */
function finding({ severity, reason, message, path, dest }: Finding): string {
  const places = [path, dest].filter((place) => place !== undefined && !message.includes(place));
  const about = places.length > 0 ? `${places.map(String).map(escapeText).join(' -> ')}: ` : '';
  return `${severity.padEnd(statusWidth)}  ${reason}: ${about}${escapeText(message)}\n`;
}

function findingObject({ pathBytes, destBytes, ...rest }: Finding): string {
  return jsonLine({
    kind: 'finding',
    ...rest,
    pathBase64: base64Of(pathBytes),
    destBase64: base64Of(destBytes),
  });
}

function layersText(findings: readonly Finding[]): string {
  return findings.length > 0
    ? findings.map(finding).join('')
    : `${'ok'.padEnd(statusWidth)}  nothing is wrong with these layers\n`;
}

export async function doctor(words: readonly Word[], output: Output): Promise<number> {
  const { values, positionals } = parseWords(words, {
    ...mountOptionTable,
    json: { type: 'boolean' },
  });
  const target = optionalArgument(positionals, 'TARGET');
  const { json, ...layerValues } = values;
  const named = target !== undefined || Object.keys(layerValues).length > 0;
  const layers = named
    ? { ...mountOptionsOf(layerValues), ...(target === undefined ? {} : { target }) }
    : undefined;
  const rows = await environmentRows(await probe());
  const findings = layers === undefined ? [] : await diagnose(layers);
  if (json) {
    const rowObjects = rows.map((each) => jsonLine({ kind: 'environment', ...each }));
    await output.write([...rowObjects, ...findings.map(findingObject)].join(''));
  } else {
    await output.write(rows.map(row).join(''));
    await output.write(layers === undefined ? '' : `\n${layersText(findings)}`);
  }
  const failed = [...rows.map(({ status }) => status), ...findings.map((each) => each.severity)];
  return failed.includes('error') ? exitCodes.failed : exitCodes.done;
}
