import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../src/settings.js';

/** What the manifests in kubernetes/ promise of this server, and of each other. */
const FOLDER = new URL('../kubernetes/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, FOLDER), 'utf8');
const overlays = readdirSync(new URL('overlays/', FOLDER)).map((name) => `overlays/${name}`);

/** The settings of configMapGenerator: those of the base, and an overlay's on top. */
function readLiterals(...folders: string[]): Record<string, string> {
  const texts = folders.map((folder) => read(`${folder}/kustomization.yaml`)).join('\n');
  return Object.fromEntries(
    [...texts.matchAll(/^ +- ([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

function readNumber(name: string): number {
  const found = read('base/deployment.yaml').match(new RegExp(`^ +${name}: \\d+$`, 'gm')) ?? [];
  expect(found).toHaveLength(1);
  return Number(found[0]?.split(': ')[1]);
}

describe.each(overlays)('a pod of %s', (overlay) => {
  const given = readLiterals('base', overlay);
  // The keys come from the Secret.
  const settings = readSettings({ ...given, OPENAI_API_KEY: 'sk-test', API_KEYS: 'key' });

  test('has settings that the server knows, and no keys', () => {
    expect(Object.keys(settings)).toEqual(expect.arrayContaining(Object.keys(given)));
    expect(given).not.toHaveProperty('OPENAI_API_KEY');
    expect(given).not.toHaveProperty('API_KEYS');
  });

  test('is reached where the server listens', () => {
    expect(settings).toMatchObject({ APP_ENV: 'production', HOST: '0.0.0.0' });
    expect(settings.PORT).toBe(readNumber('containerPort'));
  });

  test('does not end before its requests may', () => {
    expect(settings.DRAIN_TIMEOUT).toBeGreaterThanOrEqual(settings.REQUEST_TIMEOUT);
    const grace = readNumber('terminationGracePeriodSeconds');
    expect(grace).toBeGreaterThan(readNumber('seconds') + settings.DRAIN_TIMEOUT);
  });
});
