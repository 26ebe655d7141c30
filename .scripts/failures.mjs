// A reporter of vitest: what failed, told once more in $FAILURES_FILE, for the end of `npm test`.
import { writeFileSync } from 'node:fs';

export default class {
  /** vitest calls it once, with every file that ran and every error outside of a test. */
  onTestRunEnd(files, strayErrors) {
    const failures = [];
    const tell = (place, { message, diff, stacks = [] }) => {
      const frame = stacks.find(({ file }) => !file.includes('node_modules'));
      const lines = [message, diff, frame && `at ${frame.file}:${frame.line}`];
      failures.push(`${place}\n${shorten(lines.filter(Boolean).join('\n'))}`);
    };
    for (const file of files) {
      for (const part of [file, ...file.children.allSuites()]) {
        for (const error of part.errors()) tell(part.fullName ?? file.relativeModuleId, error);
      }
      for (const test of file.children.allTests('failed')) {
        const place = `${file.relativeModuleId}: ${test.fullName}`;
        for (const error of test.result().errors) tell(place, error);
      }
    }
    for (const error of strayErrors) tell('outside of the tests', error);
    writeFileSync(process.env.FAILURES_FILE, failures.join('\n\n'));
  }
}

/** The first lines, indented: what is compared may hold a whole log. */
function shorten(text) {
  const lines = text.split('\n');
  const shown = lines.slice(0, 40).map((line) => `    ${line.slice(0, 500)}`);
  if (lines.length > shown.length) shown.push(`    … ${lines.length - shown.length} more lines`);
  return shown.join('\n');
}
