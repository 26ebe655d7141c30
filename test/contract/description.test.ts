import { describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS } from './environment.ts';
import { type Answer, parseEvents } from './http.ts';

type Json = Readonly<Record<string, unknown>>;

interface Media {
  readonly schema?: Json;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Json>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly security?: Operation['security'];
  readonly components?: { readonly securitySchemes?: Readonly<Record<string, Json>> };
}

const LIMITED = ['RateLimit', 'RateLimit-Policy'];
/** What comes with each status of POST /generate, besides its X-Request-Id. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  200: LIMITED,
  400: LIMITED,
  401: ['WWW-Authenticate'],
  413: LIMITED,
  415: LIMITED,
  422: LIMITED,
  429: ['Retry-After', ...LIMITED],
  502: LIMITED,
  503: ['Retry-After'],
  504: LIMITED,
};

describeServers(
  'describes itself, all of it',
  {
    layout: 'async',
    command: 'own',
    env: { API_KEYS: CALLER_KEYS[0], RATE_LIMIT: '1000/minute', ALLOWED_MODELS: '' },
  },
  (api) => {
    test.each(Object.entries(HEADERS))(
      '%s of POST /generate with its headers',
      async (status, names) => {
        const { responses } = await readGenerate(api);
        expect(Object.keys(responses[status]?.headers ?? {})).toEqual(
          expect.arrayContaining(['X-Request-Id', ...names]),
        );
      },
    );

    test('no status of POST /generate that there is not', async () => {
      const { responses } = await readGenerate(api);
      // 500 is what a bug would answer: nobody promises it, and nobody can rule it out.
      const described = Object.keys(responses).filter((status) => status !== '500');
      expect(described.sort()).toEqual(Object.keys(HEADERS).sort());
    });

    test('the key that it asks for', async () => {
      const document = await readDocument(api);
      const schemes = Object.entries(document.components?.securitySchemes ?? {});
      const [name, scheme] = schemes.find(([, { type }]) => type === 'http') ?? ['', {}];
      expect(scheme).toMatchObject({ type: 'http', scheme: 'bearer' });
      const { security } = await readGenerate(api);
      expect(security).toEqual([{ [name]: [] }]);
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        expect(document.paths[path]?.get?.security ?? [], path).toEqual([]);
      }
    });

    test('/readyz and /metrics', async () => {
      const { paths } = await readDocument(api);
      expect(Object.keys(paths['/readyz']?.get?.responses ?? {}).sort()).toEqual(['200', '503']);
      const { content = {} } = paths['/metrics']?.get?.responses['200'] ?? {};
      expect(Object.keys(content)).toEqual([expect.stringMatching(/^text\/plain/)]);
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        const { headers = {} } = paths[path]?.get?.responses['200'] ?? {};
        expect(Object.keys(headers), path).toContain('X-Request-Id');
      }
    });

    describe('with examples', () => {
      test('of requests, which work', async () => {
        const { requestBody } = await readGenerate(api);
        const examples = examplesOf(requestBody?.content['application/json']);
        expect(examples.length).toBeGreaterThan(0);
        for (const example of examples) {
          const answer = await api.generate(example as Json, bearer(CALLER_KEYS[0]));
          expect(answer.status, answer.text).toBe(200);
        }
        expect(
          examples.some((example) => (example as { stream?: boolean }).stream),
          'one of a stream',
        ).toBe(true);
      });

      test('of answers, which look like them', async () => {
        const { responses } = await readGenerate(api);
        const [example] = examplesOf(responses['200']?.content?.['application/json']);
        expect(Object.keys(example as Json).sort()).toEqual(
          Object.keys(JSON.parse((await ask(api, {})).text)).sort(),
        );
      });

      test('of a stream, byte for byte', async () => {
        const { responses } = await readGenerate(api);
        const [example] = examplesOf(responses['200']?.content?.['text/event-stream']);
        const events = parseEvents(example as string);
        expect(events.at(-1)).toBe('[DONE]');
        const real = parseEvents((await ask(api, { stream: true })).text);
        const shape = (event?: string) => Object.keys(JSON.parse(event ?? '{}')).sort();
        expect(shape(events[0])).toEqual(shape(real[0]));
        expect(shape(events.at(-2))).toEqual(shape(real.at(-2)));
      });
    });

    test('at /docs without the help of another host', async () => {
      const { headers } = await readPage(api, '/docs');
      const policy = String(headers['content-security-policy']);
      expect(policy).not.toMatch(/https?:|\*/);
    });
  },
);

describeServers('describes itself without API_KEYS', { layout: 'async' }, (api) => {
  test('as a server that takes a key and needs none', async () => {
    const { security = [] } = await readGenerate(api);
    expect(security.length === 0 || security.some((one) => Object.keys(one).length === 0)).toBe(
      true,
    );
  });
});

function ask(api: Api, fields: Json): Promise<Answer> {
  return api.generate(fields, bearer(CALLER_KEYS[0]));
}

function examplesOf({ schema, example, examples }: Media = {}): unknown[] {
  const named = Object.values(examples ?? {}).map(({ value }) => value);
  const own = (schema as { examples?: unknown[] } | undefined)?.examples ?? [];
  return [...(example === undefined ? [] : [example]), ...named, ...own];
}

async function readGenerate(api: Api): Promise<Operation> {
  const operation = (await readDocument(api)).paths['/generate']?.post;
  if (!operation) throw new Error('POST /generate is not described');
  return operation;
}

/** With each reference replaced by what it leads to. */
async function readDocument(api: Api): Promise<Document> {
  const document = JSON.parse((await api.send({ path: '/openapi.json' })).text);
  const follow = (value: unknown, depth: number): unknown => {
    if (depth > 30 || typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => follow(item, depth + 1));
    const { $ref: ref } = value as { $ref?: string };
    if (ref) return follow(find(document, ref), depth + 1);
    const entries = Object.entries(value).map(([name, item]) => [name, follow(item, depth + 1)]);
    return Object.fromEntries(entries);
  };
  return follow(document, 0) as Document;
}

function find(document: unknown, ref: string): unknown {
  let found = document;
  for (const part of ref.replace(/^#\//, '').split('/'))
    found = (found as Json | undefined)?.[part];
  return found;
}

/** A page, after the redirect that some frameworks answer first. */
async function readPage(api: Api, path: string): Promise<Answer> {
  const answer = await api.send({ path });
  const { location } = answer.headers;
  if (answer.status < 300 || !location) return answer;
  return readPage(api, new URL(location, 'http://this.server').pathname);
}
