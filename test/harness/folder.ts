import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** An empty folder that all tests of a file share, removed after them. */
export function makeFileFolder(): () => string {
  let folder = '';
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'create-llm-api-test-')));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}
