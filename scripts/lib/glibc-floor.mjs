// Makes a linker on a new distribution produce an addon for old ones.
//
// A linker binds each call to the newest version of the symbol that the C library of the *build*
// machine has. So it gets another C library to link with: stubs, generated from the real one, that
// hold each symbol only at its newest version not above the floor. A symbol that is younger
// altogether is not in them; native/compat/glibc.c replaces the few that libstdc++ and the C
// headers need, and any other stays undefined, which addonNeeds() reports by name. Only linking uses the
// stubs; at run time the real libraries are loaded.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { readElf } from './elf.mjs';

/** RHEL 8 and everything later; also what the official binaries of Node.js ask for. */
export const GLIBC_FLOOR = 'GLIBC_2.28';

const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1'];

// glibc 2.29 to 2.34 moved these into libc.so.6 under a new version and kept the old one there for
// old programs. In 2.28 they are found only in the library named here. What moved from elsewhere
// is of no use to an addon and is left out.
const FORMER_HOMES = [
  [/^_*(pthread|sem|mtx|cnd|thrd|tss)_|^call_once$/, 'libpthread.so.0'],
  [/^dl[a-z]/, 'libdl.so.2'],
  [/^(aio|lio|mq|shm|timer)_/, 'librt.so.1'],
];

/** Orders version names such as GLIBC_2.9 and GLIBC_2.28. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((name) =>
    name
      .slice(name.indexOf('_') + 1)
      .split('.')
      .map(Number),
  );
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

/** The C library that the compiler links with. */
export function compilerLibc(cc) {
  return findLibrary(cc, 'libc.so.6') ? 'glibc' : 'musl';
}

/**
 * Writes the stub libraries and the replacements object into `dir`.
 * @returns {string[]} what the linker has to be given in addition
 */
export function glibcFloorFlags(cc, dir, compatSource) {
  const stubs = join(dir, 'stubs');
  mkdirSync(stubs, { recursive: true });

  const contents = collectSymbols(cc);
  for (const [soname, symbols] of contents) {
    writeStub(cc, stubs, soname, symbols);
  }

  // Not a plain library: as in the system's own libc.so, a part of the C library is static, and the
  // loader belongs to it.
  const loader = [...contents.keys()].find((soname) => soname.startsWith('ld-linux'));
  const members = [join(stubs, 'libc.so.6'), findLibrary(cc, 'libc_nonshared.a')].filter(Boolean);
  const optional = loader ? ` AS_NEEDED ( "${join(stubs, loader)}" )` : '';
  writeFileSync(
    join(stubs, 'libc.so'),
    `GROUP ( ${members.map((file) => `"${file}"`).join(' ')}${optional} )\n`,
  );

  const compat = join(dir, 'compat.o');
  compile(cc, ['-O2', '-fPIC', '-Wall', '-fno-builtin', '-c', compatSource, '-o', compat]);
  return [compat, `-L${stubs}`];
}

/** `cc` is the words of a command: it may start with a wrapper such as ccache. */
function compile([command, ...words], args) {
  try {
    return execFileSync(command, [...words, ...args], { encoding: 'utf8' });
  } catch (error) {
    throw error.code === 'ENOENT'
      ? new Error(`There is no C compiler: ${command} is not installed`)
      : error;
  }
}

function findLibrary(cc, name) {
  const path = compile(cc, [`-print-file-name=${name}`]).trim();
  return isAbsolute(path) ? path : undefined;
}

/** For each library the symbols that its stub holds, by name. */
function collectSymbols(cc) {
  const libraries = LIBRARIES.map((soname) => [soname, findLibrary(cc, soname)])
    .filter(([, file]) => file)
    .map(([soname, file]) => [soname, readElf(file)]);
  const loader = libraries[0][1].needed.find((soname) => soname.startsWith('ld-linux'));
  if (loader) {
    libraries.push([loader, readElf(findLibrary(cc, loader))]);
  }
  const contents = new Map([...LIBRARIES, loader].map((soname) => [soname, new Map()]));
  contents.delete(undefined);
  for (const [soname, { symbols }] of libraries) {
    const moved = new Set(symbols.filter(isTooNew).map(({ name }) => name));
    // What no longer has a current version cannot be linked with here either.
    const current = new Set(symbols.filter((symbol) => symbol.current).map(({ name }) => name));
    for (const symbol of symbols.filter((one) => isOldEnough(one) && current.has(one.name))) {
      const home = contents.get(moved.has(symbol.name) ? formerHome(soname, symbol.name) : soname);
      const known = home?.get(symbol.name);
      if (!known || compareVersions(known.version, symbol.version) < 0) {
        home?.set(symbol.name, symbol);
      }
    }
  }
  return contents;
}

function isLinkable(symbol) {
  // A version is itself a symbol of its library; GLIBC_PRIVATE is for glibc's own parts.
  return symbol.defined && /^GLIBC_\d/.test(symbol.version ?? '') && symbol.name !== symbol.version;
}

function isTooNew(symbol) {
  return isLinkable(symbol) && compareVersions(symbol.version, GLIBC_FLOOR) > 0;
}

function isOldEnough(symbol) {
  return isLinkable(symbol) && !isTooNew(symbol);
}

function formerHome(soname, name) {
  // A newer version of a mathematical function is a correction in place, not a move.
  if (soname !== 'libc.so.6') {
    return soname;
  }
  return FORMER_HOMES.find(([pattern]) => pattern.test(name))?.[1];
}

function writeStub(cc, dir, soname, symbols) {
  const versions = groupByVersion(symbols.values());
  const map = [...versions].map(
    ([version, members]) => `${version} {\n  ${members.map((s) => `${s.name};`).join(' ')}\n};\n`,
  );
  const assembly = [...symbols.values()].map(stubSymbol);
  assembly.push('.section .note.GNU-stack,"",%progbits\n');

  const base = join(dir, soname);
  writeFileSync(`${base}.s`, assembly.join(''));
  writeFileSync(`${base}.map`, map.join(''));
  const flags = [
    '-shared',
    '-nostdlib',
    `-Wl,-soname,${soname}`,
    `-Wl,--version-script,${base}.map`,
  ];
  compile(cc, [...flags, '-o', base, `${base}.s`]);
  const linkName = soname.replace(/\.so\..*/, '.so');
  if (linkName !== 'libc.so') {
    symlinkSync(soname, join(dir, linkName));
  }
}

function groupByVersion(symbols) {
  const groups = new Map();
  for (const symbol of symbols) {
    groups.set(symbol.version, [...(groups.get(symbol.version) ?? []), symbol]);
  }
  return groups;
}

function stubSymbol({ name, type, size }) {
  const head = `.globl ${name}\n.type ${name}, %${type === 'tls' ? 'tls_object' : type}\n`;
  if (type === 'function') {
    return `.text\n${head}${name}:\n`;
  }
  const section = type === 'tls' ? '.section .tbss,"awT",%nobits' : '.bss';
  return `${section}\n${head}.size ${name}, ${size}\n${name}: .zero ${Math.max(size, 1)}\n`;
}
