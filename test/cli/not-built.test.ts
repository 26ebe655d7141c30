import { spawnSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, ROOT } from '../harness/cli.ts';

test.each(['create-llm-api', 'llm-api'])(
  '%s in a clone that is not built says how to',
  async (bin) => {
    const clone = await makeFolder();
    await cp(join(ROOT, 'bin'), join(clone, 'bin'), { recursive: true });
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(clone, 'bin', `${bin}.js`), 'x', '--help'],
      { encoding: 'utf8' },
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'error This clone of create-llm-api is not built yet.\n' +
        `Build it, in ${clone}: npm ci && npm run build\n`,
    });
  },
);
