/** What holds of every system, whatever its provider answers: one suite, run over all that are registered. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Reading } from '../../src/core/answer.js';
import type { Reply, Unreachable } from '../../src/systems/http.js';
import type { Call, System } from '../../src/systems/system.js';
import { same } from '../support/same.js';
import { CREDENTIALS } from './scripted-provider.js';
import { anyCall, anyReply, asText, mutated } from './arbitrary-replies.js';
import { replyOf } from './specimen.js';
import type { Specimen } from './specimen.js';
import { SPECIMENS } from './specimens.js';

export interface Check {
  readonly name: string;
  /** Throws where the system does not hold. `share`: of the runs that the check is worth, 1 for all. */
  run(system: System, specimen: Specimen, share: number): void;
}

function parsed(reply: Reply): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(reply.body));
  } catch {
    return undefined;
  }
}

/** Whatever was read must be about exactly what was asked, and no more than the body can be made to say. */
function judge(specimen: Specimen, call: Call, reply: Reply, reading: Reading): void {
  const body = parsed(reply);
  if (reading.verdict === 'answered') {
    same(reading.pass !== null, call.selects);
    if (!call.selects) same([...reading.answers.keys()].toSorted(), call.ids.toSorted());
    for (const [id, { said, text }] of reading.answers) {
      if (said === 'erased' || said === 'absent')
        same([id, said, specimen.proves(call, reply.status, body, id, said)], [id, said, true]);
      same(/\p{Surrogate}|\0/u.test(text ?? ''), false);
    }
    if (reading.pass?.nothing === true) same([reading.answers.size, specimen.provesNothing(call, body)], [0, true]);
  } else if (reading.verdict === 'refused' || reading.effect === 'none') {
    same(['no effect', specimen.refuses(reply.status, body)], ['no effect', true]);
  }
  const pauseMs = reading.verdict === 'blocked' || reading.verdict === 'unclear' ? reading.retryAfterMs : null;
  same(pauseMs === null || (pauseMs >= 1_000 && pauseMs <= 3_600_000), true);
  const { providerCount } = reading;
  same(providerCount === null || (Number.isSafeInteger(providerCount) && providerCount >= 0), true);
}

function forAll<T>(drawn: fc.Arbitrary<T>, holds: (value: T) => void, runs: number): void {
  const property = fc.property(drawn, (value) => {
    holds(value);
  });
  fc.assert(property, { numRuns: Math.ceil(runs) });
}

export const CHECKS: readonly Check[] = [
  {
    name: 'reads any reply, for exactly the IDs asked, and claims nothing that the body does not say',
    run: (system, specimen, share) =>
      forAll(
        anyCall(specimen).chain((call) => fc.tuple(fc.constant(call), anyReply(call))),
        ([call, reply]) => judge(specimen, call, reply, system.classify(call, reply)),
        2_000 * share,
      ),
  },
  {
    name: 'claims no more of a documented reply with one thing wrong',
    run: (system, specimen, share) =>
      forAll(
        anyCall(specimen).chain((call) => fc.tuple(fc.constant(call), mutated(call, specimen))),
        ([call, reply]) => judge(specimen, call, reply, system.classify(call, reply)),
        1_000 * share,
      ),
  },
  {
    name: 'reads a documented reply as what it says, no more and no less',
    run: (system, specimen, share) =>
      forAll(
        anyCall(specimen).chain((call) => fc.tuple(fc.constant(call), specimen.genuine(call))),
        ([call, { status, body, says, nothing }]) => {
          const reading = system.classify(call, replyOf(status, asText(body)));
          const read =
            reading.verdict === 'answered' ? [...reading.answers].map(([id, { said }]) => [id, said]) : reading.verdict;
          same(read, [...says]);
          same(reading.verdict === 'answered' && (reading.pass?.nothing ?? false), nothing);
        },
        1_000 * share,
      ),
  },
  {
    name: 'settles nothing without a reply, and knows no effect only of what was not sent',
    run: (system, specimen, share) => {
      const causes = [
        'name',
        'connection',
        'tls',
        'timeout',
        'reset',
        'cut',
        'too_large',
        'undecodable',
        'not_sent',
      ] as const;
      const nothing: fc.Arbitrary<Unreachable> = fc.record({
        kind: fc.constant('unreachable'),
        sent: fc.boolean(),
        cause: fc.constantFrom(...causes),
        status: fc.constantFrom(null, 200, 500),
      });
      forAll(
        fc.tuple(anyCall(specimen), nothing),
        ([call, unreachable]) =>
          expect(system.classify(call, unreachable)).toMatchObject({
            verdict: 'unclear',
            silent: true,
            effect: unreachable.sent ? 'unknown' : 'none',
          }),
        100 * share,
      );
    },
  },
  {
    name: 'reads the same reply the same way again, and changes neither it nor the call',
    run: (system, specimen, share) =>
      forAll(
        anyCall(specimen).chain((call) =>
          fc.tuple(fc.constant(call), fc.oneof(anyReply(call), mutated(call, specimen))),
        ),
        ([call, reply]) => {
          const before = structuredClone([call, reply]);
          same(system.classify(call, reply), system.classify(call, reply));
          same([call, reply], before);
        },
        200 * share,
      ),
  },
  {
    name: 'writes the IDs and filters of the call, all of them and nothing else, and none of them into the path',
    run: (system, specimen, share) =>
      forAll(
        anyCall(specimen),
        (call) => {
          const { body, path } = system.write(call, CREDENTIALS);
          const strings: string[] = [];
          JSON.parse(body, (_, value: unknown) => {
            if (typeof value === 'string') strings.push(value);
            return value;
          });
          expect(strings.toSorted()).toEqual([...call.ids, ...Object.values(call.scope).flat()].toSorted());
          expect(path).toBe(system.write({ ...call, ids: call.ids.length > 0 ? ['other'] : [] }, CREDENTIALS).path);
          expect(() => system.write({ ...call, ids: [], selects: false }, CREDENTIALS)).toThrow(/not empty/);
        },
        200 * share,
      ),
  },
];

/** Registers the suite for one system. */
export function contract(system: System): void {
  describe(`the contract of ${system.name}`, () => {
    const specimen = SPECIMENS.get(system.name);
    for (const check of CHECKS) {
      it(check.name, () => {
        if (specimen === undefined) throw new Error(`${system.name} has no specimen in specimens.ts`);
        check.run(system, specimen, 1);
      });
    }
  });
}
