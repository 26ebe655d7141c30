import type { ApiErrorBody, Spoil } from './spoil.ts';

/**
 * What can go wrong with an upstream, as data. Nothing here touches the network, so that
 * `--help` can list the faults without loading a server.
 */

interface FaultRow {
  readonly name: string;
  readonly summary: string;
  readonly spoil: Spoil;
}

const failed: ApiErrorBody = {
  message: 'The server had an error while processing your request.',
  type: 'server_error',
  param: null,
  code: null,
};

const status = (code: number, error: Partial<ApiErrorBody> = {}) => ({
  how: 'status' as const,
  status: code,
  error: { ...failed, ...error },
});

const invalid = 'invalid_request_error';

const ROWS = [
  {
    name: 'bad-request',
    summary: '400: the request is refused',
    spoil: status(400, { message: 'Unsupported parameter.', type: invalid }),
  },
  {
    name: 'unauthorized',
    summary: '401: the key is refused',
    spoil: status(401, {
      message: 'Incorrect API key provided.',
      type: invalid,
      code: 'invalid_api_key',
    }),
  },
  {
    name: 'not-found',
    summary: '404: there is no such model',
    spoil: status(404, {
      message: 'The model does not exist or you do not have access to it.',
      type: invalid,
      code: 'model_not_found',
    }),
  },
  {
    name: 'rate-limited',
    summary: '429 with a Retry-After',
    spoil: {
      ...status(429, {
        message: 'Rate limit reached. Please try again later.',
        type: 'requests',
        code: 'rate_limit_exceeded',
      }),
      saysWhen: true,
    },
  },
  { name: 'server-error', summary: '500', spoil: status(500) },
  {
    name: 'unavailable',
    summary: '503',
    spoil: status(503, {
      message: 'The engine is currently overloaded, please try again later.',
    }),
  },
  {
    name: 'slow-first-token',
    summary: 'headers at once, the first token 5 s late (plain: the answer 5 s late)',
    spoil: { how: 'late', ms: 5000 },
  },
  {
    name: 'stall',
    summary: 'three tokens (plain: half of the answer), then silence for ever',
    spoil: { how: 'cut', next: 'silence' },
  },
  {
    name: 'hang',
    summary: 'takes the request and never answers a byte',
    spoil: { how: 'hang' },
  },
  {
    name: 'reset-before',
    summary: 'resets the connection before the first byte',
    spoil: { how: 'reset' },
  },
  {
    name: 'reset-after',
    summary: 'three tokens (plain: half of the answer), then a connection reset',
    spoil: { how: 'cut', next: 'reset' },
  },
  {
    name: 'truncate',
    summary: 'three tokens (plain: half of the answer), then a clean end with nothing to say so',
    spoil: { how: 'cut', next: 'end' },
  },
  {
    name: 'not-json',
    summary: '200 with an HTML page (stream: the first data line is not JSON)',
    spoil: { how: 'garbage' },
  },
  {
    name: 'error-event',
    summary: 'three tokens, then an {"error"} event (plain: 200 with an {"error"} body)',
    spoil: { how: 'error-object', error: failed },
  },
  {
    name: 'drip',
    summary: 'one token (plain: one space) every 100 ms, for ever',
    spoil: { how: 'drip', ms: 100 },
  },
] as const satisfies readonly FaultRow[];

export type Fault = (typeof ROWS)[number]['name'];

export const FAULTS: readonly { readonly name: Fault; readonly summary: string }[] = ROWS;

const rows = new Map<string, FaultRow & { name: Fault }>(ROWS.map((row) => [row.name, row]));

/** The fault of that name, or undefined where there is none. */
export function parseFault(text: string): Fault | undefined {
  return rows.get(text)?.name;
}

export function spoilOf(fault: Fault): Spoil {
  return (rows.get(fault) as FaultRow).spoil;
}
