import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of a program, as the shell would find it, or undefined. */
export function which(name) {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '')
        .split(delimiter)
        .filter(Boolean)
        .map((directory) => join(directory, name));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

/** The C++ compiler: $CXX (which may carry arguments), else the first known one. */
export function compiler() {
  const wanted = process.env.CXX?.trim();
  const names = wanted ? [wanted.split(/\s+/)[0]] : ['g++', 'clang++', 'c++'];
  const name = names.find((candidate) => which(candidate));
  return name && (wanted || name);
}

/** node-gyp and make default to g++: a machine with clang only needs to be told. */
export function compilerEnvironment() {
  const cxx = compiler();
  if (!cxx || process.env.CXX || cxx === 'g++') {
    return {};
  }
  return cxx === 'clang++' && !process.env.CC ? { CXX: cxx, CC: 'clang' } : { CXX: cxx };
}

/** Whether skipping is forbidden. */
export const ci = process.env.CI === 'true';
