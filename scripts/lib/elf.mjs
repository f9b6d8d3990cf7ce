// Reads the dynamic symbols of a 64-bit little-endian ELF file: all that the prebuild and its
// checks need of one. Not `readelf`, whose columns differ between binutils, LLVM and busybox.
import { readFileSync } from 'node:fs';

const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERDEF = 0x6ffffffd;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;
const DT_NEEDED = 1n;
const DT_SONAME = 14n;
const TYPES = { 1: 'object', 6: 'tls' };
const MACHINES = { 62: 'x64', 183: 'arm64' };

/**
 * A symbol has `name`, `version`, `current` (false for a version kept for old programs), `type`,
 * `defined`, `weak` and `size`.
 */
export function readElf(file) {
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) {
    throw new Error(`${file} is not an ELF file`);
  }
  if (bytes[4] !== 2 || bytes[5] !== 1) {
    throw new Error(`${file} is not a 64-bit little-endian ELF file`);
  }

  const sections = readSections(bytes);
  const find = (type) => sections.find((section) => section.type === type);
  const stringsOf = (section) => stringReader(bytes, sections[section.link].offset);

  const dynamic = find(SHT_DYNAMIC);
  const dynsym = find(SHT_DYNSYM);
  if (!dynamic || !dynsym) {
    throw new Error(`${file} has no dynamic section: it is not a shared object`);
  }

  const entries = readDynamic(bytes, dynamic, stringsOf(dynamic));
  const definitions = readVersionDefinitions(bytes, find(SHT_GNU_VERDEF), stringsOf);
  const needs = readVersionNeeds(bytes, find(SHT_GNU_VERNEED), stringsOf);
  const names = new Map([...definitions, ...needs.map((need) => [need.index, need.version])]);
  return {
    machine: MACHINES[bytes.readUInt16LE(18)] ?? `machine ${bytes.readUInt16LE(18)}`,
    soname: entries.soname,
    needed: entries.needed,
    versionsNeeded: needs.map(({ library, version }) => ({ library, version })),
    symbols: readSymbols(bytes, dynsym, stringsOf(dynsym), find(SHT_GNU_VERSYM), names),
  };
}

function readSections(bytes) {
  const start = Number(bytes.readBigUInt64LE(40));
  const size = bytes.readUInt16LE(58);
  return Array.from({ length: bytes.readUInt16LE(60) }, (_, i) => {
    const at = start + i * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
    };
  });
}

function stringReader(bytes, table) {
  return (offset) => bytes.toString('latin1', table + offset, bytes.indexOf(0, table + offset));
}

function readDynamic(bytes, section, string) {
  const needed = [];
  let soname;
  for (let at = section.offset; at < section.offset + section.size; at += 16) {
    const tag = bytes.readBigInt64LE(at);
    const value = Number(bytes.readBigUInt64LE(at + 8));
    if (tag === DT_NEEDED) {
      needed.push(string(value));
    }
    if (tag === DT_SONAME) {
      soname = string(value);
    }
  }
  return { needed, soname };
}

function readVersionDefinitions(bytes, section, stringsOf) {
  const found = new Map();
  if (!section) {
    return found;
  }
  const string = stringsOf(section);
  for (let at = section.offset, next = 1; next !== 0; at += next) {
    const name = bytes.readUInt32LE(at + bytes.readUInt32LE(at + 12));
    found.set(bytes.readUInt16LE(at + 4), string(name));
    next = bytes.readUInt32LE(at + 16);
  }
  return found;
}

function readVersionNeeds(bytes, section, stringsOf) {
  const found = [];
  if (!section) {
    return found;
  }
  const string = stringsOf(section);
  for (let at = section.offset, next = 1; next !== 0; at += next) {
    const library = string(bytes.readUInt32LE(at + 4));
    for (let aux = at + bytes.readUInt32LE(at + 8), more = 1; more !== 0; aux += more) {
      found.push({
        library,
        version: string(bytes.readUInt32LE(aux + 8)),
        index: bytes.readUInt16LE(aux + 6),
      });
      more = bytes.readUInt32LE(aux + 12);
    }
    next = bytes.readUInt32LE(at + 12);
  }
  return found;
}

function readSymbols(bytes, section, string, versions, names) {
  const symbols = [];
  for (let i = 1; i < section.size / 24; i++) {
    const at = section.offset + i * 24;
    const info = bytes[at + 4];
    // Bit 15 hides a version from linkers.
    const versionWord = versions ? bytes.readUInt16LE(versions.offset + i * 2) : 1;
    const index = versionWord & 0x7fff;
    symbols.push({
      name: string(bytes.readUInt32LE(at)),
      version: index > 1 ? names.get(index) : undefined,
      current: (versionWord & 0x8000) === 0,
      type: TYPES[info & 0xf] ?? 'function',
      defined: bytes.readUInt16LE(at + 6) !== 0,
      weak: info >> 4 === 2,
      size: Number(bytes.readBigUInt64LE(at + 16)),
    });
  }
  return symbols;
}
