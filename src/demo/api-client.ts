/** The HTTP API as any caller meets it: one key, JSON in and out, pages read to their end. */
import { isJsonObject, own } from '../core/json.js';
import type { JsonValue } from '../core/json.js';
import { readAttempt, readItem, readPage, readRequest } from './results.js';
import type { ResultAttempt, ResultItem, ResultRequest } from './results.js';

const PAGE_LIMIT = 200;

/** The API refused a call. The message is one line and holds the status and the problem's own words. */
class ApiRefusal extends Error {}

export class ApiClient {
  constructor(
    private readonly origin: string,
    private readonly apiKey: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Submits a request, as the JSON text that it is. The same key and body give the first answer again. */
  async submit(body: string, idempotencyKey: string): Promise<ResultRequest> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    return readRequest(await this.call('POST', '/v1/erasure-requests', { headers, body }));
  }

  async request(id: string): Promise<ResultRequest> {
    return readRequest(await this.call('GET', `/v1/erasure-requests/${id}`));
  }

  /** All items of a request, in the order in which they were made. */
  async items(id: string): Promise<ResultItem[]> {
    return (await this.pages(`/v1/erasure-requests/${id}/items`)).map(readItem);
  }

  /** All provider calls that carried items of a request, oldest first. */
  async attempts(id: string): Promise<ResultAttempt[]> {
    return (await this.pages(`/v1/erasure-requests/${id}/attempts`)).map(readAttempt);
  }

  /** The audit report of a request, as the file that it is. */
  async report(id: string, format: 'json' | 'pdf'): Promise<Buffer> {
    return this.file(`/v1/erasure-requests/${id}/report?format=${format}`);
  }

  /** The evidence bundle of a settled request, as it came. */
  async evidence(id: string): Promise<string> {
    return (await this.file(`/v1/erasure-requests/${id}/evidence`)).toString();
  }

  /** The key that signs the ledger. */
  async ledgerKey(): Promise<string> {
    return (await this.file('/v1/ledger/public-key')).toString().trim();
  }

  private async file(path: string): Promise<Buffer> {
    const headers = { authorization: `Bearer ${this.apiKey}` };
    const response = await fetch(`${this.origin}${path}`, { headers, signal: this.signal });
    if (!response.ok) throw new ApiRefusal(`GET ${path} was answered with ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  private async pages(path: string): Promise<JsonValue[]> {
    const found: JsonValue[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = readPage(await this.call('GET', `${path}?limit=${PAGE_LIMIT}${after}`));
      found.push(...page.data);
      cursor = page.nextCursor;
    }
    return found;
  }

  private async call(
    method: string,
    path: string,
    sent: { readonly headers?: Record<string, string>; readonly body?: string } = {},
  ): Promise<JsonValue> {
    const response = await fetch(`${this.origin}${path}`, {
      ...sent,
      method,
      headers: { ...sent.headers, authorization: `Bearer ${this.apiKey}` },
      signal: this.signal,
    });
    const value: unknown = await response.json();
    if (!isJsonObject(value)) throw new ApiRefusal(`${method} ${path} gave no JSON object`);
    if (response.ok) return value;
    const detail = own(value, 'detail');
    throw new ApiRefusal(
      `${method} ${path} was answered with ${response.status}: ${typeof detail === 'string' ? detail : ''}`,
    );
  }
}
