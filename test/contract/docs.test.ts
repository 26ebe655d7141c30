import { describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { PROBLEMS } from './problem.ts';

interface Content {
  readonly schema?: object;
}

interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, Content>>;
}

interface Operation {
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, Content> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** All that POST /generate answers; 404 and 405 are of no operation. */
const STATUSES = ['200', ...new Set(Object.values(PROBLEMS).map(String))].filter(
  (status) => status !== '404' && status !== '405',
);

describeServers('describes itself', { layout: 'async' }, (api) => {
  describe('in /openapi.json', () => {
    test('as OpenAPI 3 whose references all lead somewhere', async () => {
      const document = await readDocument(api);
      expect(document.openapi).toMatch(/^3\.[01]\.\d+$/);
      expect(document.info.title).toMatch(/\S/);
      expect(document.info.version).toMatch(/\S/);
      const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
        ([, ref]) => ref,
      );
      for (const ref of refs) expect(resolve(document, ref as string), ref).toBeDefined();
    });

    test('with /generate and /healthz, and every status described', async () => {
      const { paths } = await readDocument(api);
      expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/generate', '/healthz']));
      const { responses } = generate(paths);
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(STATUSES));
      for (const { description } of Object.values(responses)) expect(description).toMatch(/\S/);
    });

    test('with the request, all of its fields and nothing else', async () => {
      const document = await readDocument(api);
      const content = generate(document.paths).requestBody?.content['application/json'];
      const schema = follow(document, content?.schema) as {
        properties: object;
        required: string[];
        additionalProperties: unknown;
      };
      expect(Object.keys(schema.properties).sort()).toEqual([
        'max_tokens',
        'model',
        'prompt',
        'stream',
        'system',
        'temperature',
      ]);
      expect(schema.required).toEqual(['prompt']);
      expect(schema.additionalProperties).toBe(false);
    });

    test('with both forms of the answer', async () => {
      const document = await readDocument(api);
      const content = generate(document.paths).responses['200']?.content;
      expect(Object.keys(content ?? {}).sort()).toEqual(['application/json', 'text/event-stream']);
      const schema = follow(document, content?.['application/json']?.schema) as {
        properties: object;
      };
      expect(Object.keys(schema.properties).sort()).toEqual([
        'finish_reason',
        'model',
        'text',
        'usage',
      ]);
    });

    test('with every error as a problem, and the headers', async () => {
      const document = await readDocument(api);
      for (const [status, response] of Object.entries(generate(document.paths).responses)) {
        expect(Object.keys(response.headers ?? {}), status).toContain('X-Request-Id');
        if (status === '200') continue;
        expect(Object.keys(response.content ?? {}), status).toEqual(['application/problem+json']);
        const schema = response.content?.['application/problem+json']?.schema;
        const { properties } = follow(document, schema) as { properties: object };
        expect(Object.keys(properties), status).toEqual(
          expect.arrayContaining(['type', 'title', 'status', 'detail', 'request_id']),
        );
        if (status === '422') expect(Object.keys(properties)).toContain('errors');
        if (status === '429') expect(Object.keys(response.headers ?? {})).toContain('Retry-After');
      }
    });
  });

  test('at /docs, with all that the page needs', async () => {
    const page = await readPage(api, '/docs');
    expect(page.text).toMatch(/<html/i);
    const links = [...page.text.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(
      ([, link]) => link ?? '',
    );
    for (const link of links.filter((text) => !text.startsWith('data:'))) {
      const url = new URL(link, `http://this.server${page.path}`);
      expect(url.host, link).toBe('this.server');
      expect((await api.send({ path: url.pathname })).status, link).toBe(200);
    }
    expect(page.text).not.toMatch(/https?:\/\/(?!this\.server|www\.w3\.org)/);
  });
});

async function readDocument(api: Api): Promise<Document> {
  const answer = await api.send({ path: '/openapi.json' });
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  return JSON.parse(answer.text) as Document;
}

function generate(paths: Document['paths']): Operation {
  const operation = paths['/generate']?.post;
  if (!operation) throw new Error('POST /generate is not described');
  return operation;
}

/** A page, after the redirect that some frameworks answer first. */
async function readPage(api: Api, path: string): Promise<{ path: string; text: string }> {
  const { status, headers, text } = await api.send({ path });
  if (status >= 300 && status < 400 && headers.location) {
    return readPage(api, new URL(headers.location, 'http://this.server').pathname);
  }
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/html/);
  return { path, text };
}

/** The schema itself where there is only a reference to it. */
function follow(document: Document, schema: object | undefined): object | undefined {
  const ref = (schema as { $ref?: string } | undefined)?.$ref;
  return ref ? follow(document, resolve(document, ref)) : schema;
}

function resolve(document: Document, ref: string): object | undefined {
  let found: unknown = document;
  for (const part of ref.replace(/^#\//, '').split('/')) {
    found = (found as Record<string, unknown> | undefined)?.[part];
  }
  return found as object | undefined;
}
