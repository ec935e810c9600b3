/** Sending signed deliveries to the real application. */
import { expect } from 'vitest';
import type { WireDelivery } from '../support/webhook-senders.js';
import { CLERK_SECRET, PLAIN_SECRET } from '../support/webhook-senders.js';
import type { Answer, TestApi } from './test-api.js';

export const SOURCES = '/v1/webhook-sources';

export const CLERK = {
  name: 'clerk',
  scheme: 'standard-webhooks',
  secret: CLERK_SECRET,
  events: ['user.deleted'],
  subjectRef: '{{/data/id}}',
  targets: [
    { system: 'supermemory.documents', containerTags: ['user_{{/data/id}}'] },
    { system: 'velt.documents', organizationId: 'org1', documentIds: '{{/data/documentIds}}' },
  ],
};

export const SHOP = {
  name: 'shop',
  scheme: 'shopify',
  secret: PLAIN_SECRET,
  events: ['customers/redact'],
  subjectRef: 'shopify:{{/customer/id}}',
  targets: [{ system: 'supermemory.documents', containerTags: ['customer_{{/customer/id}}'] }],
};

/** The body of a deletion by Clerk. */
export function deleted(id: string, changes: object = {}): string {
  return JSON.stringify({ type: 'user.deleted', data: { id, documentIds: ['d1', 'd2'], ...changes } });
}

export function redact(customer: number, changes: object = {}): string {
  const payload = { shop_id: 9, shop_domain: 'shop.example.com', customer: { id: customer }, orders_to_redact: [1] };
  return JSON.stringify({ ...payload, ...changes });
}

/** Makes a source that must be accepted; `changes` go into the definition. */
export async function makeSource(api: TestApi, definition: object, changes: object = {}): Promise<unknown> {
  const answer = await api.call('POST', SOURCES, { body: { ...definition, ...changes } });
  expect(answer.text).not.toContain('urn:expunge:problem');
  expect(answer.status).toBe(201);
  return JSON.parse(answer.text);
}

export async function deliver(api: TestApi, source: string, { headers, body }: WireDelivery): Promise<Answer> {
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const known = sent[name.toLowerCase()];
    sent[name.toLowerCase()] = known === undefined ? value : [known, value].flat();
  }
  return api.call('POST', `/v1/webhooks/${source}`, { key: null, headers: sent, body });
}

/** How many requests and remembered deliveries there are. */
export async function remembered(api: TestApi): Promise<{ requests: number; deliveries: number }> {
  const { rows } = await api.workplace.database.pool.query<{ requests: number; deliveries: number }>(
    `select (select count(*)::int from erasure_request) as requests, (select count(*)::int from webhook_delivery) as deliveries`,
  );
  return rows[0] ?? { requests: 0, deliveries: 0 };
}
