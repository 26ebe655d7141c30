/** What a check of `doctor` found. */
export interface Judgement {
  readonly verdict: Verdict;
  /** In a few words, without a full stop. Never a secret. */
  readonly text: string;
  /** One line each: which packages, which names, which files. */
  readonly details?: readonly string[];
  /** What to type or to change. */
  readonly mend?: string;
}

/** `skipped` is a check that could not be made, or that has nothing to look at. */
type Verdict = 'good' | 'bad' | 'skipped';

export interface Finding extends Judgement {
  readonly name: string;
}

export function good(text: string, details: readonly string[] = []): Judgement {
  return { verdict: 'good', text, ...(details.length > 0 && { details }) };
}

/** What is bad always comes with the way out. */
export function bad(text: string, mend: string, details: readonly string[] = []): Judgement {
  return { verdict: 'bad', text, ...(details.length > 0 && { details }), mend };
}

export function skipped(text: string, mend?: string): Judgement {
  return { verdict: 'skipped', text, ...(mend !== undefined && { mend }) };
}

/** How the parts of a line are set off, where the terminal can show it. */
export type Emphasize = (role: Verdict | 'mend', text: string) => string;

const MARKS: Readonly<Record<Verdict, string>> = { good: '✔', bad: '✖', skipped: '–' };
const INDENT = '  ';

/** One line a finding with the names in a column; below it what belongs to it. */
export function formatFindings(findings: readonly Finding[], emphasize: Emphasize): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const below = ' '.repeat(width + 4);
  return findings
    .flatMap(({ name, verdict, text, details = [], mend }) => [
      `${emphasize(verdict, MARKS[verdict])} ${name.padEnd(width)}${INDENT}${text}`,
      ...details.map((line) => `${below}${INDENT}${line}`),
      ...(mend === undefined ? [] : [`${below}${emphasize('mend', `→ ${mend}`)}`]),
    ])
    .join('\n');
}

export type Counts = Readonly<Record<Verdict, number>>;

export function countVerdicts(findings: readonly Finding[]): Counts {
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  return { good: count('good'), bad: count('bad'), skipped: count('skipped') };
}

/** The last two lines: how it stands, and what to do next. */
export function formatSummary(findings: readonly Finding[], tool: string): string {
  const counts = countVerdicts(findings);
  const first = findings.find(({ verdict }) => verdict === 'bad');
  const words = (['bad', 'good', 'skipped'] as const).flatMap((verdict) =>
    counts[verdict] > 0 ? [`${counts[verdict]} ${verdict}`] : [],
  );
  const next = first ? `mend "${first.name}", then look again: ${tool} doctor` : `${tool} dev`;
  return `${words.join(', ')}.\nNext: ${next}`;
}
