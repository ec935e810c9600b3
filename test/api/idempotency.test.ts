/** Submitting under an Idempotency-Key: once is often enough. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdempotencyKey } from '../../src/api/idempotency-key.js';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const submit = (key: string | string[], body: unknown = aBody()): Promise<Answer> =>
  api.call('POST', SUBMIT, { body, headers: { 'idempotency-key': key } });

describe('an Idempotency-Key', () => {
  it('B35: may be missing', async () => {
    expect((await api.call('POST', SUBMIT, { body: aBody() })).headers['idempotency-replayed']).toBeUndefined();
  });

  it('B37: quoted or bare is the same key, and gives the first answer byte for byte', async () => {
    const first = await submit('order 17');
    const second = await submit('"order 17"');
    expect(first.status).toBe(202);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second).toMatchObject({ status: 202, text: first.text });
    expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true', location: first.headers.location });
  });

  it('B38: with another body is refused', async () => {
    await submit('reused');
    const before = await api.stored();
    expectProblem(await submit('reused', aBody({ note: 'other' })), 422, 'key_reused');
    expect(await api.stored()).toBe(before);
  });

  it('B39: knows the same body by its value, not its spelling', async () => {
    const first = await submit('spelling', aBody({ note: 'é' }));
    const spelled =
      '{ "targets" : [ {"ids":["m1","m2"],"system":"supermemory.documents"} ],\n "note":"\\u00e9", "subject":{"ref":"user_42"} }';
    expect((await submit('spelling', spelled)).text).toBe(first.text);
  });

  it('B41: makes one request, however many come at once', async () => {
    const body = aBody({ subject: { ref: 'wanted once' } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => submit('at once', body)));
    expect(answers.every((answer) => answer.status === 202 || answer.status === 409)).toBe(true);
    expect(new Set(answers.filter((answer) => answer.status === 202).map((answer) => answer.text)).size).toBe(1);
    const found = await api.call('POST', `${SUBMIT}/search`, { body: { subject: { ref: 'wanted once' } } });
    expect(JSON.parse(found.text).data).toHaveLength(1);
  });

  it('B42: does nothing for a key that is not valid', async () => {
    await submit('mine');
    const answer = await api.call('POST', SUBMIT, {
      body: aBody(),
      key: 'stolen',
      headers: { 'idempotency-key': 'mine' },
    });
    expectProblem(answer, 401, 'unauthorized');
  });

  it('keeps no refusal: the same key works once the body does', async () => {
    expectProblem(await submit('second try', aBody({ note: 7 })), 400, 'invalid_input');
    expect((await submit('second try')).status).toBe(202);
  });

  it('B36: that stands in two headers is refused', async () => {
    expectProblem(await submit(['a', 'a']), 400, 'idempotency_key_invalid');
  });
});

describe('the text of an Idempotency-Key', () => {
  const read = (value: string): string | null => readIdempotencyKey(['Idempotency-Key', value]);

  it.each([
    ['a', 'a'],
    ['  a  ', 'a'],
    ['"a"', 'a'],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    ['a"b', 'a"b'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('of %j is the key %j', (value, key) => {
    expect(read(value)).toBe(key);
  });

  it.each([[''], ['""'], ['"'], ['"a'], ['"a"b"'], ['"a\\b"'], ['x'.repeat(256)], ['é'], ['a\tb'], ['"a";p=1']])(
    'B36: of %j is none',
    (value) => {
      expect(() => read(value)).toThrow();
    },
  );
});
