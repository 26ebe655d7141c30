/** A line that a server logs of a request. */
export interface Line {
  readonly request_id: string;
  readonly route: string;
  readonly status: number;
  readonly outcome: string;
  readonly [field: string]: unknown;
}

/** The lines of requests; what else is logged of one, such as a warning, has no duration. */
export function findLines(output: string, fields: Partial<Line>): Line[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"duration_ms"'))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Line)
    .filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
}
