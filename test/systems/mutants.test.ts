/** The suite is worth what it catches: classifiers that tell one specific lie, each of which it must catch. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Reading } from '../../src/core/answer.js';
import type { Reply } from '../../src/systems/http.js';
import { SYSTEMS, systemNamed } from '../../src/systems/registry.js';
import type { Call, System } from '../../src/systems/system.js';
import { CHECKS } from './contract.js';
import { at, replyOf } from './specimen.js';
import { SPECIMENS } from './specimens.js';

type Lie = (call: Call, reply: Reply, truth: Reading, system: System) => Reading;

function mutant(system: System, lie: Lie): System {
  return {
    ...system,
    classify(call, reply) {
      const truth = system.classify(call, reply);
      return reply.kind === 'reply' ? lie(call, reply, truth, system) : truth;
    },
  };
}

/** Whether one of the checks fails for the system. A few runs of each come first: most lies are found by them. */
function isCaught(system: System): boolean {
  const specimen = SPECIMENS.get(system.name);
  if (specimen === undefined) throw new Error(`no specimen for ${system.name}`);
  return [0.02, 0.2, 1].some((share) => CHECKS.some((check) => fails(() => check.run(system, specimen, share))));
}

function fails(run: () => void): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

const named = (name: string): System => {
  const system = systemNamed(name);
  if (system === undefined) throw new Error(name);
  return system;
};

const erased: Answer = { said: 'erased', evidence: 'provider', text: null, providerId: null };
const absent: Answer = { said: 'absent', text: null, providerId: null };

function body(reply: Reply): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(reply.body));
  } catch {
    return undefined;
  }
}

const answering = (truth: Reading, answers: ReadonlyMap<string, Answer>): Reading => ({
  ...truth,
  verdict: 'answered',
  answers,
  pass: null,
});
const everyId = (call: Call, truth: Reading, answer: Answer): Reading =>
  call.selects ? truth : answering(truth, new Map(call.ids.map((id) => [id, answer])));
const amend = (truth: Reading, change: (id: string, answer: Answer) => Answer): Reading =>
  truth.verdict === 'answered'
    ? { ...truth, answers: new Map([...truth.answers].map(([id, answer]) => [id, change(id, answer)])) }
    : truth;
/** Reads the reply with its text changed first. */
const rewritten =
  (change: (text: string) => string): Lie =>
  (call, reply, _, system) =>
    system.classify(call, replyOf(reply.status, change(new TextDecoder().decode(reply.body)), reply.retryAfter));

/** Lies that any adapter can tell. */
const EVERYWHERE: Readonly<Record<string, Lie>> = {
  'takes a 404 for absent': (call, reply, truth) => (reply.status === 404 ? everyId(call, truth, absent) : truth),
  'takes any 200 for erased': (call, reply, truth) => (reply.status === 200 ? everyId(call, truth, erased) : truth),
  'counts what the reply leaves out as erased': (_, __, truth) =>
    amend(truth, (___, answer) => (answer.said === 'unclear' ? erased : answer)),
  'counts what the reply leaves out as absent': (_, __, truth) =>
    amend(truth, (___, answer) => (answer.said === 'unclear' ? absent : answer)),
  'throws on what is no JSON': (_, reply, truth) => {
    JSON.parse(new TextDecoder().decode(reply.body));
    return truth;
  },
  'leaves unclear IDs out of its answers': (_, __, truth) =>
    truth.verdict === 'answered'
      ? { ...truth, answers: new Map([...truth.answers].filter(([, { said }]) => said !== 'unclear')) }
      : truth,
  'knows no effect of any refusal': (_, __, truth) =>
    truth.verdict === 'blocked' ? { ...truth, effect: 'none' } : truth,
  'takes a 400 for a refusal without reading it': (_, reply, truth) =>
    reply.status === 400 ? { ...truth, verdict: 'refused' } : truth,
  'takes what was erased for absent': (_, __, truth) =>
    amend(truth, (___, answer) => (answer.said === 'erased' ? absent : answer)),
  'gives up on what may come later': (_, __, truth) =>
    amend(truth, (___, answer) =>
      answer.said === 'later' || answer.said === 'absent' ? { ...answer, said: 'refused', reason: 'contract' } : answer,
    ),
  'reads the IDs from the call that it is given, and spoils them': (call, _, truth) => {
    Reflect.set(call, 'ids', call.ids.slice(1));
    return truth;
  },
};

const VELT: Readonly<Record<string, Lie>> = {
  'looks IDs up on the prototype as well': (call, reply, truth) => {
    const data = Object(at(body(reply), 'result', 'data') ?? {});
    return amend(truth, (id, answer) => (answer.said === 'unclear' && id in data && !call.selects ? erased : answer));
  },
  'trusts success alone': (_, reply, truth) => {
    const data = at(body(reply), 'result', 'data') ?? at(body(reply), 'error', 'details');
    return amend(truth, (id, answer) => (at(data, id, 'success') === true ? erased : answer));
  },
  'takes any success that is truthy': (call, reply, truth, system) =>
    rewritten((text) => text.replaceAll(/"success":("true"|1)/g, '"success":true'))(call, reply, truth, system),
  'drops the body of whatever is not 200': (_, reply, truth) =>
    reply.status === 200
      ? truth
      : { ...truth, verdict: 'unclear', silent: true, effect: 'unknown', retryAfterMs: null },
  'lets a result win over an error': rewritten((text) => text.replaceAll('"error":', '"mistake":')),
  'compares IDs without case and blanks': (call, reply, truth) => {
    const data = at(body(reply), 'result', 'data');
    const keys = typeof data === 'object' && data !== null ? Object.keys(data) : [];
    return amend(truth, (id, answer) =>
      answer.said === 'unclear' &&
      keys.some((key) => key.trim().toLowerCase() === id.trim().toLowerCase()) &&
      !call.selects
        ? erased
        : answer,
    );
  },
  'reads a cut body as far as it goes': (call, reply, truth, system) => {
    const mended = rewritten((text) => text.slice(0, text.lastIndexOf('}') + 1) + '}}}');
    return body(reply) === undefined ? mended(call, reply, truth, system) : truth;
  },
  'answers strangers too': (call, reply, truth) => {
    const data = at(body(reply), 'result', 'data');
    const keys = typeof data === 'object' && data !== null ? Object.keys(data) : [];
    return truth.verdict === 'answered' && !call.selects
      ? answering(
          truth,
          new Map([...truth.answers, ...keys.map((key) => [key, truth.answers.get(key) ?? absent] as const)]),
        )
      : truth;
  },
};

const COMMENTS: Readonly<Record<string, Lie>> = {
  'takes data that is null for nothing matched': (call, _, truth) =>
    call.selects && truth.verdict === 'answered' && truth.answers.size === 0
      ? { ...truth, pass: { clear: true, nothing: true, count: null } }
      : truth,
};

const SUPERMEMORY: Readonly<Record<string, Lie>> = {
  'ignores errors for IDs never sent': (call, reply, truth, system) => {
    const errors = at(body(reply), 'errors');
    if (!Array.isArray(errors) || call.selects) return truth;
    const known: unknown[] = errors.filter((error) => call.ids.some((id) => id === at(error, 'id')));
    return system.classify(call, replyOf(reply.status, JSON.stringify({ ...Object(body(reply)), errors: known })));
  },
  'trusts success alone': (call, reply, truth) =>
    at(body(reply), 'success') === true ? everyId(call, truth, erased) : truth,
  'takes a count that is high enough': (_, reply, truth) => {
    const count = at(body(reply), 'deletedCount');
    const unnamed =
      truth.verdict === 'answered' ? [...truth.answers.values()].filter(({ said }) => said === 'unclear').length : 0;
    return typeof count === 'number' && count >= unnamed
      ? amend(truth, (_id, answer) => (answer.said === 'unclear' ? erased : answer))
      : truth;
  },
  'subtracts on any status': (call, reply, _, system) => system.classify(call, { ...reply, status: 200 }),
  'takes every error for not found': (_, __, truth) =>
    amend(truth, (___, answer) => (answer.said === 'later' ? absent : answer)),
  'takes a tag pass without a count for nothing': (call, _, truth) =>
    call.selects && truth.verdict === 'answered' && truth.pass?.count === null
      ? { ...truth, pass: { clear: true, nothing: true, count: 0 } }
      : truth,
};

function catches(system: System, lies: Readonly<Record<string, Lie>>): void {
  for (const [what, lie] of Object.entries(lies)) {
    it(`catches a ${system.name} that ${what}`, () => {
      expect(isCaught(mutant(system, lie))).toBe(true);
    });
  }
}

describe('the contract suite', () => {
  // That a lie is caught is all that is asked here: nobody reads the smallest example of it, which takes long to find.
  beforeAll(() => fc.configureGlobal({ endOnFailure: true }));
  afterAll(() => fc.resetConfigureGlobal());

  it('finds nothing wrong with a system that is only wrapped', () => {
    for (const system of SYSTEMS) expect(isCaught(mutant(system, (_, __, truth) => truth))).toBe(false);
  });

  for (const system of SYSTEMS) catches(system, EVERYWHERE);
  for (const name of ['velt.documents', 'velt.comments']) catches(named(name), VELT);
  catches(named('velt.comments'), COMMENTS);
  catches(named('supermemory.documents'), SUPERMEMORY);
});
