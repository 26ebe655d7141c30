/** An answer of type application/problem+json, as every generated server sends it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly request_id?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

export function isProblem(value: unknown): value is Problem {
  const { title, status } = (value ?? {}) as Partial<Problem>;
  return typeof title === 'string' && typeof status === 'number';
}

/** The same as one sentence, with what one needs to find it in the server's log. */
export function formatProblem(problem: Problem, retryAfter?: string | null): string {
  const { status, title, detail, errors = [], request_id } = problem;
  const what = detail && detail !== title ? `${title}: ${detail}` : title;
  const fields = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  const notes = [
    String(status),
    ...(retryAfter ? [`try again in ${retryAfter} s`] : []),
    ...(request_id ? [`request ${request_id}`] : []),
  ];
  // "See errors" is for programs: here they are.
  const sentence = fields ? `${title}: ${fields}` : what;
  return `${sentence.replace(/\.$/, '')} (${notes.join(', ')}).`;
}
