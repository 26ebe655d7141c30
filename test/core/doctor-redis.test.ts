import { describe, expect, test } from 'vitest';
import { judgeRedis, parseRedisUrl } from '../../src/core/doctor-redis.ts';

describe('the address of a Redis', () => {
  test.each([
    [
      'redis://127.0.0.1:6379/0',
      { host: '127.0.0.1', port: 6379, tls: false, greeting: [['PING']] },
    ],
    ['rediss://cache', { host: 'cache', port: 6379, tls: true, greeting: [['PING']] }],
    [
      'redis://me:p%40ss@cache:7000/3',
      {
        host: 'cache',
        port: 7000,
        tls: false,
        greeting: [['AUTH', 'me', 'p@ss'], ['SELECT', '3'], ['PING']],
      },
    ],
    [
      'redis://:secret@[::1]',
      { host: '::1', port: 6379, tls: false, greeting: [['AUTH', 'secret'], ['PING']] },
    ],
  ])('%s', (text, address) => {
    expect(parseRedisUrl(text)).toEqual(address);
  });

  test.each([
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://cache/first',
    'redis://:%zz@cache',
  ])('%j is none', (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });
});

describe('what doctor says of it', () => {
  const url = 'redis://me:canary@cache:6379/0';

  test('never has the password', () => {
    const answers = [
      { kind: 'reply', text: '+PONG' },
      { kind: 'error', code: 'ECONNREFUSED' },
      { kind: 'error', code: 'WRONGPASS' },
    ] as const;
    const texts = answers.map((answer) => JSON.stringify(judgeRedis(url, answer)));
    expect(texts.join()).not.toContain('canary');
  });

  test('tells a Redis that refuses us from one that is not there', () => {
    const verdicts = ['NOAUTH', 'ECONNREFUSED'].map((code) =>
      judgeRedis(url, { kind: 'error', code }),
    );
    expect(verdicts.map(({ text }) => text)).toEqual([
      'redis://…@cache:6379/0 refuses us (NOAUTH)',
      'redis://…@cache:6379/0 does not answer (ECONNREFUSED)',
    ]);
  });
});
