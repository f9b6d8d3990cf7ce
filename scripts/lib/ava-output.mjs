import { stripVTControlCharacters } from 'node:util';

// ava's default reporter is the one worth reading, so its text is shown as it comes and counted on
// the way. The version of ava is pinned in package.json; its exit code has the last word.
const patterns = {
  passed: /^\s*(\d+) tests? passed$/,
  known: /^\s*(\d+) known failures?$/,
  failed: /^\s*(\d+) tests? failed$/,
  hooks: /^\s*(\d+) hooks? failed$/,
  exceptions: /^\s*(\d+) uncaught exceptions?$/,
  rejections: /^\s*(\d+) unhandled rejections?$/,
};
const crash =
  /^\s*[✘✖×] (?:.* exited (?:with|due)|No tests found|Internal error|Timed out|Exiting due|\[left behind\]|.* remaining in )/;
const pass = /^ {2}[✔√] /;
const skip = /^\s*- \[(?:skip|todo)\] (.*)$/;
const failure = /^\s*[✘✖×] (\[(?:fail|unexpected pass)\]: .*)$/;
const nothing = /Couldn’t find any (?:files to test|matching tests)|but did not match the filters/;

export class AvaOutput {
  #rest = '';
  #numbers = {};
  #crashes = [];
  // ava's closing lines name the passed tests only when none failed.
  #ticks = 0;
  #detailed = false;
  skips = [];
  failures = [];
  /** What ava says of its failures: after a rule, its closing lines before. */
  details = [];
  empty = false;

  add(chunk) {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      this.#read(stripVTControlCharacters(line).trimEnd());
    }
  }

  #read(line) {
    if (/^\s*─+$/.test(line)) {
      this.#detailed = true;
    } else if (this.#detailed) {
      this.details.push(line);
    }
    for (const [name, pattern] of Object.entries(patterns)) {
      const count = pattern.exec(line)?.[1];
      if (count) {
        this.#numbers[name] = Number(count);
      }
    }
    const title = skip.exec(line)?.[1];
    if (title) {
      this.skips.push(title);
    }
    const failed = failure.exec(line)?.[1];
    if (failed) {
      this.failures.push(failed);
    }
    if (crash.test(line)) {
      this.#crashes.push(line.trim().slice(2));
    }
    if (pass.test(line)) {
      this.#ticks++;
    }
    this.empty ||= nothing.test(line);
  }

  /** `ok` is what the exit code said: whatever the text was, a failure is never lost. */
  result(ok) {
    const { known = 0, failed = 0, hooks = 0 } = this.#numbers;
    const passed = this.#numbers.passed === undefined ? this.#ticks : this.#numbers.passed + known;
    const { exceptions = 0, rejections = 0 } = this.#numbers;
    const crashed = Math.max(this.#crashes.length, exceptions + rejections);
    const counted = Math.max(failed + hooks, this.failures.length) + crashed;
    const failures = [...this.failures, ...this.#crashes];
    const silent = counted === 0 && !(ok && (passed > 0 || this.skips.length > 0));
    if (silent) {
      failures.push(ok ? 'ava said nothing of any test' : 'ava failed without naming a test');
    }
    return {
      passed,
      failed: silent ? 1 : counted,
      failures,
      skips: this.skips,
      details: counted > 0 ? this.details : [],
    };
  }
}
