import type { ApiErrorBody } from './spoil.ts';

/** An error as OpenAI words it, thrown while a request is read and answered with its status. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ApiErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    { param = null, code = null }: { param?: string | null; code?: string | null } = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.body = { message, type: 'invalid_request_error', param, code };
    this.headers = headers;
  }
}

export function renderError(error: ApiErrorBody): string {
  return JSON.stringify({ error }, null, 2);
}

export function missing(param: string): ApiError {
  return new ApiError(400, `Missing required parameter: '${param}'.`, {
    param,
    code: 'missing_required_parameter',
  });
}

export function wrongType(param: string, expected: string, value: unknown): ApiError {
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  return new ApiError(
    400,
    `Invalid type for '${param}': expected ${expected}, but got ${got} instead.`,
    { param, code: 'invalid_type' },
  );
}
