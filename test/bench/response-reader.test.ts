import { describe, expect, test } from 'vitest';
import { ResponseReader } from '../../src/bench/response-reader.ts';

/** Feeds a text in pieces, as a network might cut it. */
function read(text: string, size = text.length): ResponseReader {
  const reader = new ResponseReader(true);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    reader.feed(piece, piece.length);
  }
  return reader;
}

function chunked(...chunks: readonly string[]): string {
  const framed = chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`);
  return `${framed.join('')}0\r\n\r\n`;
}

const HEAD = 'HTTP/1.1 200 OK\r\nDate: now\r\n';
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
const STREAM =
  ': ping\n\ndata: {"text":"é"}\n\ndata:{"text":"b"}\r\n\r\nevent: x\ndata: [DONE]\n\n';

const WHOLE: Readonly<Record<string, string>> = {
  'a sized body': `${HEAD}Content-Length: 5\r\n\r\nhello`,
  'an empty body': `${HEAD}content-length:0\r\n\r\n`,
  'no body at all': 'HTTP/1.1 204 No Content\r\n\r\n',
  'a chunked body': CHUNKED + chunked('hello', 'x'.repeat(300)),
  'a chunk extension and trailers': `${CHUNKED}3;a="b"\r\nabc\r\n0\r\nTrailer: x\r\nb: c\r\n\r\n`,
  'an early hint first': `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${HEAD}Content-Length: 1\r\n\r\nx`,
  'no reason phrase': 'HTTP/1.1 500\r\nContent-Length: 2\r\n\r\nno',
};

describe.each(Object.entries(WHOLE))('%s', (_, text) => {
  test.each([1, 2, 3, 7, 1000])('is whole at its last byte, in pieces of %i', (size) => {
    expect(read(text, size).isComplete).toBe(true);
    expect(read(text.slice(0, -1), size).isComplete).toBe(false);
    expect(read(`${text}x`, size).isMalformed).toBe(true);
  });
});

test.each([1, 2, 3, 7, 11, 1000])('counts events, in pieces of %i', (size) => {
  const reader = read(CHUNKED + chunked(STREAM.slice(0, 20), STREAM.slice(20)), size);
  expect(reader.isComplete).toBe(true);
  expect(reader.events).toMatchObject({ events: 2, done: true, failed: false });
});

test.each([1, 7, 1000])('sees an error event, in pieces of %i', (size) => {
  const text = `${CHUNKED}${chunked('data: {"text":"a"}\n\n', 'data: {"error":{"status":502}}\n\n')}`;
  expect(read(text, size).events).toMatchObject({ events: 2, done: false, failed: true });
});

test('a line that only begins like data is no event', () => {
  const text = CHUNKED + chunked('datum: x\n\ndata\n\nid: data: [DONE]\n\n data: x\n\n');
  expect(read(text).events).toMatchObject({ events: 0, done: false });
});

test('a body without a length ends with the connection', () => {
  const reader = read(`${HEAD}\r\ndata: x\n\n`);
  expect(reader.isComplete).toBe(false);
  expect(reader.close()).toBe(true);
  expect(reader).toMatchObject({ isComplete: true, keepsAlive: false });
  expect(reader.events.events).toBe(1);
});

test('a closed connection does not end a sized or chunked body', () => {
  expect(read(`${HEAD}Content-Length: 5\r\n\r\nhell`).close()).toBe(false);
  expect(read(`${CHUNKED}5\r\nhello\r\n`).close()).toBe(false);
});

test.each([
  ['HTTP/1.1 200 OK\r\nConnection: close\r\n', false],
  ['HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n', true],
  ['HTTP/1.1 200 OK\r\n', true],
  ['HTTP/1.0 200 OK\r\n', false],
  ['HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\n', true],
])('%j leaves the connection open: %s', (head, keepsAlive) => {
  expect(read(`${head}Content-Length: 0\r\n\r\n`).keepsAlive).toBe(keepsAlive);
});

test.each([
  'SSH-2.0-OpenSSH_9\r\n',
  'HTTP/2 200\r\n\r\n',
  'HTTP/1.1 abc\r\n\r\n',
  `${CHUNKED}zz\r\n`,
  `${CHUNKED}\r\n`,
  `${CHUNKED}2\r\nabc`,
  `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`,
])('is malformed: %.40j', (text) => {
  expect(read(text).isMalformed).toBe(true);
  expect(read(text, 3).isMalformed).toBe(true);
});

test('reads one answer after the other', () => {
  const reader = read(CHUNKED + chunked(STREAM));
  reader.reset();
  const next = Buffer.from('HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno');
  reader.feed(next, next.length);
  expect(reader).toMatchObject({ isComplete: true, status: 503 });
  expect(reader.events.events).toBe(0);
});
