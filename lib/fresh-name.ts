/**
 * Twelve digits that nobody else will have drawn. They need not be hard to guess: the directories that they
 * are used in let nobody else in, and Node takes milliseconds to load its cryptography.
 */
export function freshDigits(): string {
  return Math.floor(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0');
}
