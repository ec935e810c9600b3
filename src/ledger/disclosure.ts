/** The part of a bundle that holds personal values, with the salts by which they are checked. */
import { canonicalJson } from '../core/canonical.js';
import type { Database } from '../store/database.js';
import { disclosedAnswers, disclosedItems, disclosedResolutions, disclosedSubject } from '../store/read-disclosure.js';
import { OpenedValues, unsealAnswer, unsealSubject, unsealText } from '../store/sealed-values.js';
import type { Vault } from '../store/vault.js';
import { Commitments, itemValue } from './commitment.js';

/** The canonical text of a scope: its lists are sets. Given by whoever drafts items. */
export type ScopeText = (scope: Readonly<Record<string, string | readonly string[]>>) => string;

/**
 * The disclosure of a request as pieces of canonical JSON: an object of openings by label. Nothing once shredded. Holds
 * a page of values at a time.
 */
export async function* disclosureText(
  database: Database,
  vault: Vault,
  requestId: string,
  scopeText: ScopeText,
): AsyncGenerator<string> {
  const held = await disclosedSubject(database, requestId);
  if (held === null) return;
  const key = vault.unwrap(requestId, held.wrapped);
  const commitments = new Commitments(key);
  const opening = (label: string, value: string): string =>
    `"${label}":{"salt":"${commitments.salt(label)}","value":${value}}`;

  // By label, as canonical JSON has them: item, note, resolution, response, subject.
  const subject = unsealSubject(key, requestId, held.sealed);
  yield '{';
  for await (const items of disclosedItems(database, requestId)) {
    const values = await OpenedValues.read(database, vault, items);
    for (const item of items) {
      const value = values.at(item);
      if (value === null) continue;
      const text = itemValue(item.system, item.kind, scopeText(value.scope), value.externalId);
      yield `${opening(`item/${item.id}`, text)},`;
    }
  }
  if (subject.note !== null) yield `${opening('note', canonicalJson(subject.note))},`;
  for await (const reasons of disclosedResolutions(database, requestId)) {
    for (const { id, no, sealed } of reasons) {
      yield `${opening(`resolution/${id}`, canonicalJson(unsealText(key, requestId, no, sealed)))},`;
    }
  }
  for await (const answers of disclosedAnswers(database, requestId)) {
    for (const { id, sealed } of answers) {
      const { sha256 } = unsealAnswer(key, requestId, id, sealed);
      if (sha256 !== null) yield `${opening(`response/${id}`, canonicalJson(sha256))},`;
    }
  }
  yield `${opening('subject', canonicalJson(subject.ref))}}`;
}
