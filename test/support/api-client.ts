/** A client of the HTTP API as a user would write one: JSON in, JSON out, pages followed to their end. */
import type { PageOf } from '../../src/store/cursor.js';
import type { AttemptResource } from '../../src/store/read-attempts.js';
import type { ItemResource } from '../../src/store/read-items.js';
import type { RequestResource } from '../../src/store/read-requests.js';
import { until } from './until.js';

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  /** The body as JSON; null where it was empty. What it is made of is for the assertions to pin. */
  readonly body: Body;
}

export interface Problem {
  readonly type: string;
  readonly status: number;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export const REQUESTS = '/v1/erasure-requests';

export class ApiClient {
  constructor(
    readonly url: string,
    readonly key: string,
  ) {}

  /** One call, whatever comes of it. `body` is sent as JSON, or as it is when it is a string. */
  async call<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer<Body>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : null) as Body,
    };
  }

  /** The body of a call that must be answered with `status`. Throws with the answer when it is not. */
  async expect<Body>(status: number, method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.call<Body>(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** Submits a request that must be accepted. The subject may be left out. */
  submit(body: { readonly targets: readonly object[] } & Readonly<Record<string, unknown>>): Promise<RequestResource> {
    return this.expect(202, 'POST', REQUESTS, { subject: { ref: 'user_42' }, ...body });
  }

  request(id: string): Promise<RequestResource> {
    return this.expect(200, 'GET', `${REQUESTS}/${id}`);
  }

  /** The request once nothing of it is pending any more. */
  settled(id: string, withinMs = 20_000): Promise<RequestResource> {
    return until(
      `request ${id} to settle`,
      async () => {
        const request = await this.request(id);
        return request.counts['pending'] === 0 ? request : undefined;
      },
      { withinMs, state: async () => ({ request: await this.request(id), attempts: await this.attempts(id) }) },
    );
  }

  /** Submits, and gives the request once it is settled. */
  async erase(targets: readonly object[], more: Readonly<Record<string, unknown>> = {}): Promise<RequestResource> {
    return this.settled((await this.submit({ ...more, targets })).id);
  }

  /** Every item of a request, in the order in which they were made. `query`: `system=…&outcome=…`. */
  items(id: string, query = ''): Promise<ItemResource[]> {
    return this.pages<ItemResource>(`${REQUESTS}/${id}/items?${query}`);
  }

  /** The one item of a request with that external ID (and system, where several have it). */
  async item(id: string, externalId: string | null, system?: string): Promise<ItemResource> {
    const found = (await this.items(id)).filter(
      (item) => item.externalId === externalId && (system === undefined || item.system === system),
    );
    const [item] = found;
    if (!item || found.length > 1) throw new Error(`${found.length} items of request ${id} are ${externalId}`);
    return item;
  }

  /** What became of each ID of a request: `outcome`, `outcome/evidence` or `outcome/reason`, by external ID. */
  async outcomes(id: string): Promise<Record<string, string>> {
    const items = await this.items(id);
    return Object.fromEntries(
      items.map((item) => {
        const beside = item.evidence ?? item.reason;
        return [item.externalId ?? '', beside === null ? item.outcome : `${item.outcome}/${beside}`];
      }),
    );
  }

  /** Every provider call that carried items of a request, oldest first. */
  attempts(id: string): Promise<AttemptResource[]> {
    return this.pages<AttemptResource>(`${REQUESTS}/${id}/attempts?`);
  }

  /** Everything behind a path that answers in pages. The path ends in `?` or in a parameter. */
  async pages<Row>(path: string, limit = 200): Promise<Row[]> {
    const rows: Row[] = [];
    for (let cursor = ''; ;) {
      const page = await this.expect<PageOf<Row>>(200, 'GET', `${path}&limit=${limit}${cursor}`);
      rows.push(...page.data);
      if (page.nextCursor === null) return rows;
      cursor = `&cursor=${page.nextCursor}`;
    }
  }
}
