// What a built addon asks of the machine that loads it, and whether that is more than was promised.
import { readElf } from './elf.mjs';
import { compareVersions, GLIBC_FLOOR } from './glibc-floor.mjs';

// The C library and its parts. libstdc++ and libgcc_s are linked in, so that the versions of their
// symbols never come into question.
const ALLOWED_LIBRARIES =
  /^(lib(c|m)\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux.*|libc\.musl-.*|libc\.so)$/;
// What the program that loads it provides. Of libuv, which keeps its ABI through version 1.
const ofNode = /^(napi|node_api|uv)_/;
const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/**
 * `glibc` is the newest version of a C library symbol that the addon needs; `problems` are the ends
 * of sentences that begin with "it".
 */
export function addonNeeds(file) {
  const elf = readElf(file);
  const libc = elf.needed.includes('libc.so.6') ? 'glibc' : 'musl';
  const versions = elf.versionsNeeded.map((need) => need.version);
  const numbered = versions.filter((version) => /^GLIBC_\d/.test(version)).sort(compareVersions);
  return {
    machine: elf.machine,
    libc,
    libraries: elf.needed,
    glibc: numbered.at(-1),
    problems: [...libraryProblems(elf), ...versionProblems(elf), ...symbolProblems(elf, libc)],
  };
}

function libraryProblems(elf) {
  return elf.needed
    .filter((name) => !ALLOWED_LIBRARIES.test(name))
    .map((name) => `needs the library ${name}`);
}

function versionProblems(elf) {
  const tooNew = (version) =>
    !/^GLIBC_\d/.test(version) || compareVersions(version, GLIBC_FLOOR) > 0;
  return elf.versionsNeeded
    .filter((need) => tooNew(need.version))
    .map(({ library, version }) => {
      const users = elf.symbols.filter((symbol) => !symbol.defined && symbol.version === version);
      return `needs ${version} of ${library} for ${users.map((symbol) => symbol.name).join(', ')}`;
    });
}

function symbolProblems(elf, libc) {
  const problems = [];
  // On musl nothing is versioned, so an undefined name says nothing: loading it is the test there.
  const isOpen = (symbol) =>
    !symbol.defined && !symbol.weak && !symbol.version && !ofNode.test(symbol.name);
  for (const { name } of libc === 'glibc' ? elf.symbols.filter(isOpen) : []) {
    problems.push(
      `needs ${name}, which ${GLIBC_FLOOR} does not have: use syscall() or native/compat/glibc.c`,
    );
  }
  const exported = elf.symbols.filter((symbol) => symbol.defined).map((symbol) => symbol.name);
  for (const name of exported.filter((name) => !ENTRY_POINTS.includes(name))) {
    problems.push(`exports ${name}`);
  }
  if (!exported.includes(ENTRY_POINTS[0])) {
    problems.push(`does not export ${ENTRY_POINTS[0]}`);
  }
  return problems;
}
