import { expect, test } from 'vitest';
import {
  bad,
  countVerdicts,
  formatFindings,
  formatSummary,
  good,
  skipped,
} from '../../src/core/doctor.ts';

const findings = [
  { name: 'node', ...good('20.20.2') },
  { name: 'dependencies', ...bad('1 of 2 packages', 'npm ci', ['zod is not installed']) },
  { name: 'key', ...skipped('there is none', 'OPENAI_API_KEY=… in .env') },
];

test('findings stand in columns, with what belongs to them below', () => {
  expect(formatFindings(findings, (_role, text) => text)).toBe(
    [
      '✔ node          20.20.2',
      '✖ dependencies  1 of 2 packages',
      '                  zod is not installed',
      '                → npm ci',
      '– key           there is none',
      '                → OPENAI_API_KEY=… in .env',
    ].join('\n'),
  );
});

test('what is set off is the mark and the way out', () => {
  const shown = formatFindings(findings, (role, text) => `<${role} ${text}>`);
  expect(shown).toContain('<bad ✖> dependencies');
  expect(shown).toContain('<mend → npm ci>');
  expect(shown).toContain('<skipped –> key');
});

test('the summary counts, and names what to do next', () => {
  expect(countVerdicts(findings)).toEqual({ good: 1, bad: 1, skipped: 1 });
  expect(formatSummary(findings, 'llm-api')).toBe(
    '1 bad, 1 good, 1 skipped.\nNext: mend "dependencies", then look again: llm-api doctor',
  );
  expect(formatSummary(findings.slice(0, 1), 'llm-api')).toBe('1 good.\nNext: llm-api dev');
});
