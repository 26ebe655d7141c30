import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameProblem, parseModel, slugify } from '../../src/core/answers.ts';
import { composeEnvExample } from '../../src/core/compose.ts';
import { formatRecord, PROJECT_FILE, parseProject } from '../../src/core/record.ts';
import { EMPTY_TREE } from '../../src/core/tree.ts';
import {
  acceptedModel,
  acceptedName,
  acceptedUrl,
  anyString,
  tryParseBaseUrl,
  typedUrl,
} from './arbitraries.ts';
import { runWith } from './programs.ts';

const RUNS = { numRuns: 1000 };

test('any text at all is a name or has a problem that can be told', () => {
  fc.assert(
    fc.property(anyString, (text) => {
      const problem = nameProblem(text);
      if (problem !== undefined) expect(problem).toMatch(/^(is|has|starts) ./);
      else expect(text).not.toMatch(/[\p{Cc}/\\<>:"|?*$`%#]|^[-.\s]|[.\s]$/u);
    }),
    RUNS,
  );
});

test('an accepted name is one folder, below where it was asked for', () => {
  fc.assert(
    fc.property(acceptedName, (name) => {
      const url = new URL(`file:///folder/${encodeURIComponent(name)}`);
      expect(decodeURIComponent(url.pathname)).toBe(`/folder/${name}`);
      expect(Buffer.from(name, 'utf8').toString()).toBe(name);
    }),
    RUNS,
  );
});

test('an accepted name gives a package name for npm and PyPI, and none that is taken', () => {
  fc.assert(
    fc.property(acceptedName, fc.boolean(), (name, isTaken) => {
      const taken = isTaken ? [slugify(name)] : [];
      const slug = slugify(name, taken);
      expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(slug.length).toBeLessThanOrEqual(214);
      expect(taken).not.toContain(slug);
    }),
    RUNS,
  );
});

test('a URL is refused, or kept as one that is never changed again', () => {
  fc.assert(
    fc.property(typedUrl, (text) => {
      const url = tryParseBaseUrl(text);
      if (url === undefined) return;
      expect(url).toMatch(/^https?:\/\/[a-z0-9._:[\]-]+(\/[A-Za-z0-9._~:/@%+,=[\]-]*[^/])?$/);
      expect(tryParseBaseUrl(url)).toBe(url);
      expect(new URL(url).href.replace(/\/$/, '')).toBe(url);
    }),
    RUNS,
  );
});

test('.env.example says what was answered, to its parsers and to a shell', () => {
  const env = ['LLM_MODEL', 'OPENAI_BASE_URL'].map((name) => ({ name, value: '', comment: '' }));
  const answers = fc.record({ model: acceptedModel, baseUrl: acceptedUrl });
  fc.assert(
    fc.property(fc.array(answers, { minLength: 1, maxLength: 50, size: 'max' }), (batch) => {
      const texts = batch.map((each) =>
        composeEnvExample(each, { env }).replace(/^#(?=\w+=)/gm, ''),
      );
      const expected = batch.map(({ model, baseUrl }) => [model, baseUrl]);
      const parsed = texts.map((text) => parseEnv(text));
      expect(parsed.map((each) => [each.LLM_MODEL, each.OPENAI_BASE_URL])).toEqual(expected);
      const print = 'printf "%s\\0%s\\0" "$LLM_MODEL" "$OPENAI_BASE_URL"\n';
      const sourced = runWith(['sh', '-eu'], texts.map((text) => text + print).join(''));
      expect(sourced.split('\0')).toEqual([...expected.flat(), '']);
    }),
    { numRuns: 10 },
  );
});

test('the record gives back the answers', () => {
  const answers = fc.record({
    name: acceptedName,
    stack: fc.constant('flask' as const),
    addons: fc.constant([]),
    model: acceptedModel,
    baseUrl: acceptedUrl,
    packageManager: fc.constant('pip' as const),
  });
  fc.assert(
    fc.property(answers, (each) => {
      const files = formatRecord({ version: '1.2.3', answers: each }, EMPTY_TREE);
      const text = files.get(PROJECT_FILE)?.text ?? '';
      expect(parseProject(text)).toEqual({ version: '1.2.3', answers: each });
    }),
    RUNS,
  );
});

test('the models in the arbitrary are those that create accepts', () => {
  fc.assert(
    fc.property(acceptedModel, (model) => {
      expect(parseModel(model)).toBe(model);
    }),
  );
});
