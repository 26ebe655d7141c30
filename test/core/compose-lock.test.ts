import { describe, expect, test } from 'vitest';
import { composeLock, lockRoot } from '../../src/core/compose-lock.ts';

const pin = (name: string, version: string, marker = ''): string =>
  `${name}==${version}${marker} \\\n    --hash=sha256:${name}${version}\n`;
const packageLock = (packages: object): string =>
  `${JSON.stringify({ lockfileVersion: 3, packages }, null, 2)}\n`;

describe('requirements.txt', () => {
  const lock = `# by uv\n${pin('a', '1')}    # via x\n${pin('c', '1', " ; sys_platform == 'win32'")}`;

  test('what comes to it stands where uv would put it', () => {
    expect(composeLock('requirements.txt', lock, pin('b', '1') + pin('d', '1'))).toBe(
      `# by uv\n${pin('a', '1')}    # via x\n${pin('b', '1')}${pin('c', '1', " ; sys_platform == 'win32'")}${pin('d', '1')}`,
    );
  });

  test('needed on one system there, on all by the add-on', () => {
    expect(composeLock('requirements.txt', lock, pin('c', '1'))).toContain(`\n${pin('c', '1')}`);
  });

  test('one package at two versions is a mistake of ours', () => {
    expect(() => composeLock('requirements.txt', lock, pin('a', '2'))).toThrow(
      'a is locked as a==1, and by an add-on as a==2',
    );
  });
});

describe('package-lock.json', () => {
  const lock = packageLock({
    '': { name: 'x', dependencies: { a: '1' }, engines: { node: '>=20' } },
    'node_modules/a': { version: '1' },
    'node_modules/c': { version: '1', dev: true },
  });

  test('what comes to it stands where npm would put it, and may need what only tests did', () => {
    const part = packageLock({
      'node_modules/b': { version: '1' },
      'node_modules/c': { version: '1' },
    });
    expect(
      Object.entries(JSON.parse(composeLock('package-lock.json', lock, part)).packages),
    ).toEqual([
      ['', expect.anything()],
      ['node_modules/a', { version: '1' }],
      ['node_modules/b', { version: '1' }],
      ['node_modules/c', { version: '1' }],
    ]);
  });

  test('its root has the dependencies of package.json', () => {
    const manifest = JSON.stringify({ dependencies: { a: '1', b: '1' }, scripts: {} });
    expect(JSON.parse(lockRoot(lock, manifest)).packages['']).toEqual({
      name: 'x',
      dependencies: { a: '1', b: '1' },
      engines: { node: '>=20' },
    });
  });

  test('one package at two versions is a mistake of ours', () => {
    const part = packageLock({ 'node_modules/a': { version: '2' } });
    expect(() => composeLock('package-lock.json', lock, part)).toThrow('is locked as 1');
  });
});
