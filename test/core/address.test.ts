import { expect, test } from 'vitest';
import { formatUrl, parsePort } from '../../src/core/address.ts';

test.each([
  ['1', 1],
  ['8000', 8000],
  ['65535', 65535],
  ['0', undefined],
  ['65536', undefined],
  ['080', 80],
  ['-1', undefined],
  ['8e3', undefined],
  ['80 ', undefined],
  ['', undefined],
])('port %j', (text, port) => {
  expect(parsePort(text)).toBe(port);
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:80'],
  ['0.0.0.0', 'http://127.0.0.1:80'],
  ['::', 'http://[::1]:80'],
  ['::1', 'http://[::1]:80'],
  ['localhost', 'http://localhost:80'],
])('a server that listens on %s', (host, url) => {
  expect(formatUrl(host, 80)).toBe(url);
  expect(new URL(url).port).toBe('');
});
