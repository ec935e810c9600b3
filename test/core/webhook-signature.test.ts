import { isDeepStrictEqual } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { SCHEMES, secretKey, secretText, verifyDelivery } from '../../src/core/webhook-signature.js';
import type { Scheme } from '../../src/core/webhook-signature.js';
import { Dice } from '../truth/dice.js';
import { same } from '../support/same.js';
import { genuine, mutationsOf, secretOf } from '../support/webhook-mutants.js';
import {
  asDelivery,
  CLERK_SECRET,
  headerOf,
  PLAIN_SECRET,
  signGithub,
  signShopify,
  signStandard,
  withHeader,
} from '../support/webhook-senders.js';
import type { WireDelivery } from '../support/webhook-senders.js';

const NOW_SECONDS = 1_614_265_330;
const MUTANTS = 10_000;
const BODY = '{"test": 2432232314}';

const keysOf = (scheme: Scheme, ...secrets: readonly string[]): Buffer[] =>
  secrets.map((secret) => secretKey(scheme, secret) ?? Buffer.alloc(0));
function judge(scheme: Scheme, delivery: WireDelivery, secrets: readonly string[] = [secretOf(scheme)]): string {
  const verdict = verifyDelivery(scheme, keysOf(scheme, ...secrets), asDelivery(delivery), NOW_SECONDS * 1000);
  return verdict.ok ? `ok ${verdict.deliveryId}` : verdict.reason;
}
const standard = (changes: Parameters<typeof signStandard>[2] = {}): WireDelivery =>
  signStandard(CLERK_SECRET, BODY, { id: 'msg_1', seconds: NOW_SECONDS, ...changes });

describe('a signature by Standard Webhooks', () => {
  it('is the published one', () => {
    const delivery = signStandard(CLERK_SECRET, BODY, { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: NOW_SECONDS });
    expect(headerOf(delivery, 'webhook-signature')).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(judge('standard-webhooks', delivery)).toBe('ok msg_p5jXN8AQM9LWM0D4loKWxJek');
  });

  it('of the reference library holds, whatever the body', () => {
    const dice = new Dice(7);
    for (let round = 0; round < 200; round += 1) {
      const secret = secretText(
        'standard-webhooks',
        Buffer.from(Array.from({ length: 24 + dice.below(41) }, () => dice.below(256))),
      );
      const body = JSON.stringify({ text: 'ü𝄞\u0000x'.repeat(dice.below(50)), n: dice.next() });
      const signature = new Webhook(secret).sign('msg_1', new Date(NOW_SECONDS * 1000), body);
      const delivery = withHeader(
        signStandard(secret, body, { id: 'msg_1', seconds: NOW_SECONDS }),
        'webhook-signature',
        signature,
      );
      expect(judge('standard-webhooks', delivery, [secret])).toBe('ok msg_1');
    }
  });

  it('holds for 5 minutes either way, to the second', () => {
    for (const bySeconds of [-300, -299, 0, 299, 300])
      expect(judge('standard-webhooks', standard({ seconds: NOW_SECONDS + bySeconds }))).toBe('ok msg_1');
    for (const bySeconds of [-301, 301, -72 * 3600])
      expect(judge('standard-webhooks', standard({ seconds: NOW_SECONDS + bySeconds }))).toBe('stale');
  });

  it('holds by either of two secrets, never by a third', () => {
    const secrets = [1, 2, 3].map((byte) => secretText('standard-webhooks', Buffer.alloc(32, byte)));
    const verdicts = secrets.map((secret) =>
      judge('standard-webhooks', signStandard(secret, BODY, { id: 'msg_1', seconds: NOW_SECONDS }), secrets),
    );
    expect(verdicts).toEqual(['ok msg_1', 'ok msg_1', 'mismatch']);
  });

  it('may stand beside 15 others, of other versions too', () => {
    const value = headerOf(standard(), 'webhook-signature');
    const others = [
      ...Array.from({ length: 14 }, () => `v1,${Buffer.alloc(32).toString('base64')}`),
      `v1a,${Buffer.alloc(64).toString('base64')}`,
    ];
    expect(judge('standard-webhooks', withHeader(standard(), 'webhook-signature', [...others, value].join(' ')))).toBe(
      'ok msg_1',
    );
  });

  const value = headerOf(standard(), 'webhook-signature');
  it.each([
    ['none', '', 'malformed'],
    ['bad base64', value.replace('=', '!'), 'malformed'],
    ['65 bytes', `v1,${Buffer.alloc(65).toString('base64')}`, 'malformed'],
    ['v1a', value.replace('v1', 'v1a'), 'mismatch'],
    ['17 signatures', Array.from({ length: 17 }, () => value).join(' '), 'malformed'],
  ])('B61: %s is refused', (_what, header, reason) => {
    expect(judge('standard-webhooks', withHeader(standard(), 'webhook-signature', header))).toBe(reason);
  });

  it.each([
    '123abc',
    `${NOW_SECONDS}.5`,
    `${NOW_SECONDS}000`,
    `-${NOW_SECONDS}`,
    `${NOW_SECONDS}junk`,
    ' ',
    '9'.repeat(400),
  ])('B61: at the time %j is refused, however well signed', (seconds) => {
    expect(judge('standard-webhooks', standard({ seconds }))).toMatch(/^(malformed|stale)$/);
  });

  it.each(['msg.1', '', 'msg 1', 'msg_ü', 'x'.repeat(257)])(
    'B61: under the id %j is refused, however well signed',
    (id) => {
      expect(judge('standard-webhooks', standard({ id }))).toBe('malformed');
    },
  );
});

describe("Shopify's and GitHub's signature", () => {
  it('holds by either of two secrets, and gives the id that was sent, if any', () => {
    const other = 'another-secret-0';
    expect(judge('shopify', signShopify(PLAIN_SECRET, BODY, { id: 'd1' }), [other, PLAIN_SECRET])).toBe('ok d1');
    expect(judge('github', signGithub(PLAIN_SECRET, BODY, { id: 'd1' }), [PLAIN_SECRET, other])).toBe('ok d1');
    expect(judge('github', withHeader(signGithub(PLAIN_SECRET, BODY), 'x-github-delivery', 'a b'))).toBe('ok null');
  });

  it("is GitHub's published one", () => {
    const delivery = signGithub('a-secret-of-32-characters-or-more', 'Hello, World!');
    expect(headerOf(delivery, 'x-hub-signature-256')).toMatch(/^sha256=[0-9a-f]{64}$/);
    const key = Buffer.from("It's a Secret to Everybody");
    const published = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const sent = asDelivery(withHeader(delivery, 'x-hub-signature-256', published));
    expect(verifyDelivery('github', [key], sent, 0).ok).toBe(true);
  });

  it('is not taken in upper case, nor without its prefix', () => {
    const value = headerOf(signGithub(PLAIN_SECRET, BODY), 'x-hub-signature-256');
    for (const spelt of [value.toUpperCase(), `sha256=${value.slice(7).toUpperCase()}`, value.slice(7)])
      expect(judge('github', withHeader(signGithub(PLAIN_SECRET, BODY), 'x-hub-signature-256', spelt))).toBe(
        'malformed',
      );
  });
});

describe('a secret', () => {
  it('is 24 to 64 bytes in canonical base64 for Standard Webhooks', () => {
    const text = (bytes: number): string => secretText('standard-webhooks', Buffer.alloc(bytes, 9));
    expect(secretKey('standard-webhooks', text(24))).toEqual(Buffer.alloc(24, 9));
    expect(secretKey('standard-webhooks', text(64))).toEqual(Buffer.alloc(64, 9));
    for (const bad of [
      text(23),
      text(65),
      text(32).slice(6),
      `${text(32)}=`,
      text(32).replace('=', ''),
      `${text(32)} `,
      'whsec_',
    ])
      expect(secretKey('standard-webhooks', bad)).toBeNull();
  });

  it('is 16 characters or more elsewhere', () => {
    for (const scheme of ['shopify', 'github'] as const) {
      expect(secretKey(scheme, PLAIN_SECRET)).toEqual(Buffer.from(PLAIN_SECRET));
      for (const bad of ['', 'x'.repeat(15), `${'x'.repeat(20)} `, 'x'.repeat(257)])
        expect(secretKey(scheme, bad)).toBeNull();
    }
  });
});

describe(`${MUTANTS} deliveries that somebody touched`, () => {
  it('are all refused, while the genuine ones are taken', () => {
    const dice = new Dice(20_261_122);
    const [accepted, untouched]: [string[], string[]] = [[], []];
    const tried = new Map<string, number>();
    for (let round = 0; round < MUTANTS; round += 1) {
      const scheme = dice.one(SCHEMES);
      const original = genuine(scheme, NOW_SECONDS, dice);
      same(judge(scheme, original).slice(0, 3), 'ok ');
      const [what, mutate] = dice.one(mutationsOf(scheme));
      const mutant = mutate(original, dice);
      if (isDeepStrictEqual(mutant, original)) untouched.push(`${scheme}: ${what}`);
      tried.set(`${scheme}: ${what}`, (tried.get(`${scheme}: ${what}`) ?? 0) + 1);
      if (judge(scheme, mutant).startsWith('ok')) accepted.push(`${scheme}: ${what}`);
    }
    expect([accepted, untouched]).toEqual([[], []]);
    const kinds = SCHEMES.flatMap((scheme) => mutationsOf(scheme).map(([what]) => `${scheme}: ${what}`));
    expect([...tried.keys()].toSorted()).toEqual(kinds.toSorted());
  });
});
