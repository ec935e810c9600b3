/** What a webhook source makes of payloads, by the shapes that the systems document. */
import { fillMapping, readMapping, sampleOf } from '../core/mapping.js';
import type { Mapping, MappingProblem, MappingReading } from '../core/mapping.js';
import { isWellFormed, readExactObject } from '../core/json.js';
import type { JsonObject, JsonProblem } from '../core/json.js';
import { readEvent, SHOPIFY_REDACT } from '../core/webhook-event.js';
import { secretKey } from '../core/webhook-signature.js';
import type { Delivery, Scheme } from '../core/webhook-signature.js';
import type { SourceDefinition } from '../store/webhook-sources.js';
import { systemNamed } from '../systems/registry.js';
import { countIds, readTarget } from '../systems/target.js';
import type { ReadTarget } from '../systems/target.js';
import type { Submission } from './store-requests.js';
import type { Workplace } from './workplace.js';

const IDS_MAX = 100_000;
const REF_CHARACTERS_MAX = 256;
/** Payloads are others' and may nest deeper than our own bodies. */
export const PAYLOAD_DEPTH_MAX = 64;

/** What a payload whose signature holds comes to. */
export type Understood =
  /** `written`: its targets in the form of a submitted body; null where the directory is to name them. */
  | { readonly kind: 'asks'; readonly submission: Submission; readonly written: readonly JsonObject[] | null }
  | { readonly kind: 'ignored'; readonly reason: 'event' }
  | { readonly kind: 'unreadable'; readonly problem: JsonProblem }
  /** The body is not what its unsigned headers say. */
  | { readonly kind: 'mismatched'; readonly message: string }
  | { readonly kind: 'unfit'; readonly problems: readonly MappingProblem[] }
  | { readonly kind: 'too_many_ids' }
  | { readonly kind: 'not_configured'; readonly systems: readonly string[] };

/** What is wrong with a definition (JSON Pointers into it), and which of its systems have no credentials. */
export function checkDefinition(
  workplace: Workplace,
  definition: SourceDefinition,
  secret: string | null,
): { readonly problems: readonly MappingProblem[]; readonly unconfigured: readonly MappingProblem[] } {
  const problems: MappingProblem[] = [];
  if (secret !== null && secretKey(definition.scheme, secret) === null) {
    problems.push({ path: '/secret', message: secretForm(definition.scheme) });
  }
  if (definition.scheme === 'shopify' && definition.events.some((event) => event !== SHOPIFY_REDACT)) {
    problems.push({ path: '/events', message: `for shopify only ${SHOPIFY_REDACT}: its signature covers no topic` });
  }
  const reading = mappingOf(definition);
  if (!reading.ok) return { problems: [...problems, ...reading.problems], unconfigured: [] };
  const sample = (sampleOf(reading.mapping).targets ?? []).map(readTarget);
  const unconfigured: MappingProblem[] = [];
  for (const [index, target] of sample.entries()) {
    const at = `/targets/${index}`;
    if (!target.ok) problems.push(...target.problems.map(({ path, message }) => ({ path: `${at}${path}`, message })));
    else if (!workplace.system(target.target.system).configured)
      unconfigured.push({ path: `${at}/system`, message: `${target.target.system} has no credentials here` });
  }
  return { problems, unconfigured };
}

/** What the text of a secret must be, in words. */
export function secretForm(scheme: Scheme): string {
  return scheme === 'standard-webhooks'
    ? 'must be whsec_ and 24 to 64 bytes in base64'
    : 'must be 16 to 256 printable ASCII characters without blanks';
}

/** What a delivery to a source asks for. Its signature must hold already; nothing is stored and nothing sent. */
export function understand(workplace: Workplace, source: SourceDefinition, delivery: Delivery): Understood {
  const reading = readExactObject(delivery.body, PAYLOAD_DEPTH_MAX);
  if (!reading.ok) return { kind: 'unreadable', problem: reading.problem };
  const event = readEvent(source.scheme, delivery.header, reading.value);
  if (!event.ok) return { kind: 'mismatched', message: event.message };
  if (!event.names.some((called) => source.events.includes(called))) return { kind: 'ignored', reason: 'event' };
  const mapping = mappingOf(source);
  if (!mapping.ok) throw new Error(`the mapping of webhook source ${source.name} can no longer be read`);
  return asked(workplace, mapping.mapping, reading.value);
}

function asked(workplace: Workplace, mapping: Mapping, payload: JsonObject): Understood {
  const filled = fillMapping(mapping, payload);
  if (!filled.ok) return { kind: 'unfit', problems: filled.problems };
  const message = refProblem(filled.subjectRef);
  if (message !== null) return { kind: 'unfit', problems: [{ path: '/subjectRef', message }] };
  const submission = { subjectRef: filled.subjectRef, receivedAt: null, note: null };
  if (filled.targets === null) return { kind: 'asks', submission: { ...submission, targets: null }, written: null };
  if (filled.targets.reduce((sum, target) => sum + countIds(target), 0) > IDS_MAX) return { kind: 'too_many_ids' };
  const targets: ReadTarget[] = [];
  const problems: MappingProblem[] = [];
  for (const [index, given] of filled.targets.entries()) {
    const reading = readTarget(given);
    if (reading.ok) targets.push(reading.target);
    else
      for (const { path, message: wrong } of reading.problems)
        problems.push({ path: `/targets/${index}${path}`, message: wrong });
  }
  if (problems.length > 0) return { kind: 'unfit', problems };
  const unconfigured = targets.map((target) => target.system).filter((name) => !workplace.system(name).configured);
  return unconfigured.length > 0
    ? { kind: 'not_configured', systems: [...new Set(unconfigured)] }
    : { kind: 'asks', submission: { ...submission, targets }, written: filled.targets };
}

function mappingOf({ subjectRef, targets }: SourceDefinition): MappingReading {
  return readMapping({ subjectRef, targets }, listFields);
}

function listFields(name: string): ReadonlySet<string> {
  const fields = systemNamed(name)?.target.fields ?? [];
  return new Set(fields.filter((field) => field.holds !== 'string').map((field) => field.name));
}

function refProblem(ref: string): string | null {
  if ([...ref].length > REF_CHARACTERS_MAX) return `must have at most ${REF_CHARACTERS_MAX} characters`;
  if (ref.includes('\0')) return 'must not contain the NUL character';
  return isWellFormed(ref) ? null : 'must be well-formed Unicode, without lone surrogates';
}
