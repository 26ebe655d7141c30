import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { parseEnv } from 'node:util';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import OpenAI from 'openai';
import { request } from 'undici';
import { z } from 'zod';

// biome-ignore format: one line, however long the name
const DEFAULT_MODEL = 'gpt-4o';
// biome-ignore format: one line, however long the address
const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
const DEADLINE_MS = 60_000; // how long the model may take, all in all

const Settings = z
  .object({
    OPENAI_API_KEY: z.optional(z.string().regex(/^[!-~]+$/, 'must be ASCII, no spaces')),
    OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).default(DEFAULT_BASE_URL),
    LLM_MODEL: z.string().default(DEFAULT_MODEL),
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(1).max(65_535).default(8000),
    APP_ENV: z.enum(['development', 'production']).default('development'),
    LOG_LEVEL: z.enum(['debug', 'info', 'warning', 'error']).default('info'),
    MAX_PROMPT_CHARS: z.coerce.number().int().min(1).default(32_768),
    MAX_BODY_BYTES: z.coerce.number().int().min(1).default(1_048_576),
  })
  .refine((env) => env.OPENAI_API_KEY || env.APP_ENV !== 'production', {
    path: ['OPENAI_API_KEY'],
    error: 'is required when APP_ENV=production',
    when: () => true, // even if another variable is wrong too
  });
export type Settings = z.infer<typeof Settings>;

/** Later sources win, an empty value is no value, and all mistakes are told at once. */
export function readSettings(...sources: object[]): Settings {
  const given = sources.flatMap((source) => Object.entries(source)).filter(([, value]) => value);
  const { data, error } = Settings.safeParse(Object.fromEntries(given));
  if (data) return data;
  const mistakes = error.issues.map(({ path, message }) => `\n${path}: ${message}`);
  throw new Error(`the settings are wrong${mistakes.join('')}`);
}

export function createApp(settings: Settings, client = createClient(settings)): Express {
  const Body = z.strictObject({
    prompt: z
      .string()
      .refine((text) => text.trim(), 'must not be blank')
      .refine((text) => [...text].length <= settings.MAX_PROMPT_CHARS, 'is over MAX_PROMPT_CHARS'),
  });
  const type = ['json', '+json'];
  const parseJson = express.json({ type, limit: settings.MAX_BODY_BYTES, strict: false });

  const generate: RequestHandler = async (req, res) => {
    if (req.is(type) === false) throw new Problem('unsupported-media-type');
    const empty = req.body === undefined || req.get('Content-Length') === '0';
    if (empty) throw new Problem('invalid-json');
    const { prompt } = Body.parse(req.body);
    if (!settings.OPENAI_API_KEY) throw new Problem('upstream-misconfigured');

    const left = new AbortController();
    res.on('close', () => res.writableFinished || left.abort()); // nobody would read the answer
    try {
      const completion = await client.chat.completions.create(
        { model: settings.LLM_MODEL, messages: [{ role: 'user', content: prompt }] },
        { signal: left.signal },
      );
      const text: unknown = completion.choices[0]?.message.content;
      if (typeof text !== 'string') throw new Problem('upstream-failed');
      res.json({ text });
    } catch (error) {
      res.locals.cause = (error as Error).constructor.name; // no more: a message may quote a prompt
      // What the SDK did not throw: the answer is no JSON, or lacks its choices.
      throw error instanceof OpenAI.APIError ? error : new Problem('upstream-failed');
    }
  };

  const app = express().disable('x-powered-by');
  app.use((req, res, next) => {
    const [start, id] = [Date.now(), req.get('X-Request-Id') ?? ''];
    res.set('X-Request-Id', /^[\w.-]{1,128}$/.test(id) ? id : randomUUID());
    res.on('close', () => {
      const status = res.writableFinished ? res.statusCode : 499; // 499: the caller left
      if (status < 500 && ['warning', 'error'].includes(settings.LOG_LEVEL)) return;
      const entry = { route: req.route?.path, status, duration_ms: Date.now() - start };
      console.log(JSON.stringify({ ...entry, request_id: res.get('X-Request-Id'), ...res.locals }));
    });
    next();
  });
  app.get('/', (_req, res) => res.json({ usage: 'POST /generate {"prompt": "Hello"}' }));
  app.get('/healthz', (_req, res) => res.json({ status: 'ok' }));
  app.post('/generate', parseJson, generate);
  app.use((req, res) => {
    if (req.path === '/generate') res.set('Allow', 'POST');
    if (['/', '/healthz'].includes(req.path)) res.set('Allow', 'GET, HEAD');
    throw new Problem(res.get('Allow') ? 'method-not-allowed' : 'not-found');
  });
  app.use(answerProblem);
  return app;
}

function createClient(settings: Settings): OpenAI {
  return new OpenAI({
    apiKey: settings.OPENAI_API_KEY ?? 'unset',
    baseURL: settings.OPENAI_BASE_URL,
    timeout: DEADLINE_MS,
    // Node's own fetch takes twice as long, and the timeout would not go on to the answer's end.
    fetch: async (url, init) => {
      const { statusCode: status, ...answer } = await request(`${url}`, init as object);
      const headers = answer.headers as Record<string, string>;
      return new Response(await answer.body.text(), { status, headers });
    },
    maxRetries: 0, // its retries sleep inside the request: whether to wait is for the caller to say
    logLevel: 'off', // whatever OPENAI_LOG says: its debug log holds prompts
  });
}

const PROBLEMS = {
  'invalid-json': [400, 'The body is not JSON.'],
  'not-found': [404, 'There is nothing here: try POST /generate.'],
  'method-not-allowed': [405, 'This route does not take that method: see Allow.'],
  'too-large': [413, 'The body is over MAX_BODY_BYTES.'],
  'unsupported-media-type': [415, 'Send the body as application/json.'],
  'invalid-request': [422, 'The request is not valid: see errors.'],
  'upstream-rate-limited': [429, 'The model provider limits our rate: try again later.'],
  'internal-error': [500, 'The server made a mistake.'],
  'upstream-misconfigured': [502, 'There is no key, or the provider refuses it or the model.'],
  'upstream-failed': [502, 'The model provider gave no usable answer.'],
  'upstream-timeout': [504, 'The model provider took too long.'],
} as const;
type Slug = keyof typeof PROBLEMS;

class Problem extends Error {
  constructor(readonly slug: Slug) {
    super(slug);
  }
}

function nameProblem(error: Error & { status?: number }): Slug {
  if (error instanceof Problem) return error.slug;
  if (error instanceof z.ZodError) return 'invalid-request';
  if (error instanceof OpenAI.RateLimitError) return 'upstream-rate-limited';
  if (error instanceof OpenAI.APIConnectionTimeoutError) return 'upstream-timeout';
  const { status = 500 } = error;
  if (error instanceof OpenAI.APIError && status > 404 && status !== 422) return 'upstream-failed';
  if (error instanceof OpenAI.APIError) return 'upstream-misconfigured';
  // What has a status now was thrown by express.json(), what has none is a mistake of this file.
  if (status === 413) return 'too-large';
  if (status === 415) return 'unsupported-media-type';
  return status === 400 ? 'invalid-json' : 'internal-error';
}

const answerProblem: ErrorRequestHandler = (error, _req, res, _next) => {
  const slug = nameProblem(error);
  const [status, detail] = PROBLEMS[slug];
  const wait = error instanceof OpenAI.RateLimitError && error.headers.get('Retry-After');
  if (wait) res.set('Retry-After', wait);
  res.locals.problem = slug;
  if (status === 500) res.locals.cause = error.stack?.match(/\n +(at .*)/)?.[1];
  const problem = {
    type: `/problems/${slug}`,
    title: slug.replaceAll('-', ' '),
    status,
    detail,
    request_id: res.get('X-Request-Id'),
    errors: error instanceof z.ZodError ? error.issues.flatMap(listMistakes) : undefined,
  };
  // Not res.json(), which would add a charset that this media type does not have.
  res.status(status).setHeader('Content-Type', 'application/problem+json');
  res.end(JSON.stringify(problem));
};

function listMistakes(issue: z.core.$ZodIssue): { field: string; message: string }[] {
  const { message, path } = issue;
  if (issue.code !== 'unrecognized_keys') return [{ field: path.join('.') || 'body', message }];
  return issue.keys.map((field) => ({ field, message: 'is not a field of this request' }));
}

function serve(): void {
  const dotenv = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  const settings = readSettings(dotenv, process.env);
  const { HOST, PORT, OPENAI_API_KEY } = settings;
  if (!OPENAI_API_KEY) console.warn('OPENAI_API_KEY is not set: POST /generate will answer 502.');
  const server = createApp(settings).listen(PORT, HOST, (error) => {
    if (error) quit(error);
    console.log(`Listening on http://${HOST}:${PORT}`);
  });
  // A reload (run from .ts) hardly waits for answers under way, a deployment does.
  const grace = import.meta.filename.endsWith('.ts') ? 1_000 : 30_000;
  const stop = () => {
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 100); // else keep-alive holds them for 5 s
    setTimeout(() => server.closeAllConnections(), grace);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

function quit(error: Error): never {
  console.error(`Not started: ${error.message}`);
  process.exit(1);
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  try {
    serve();
  } catch (error) {
    quit(error as Error);
  }
}
