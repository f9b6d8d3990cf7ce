const commandNames = [
  'mount',
  'umount',
  'refresh',
  'list',
  'run',
  'sessions',
  'discard',
  'diff',
  'apply',
  'scan',
  'doctor',
  'help',
] as const;

export type CommandName = (typeof commandNames)[number];

export function isCommand(word: string): word is CommandName {
  return commandNames.some((name) => name === word);
}
