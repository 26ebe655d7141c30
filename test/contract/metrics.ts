import { send } from './http.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What /metrics says. */
export interface Metrics {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

export async function readMetrics(url: string): Promise<Metrics> {
  const { status, text } = await send(url, { path: '/metrics' });
  if (status !== 200) throw new Error(`/metrics answers ${status}: ${text}`);
  return parseMetrics(text);
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)(?: -?\\d+)?$`);
const HINT = new RegExp(`^# (HELP|TYPE) (${NAME})(?: (.*))?$`);

/** @throws Error on a line that is not of Prometheus' text format */
export function parseMetrics(text: string): Metrics {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, hint, hinted = '', type = ''] = HINT.exec(line) ?? [];
    if (hint === 'TYPE') {
      if (types.has(hinted)) throw new Error(`a second TYPE of ${hinted}`);
      types.set(hinted, type);
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a sample: ${line}`);
    samples.push({ name, labels: parseLabels(labels), value: parseValue(value ?? '') });
  }
  return { types, samples };
}

function parseLabels(text: string): Record<string, string> {
  if (text.replace(LABEL, '').replace(/,/g, '') !== '') throw new Error(`not labels: {${text}}`);
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name, value]));
}

function parseValue(text: string): number {
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`not a value: ${text}`);
  return value;
}

/** The samples of that name whose labels have at least these values. */
export function select(
  { samples }: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  return samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
}

/** Their sum; 0 when there is none. */
export function total(...args: Parameters<typeof select>): number {
  return select(...args).reduce((sum, { value }) => sum + value, 0);
}
