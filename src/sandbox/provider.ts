import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Admission } from './admission.js';
import type { SandboxData } from './data.js';
import type { Fault } from './fault.js';
import type { CallPlan, SandboxFaults } from './fault-plan.js';
import { faultReply } from './fault-replies.js';
import { parseJson } from './json.js';
import type { SandboxCall } from './ledger.js';
import { errorReply, jsonReply, type ProviderCall, Refusal, type Reply } from './reply.js';
import { carriedBy, providerOf, type SandboxSystem } from './routes.js';
import { send } from './send.js';
import type { SandboxSettings } from './settings.js';
import { deleteSupermemoryDocuments } from './supermemory.js';
import { deleteVeltComments } from './velt-comments.js';
import { deleteVeltDocuments } from './velt-documents.js';

/** What serves a call of either provider. */
export interface ProviderWorks {
  readonly data: SandboxData;
  readonly faults: SandboxFaults;
  readonly admission: Admission;
  readonly settings: SandboxSettings;
  readonly latencyMs: number;
  readonly keepsBodies: boolean;
}

interface Outcome {
  readonly reply: Reply;
  readonly fault: Fault | null;
  readonly latencyMs: number;
}

/** Does what a provider does with a call whose body has arrived, faults included: deletes first, waits, then answers. */
export function serveCall(
  works: ProviderWorks,
  record: SandboxCall,
  headers: IncomingHttpHeaders,
  text: string,
  response: ServerResponse,
): void {
  const body = parseJson(text);
  if (works.keepsBodies) record.body = body;
  const { reply, fault, latencyMs } =
    record.system === null ? routeless() : workOn(works, record, record.system, headers, body);
  const answer = (): void => {
    if (!response.destroyed) record.status = send(response, fault, reply);
  };
  if (latencyMs > 0) setTimeout(answer, latencyMs).unref();
  else answer();
}

function routeless(): Outcome {
  return { reply: jsonReply(404, '{"error":"Not Found"}'), fault: null, latencyMs: 0 };
}

function workOn(
  works: ProviderWorks,
  record: SandboxCall,
  system: SandboxSystem,
  headers: IncomingHttpHeaders,
  body: unknown,
): Outcome {
  const provider = providerOf(system);
  const carried = carriedBy(system, body);
  record.ids = carried.ids;
  const nowMs = Date.now();
  const seconds = works.admission.refusalSeconds(provider, record.inFlight, nowMs);
  if (seconds !== null) {
    record.faults.push('limit');
    const reply = errorReply(provider, 429, 'Too Many Requests', { 'retry-after': String(seconds) });
    return { reply, fault: null, latencyMs: works.latencyMs };
  }
  const plan = works.faults.plan(system, carried);
  const commit = plan.call?.deletes ?? true;
  const shownPlan: CallPlan = commit ? plan : { ...plan, item: () => null };
  const { data, settings } = works;
  const right = deleteAt(system, { body, headers, data, settings, plan: shownPlan, commit, record });
  record.faults.push(...plan.struck);
  const latencyMs = works.latencyMs + plan.latencyMs;
  if (plan.call === null) return { reply: right, fault: null, latencyMs };
  record.answers = {};
  const reply = faultReply(plan.call, right, { provider, path: record.path, nowMs });
  return { reply, fault: plan.call, latencyMs };
}

function deleteAt(system: SandboxSystem, call: ProviderCall): Reply {
  try {
    switch (system) {
      case 'velt.documents':
        return deleteVeltDocuments(call);
      case 'velt.comments':
        return deleteVeltComments(call);
      case 'supermemory.documents':
        return deleteSupermemoryDocuments(call);
    }
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}
