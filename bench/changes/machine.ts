/** What it was measured on; no names of machines. */
import { cpus, release, totalmem } from 'node:os';
import { run } from '../tools.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly filesystem: string;
  readonly node: string;
}

export function machineAt(directory: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().replace(/^(\d+\.\d+\.\d+).*/, '$1'),
    filesystem: run('stat', '--file-system', '--format=%T', directory)
      .trim()
      .replace('ext2/ext3', 'ext4'),
    node: process.version,
  };
}

export function machineText({ cpu, cores, memoryGiB, kernel, filesystem, node }: Machine): string {
  return `${cores} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, ${filesystem}, Node ${node}`;
}
