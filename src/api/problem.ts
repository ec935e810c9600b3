/** What can be wrong with a call, in the form of RFC 9457. The list is part of the API: slugs are never renamed. */

interface Kind {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS = {
  bad_request: { status: 400, title: 'The request is not valid HTTP' },
  url_invalid: { status: 400, title: 'The URL is not valid' },
  id_invalid: { status: 400, title: 'The id in the path is not a UUID' },
  body_missing: { status: 400, title: 'The body is missing' },
  body_not_object: { status: 400, title: 'The body is not a JSON object' },
  json_invalid: { status: 400, title: 'The body is not valid JSON' },
  utf8_invalid: { status: 400, title: 'The body is not valid UTF-8' },
  duplicate_key: { status: 400, title: 'The body names a field twice' },
  too_deep: { status: 400, title: 'The body is nested too deeply' },
  invalid_input: { status: 400, title: 'The input is not valid' },
  idempotency_key_invalid: { status: 400, title: 'The Idempotency-Key is not valid' },
  authorization_repeated: { status: 400, title: 'The Authorization header stands twice' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  signature_invalid: { status: 401, title: 'The signature does not hold' },
  scope_missing: { status: 403, title: 'The API key lacks the scope' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  timeout: { status: 408, title: 'The request took too long to arrive' },
  key_in_flight: { status: 409, title: 'The first request under this Idempotency-Key is still running' },
  not_settled: { status: 409, title: 'The request is not settled' },
  needs_attention: { status: 409, title: 'The request still needs a person' },
  nothing_to_retry: { status: 409, title: 'Nothing is to be retried' },
  nothing_pending: { status: 409, title: 'Nothing is pending' },
  not_open: { status: 409, title: 'The item is not open' },
  last_admin_key: { status: 409, title: 'The last admin key stays' },
  too_many_endpoints: { status: 409, title: 'There are as many endpoints as there may be' },
  endpoint_disabled: { status: 409, title: 'The endpoint is disabled' },
  cancelled: { status: 409, title: 'The request was cancelled' },
  shredded: { status: 410, title: 'The personal values were destroyed' },
  source_exists: { status: 409, title: 'There is a source of that name' },
  secrets_full: { status: 409, title: 'The source has two secrets' },
  last_secret: { status: 409, title: 'The source has one secret' },
  requests_held: { status: 409, title: 'Requests of the source are held' },
  body_too_large: { status: 413, title: 'The body is too large' },
  too_many_ids: { status: 413, title: 'The body names too many IDs' },
  url_too_long: { status: 414, title: 'The URL is too long' },
  media_type_unsupported: { status: 415, title: 'The media type is not supported' },
  encoding_unsupported: { status: 415, title: 'The content encoding is not supported' },
  key_reused: { status: 422, title: 'The Idempotency-Key was used with another body' },
  not_configured: { status: 422, title: 'A system is not configured' },
  unknown_subject: { status: 422, title: 'Nothing is known of the subject' },
  too_many_exports: { status: 429, title: 'Too many exports are running' },
  rate_limited: { status: 429, title: 'Too many requests' },
  payload_unfit: { status: 422, title: 'The payload does not fit the source' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  not_ready: { status: 503, title: 'The service is not ready' },
  ledger_broken: { status: 503, title: 'The ledger is not what was signed' },
  unavailable: { status: 503, title: 'The service is not available at the moment' },
} as const satisfies Record<string, Kind>;

export type ProblemSlug = keyof typeof PROBLEMS;

/** One thing that is wrong with the input. */
export interface InputError {
  /** JSON Pointer (RFC 6901) into the body, or into the query parameters. */
  readonly path: string;
  readonly message: string;
}

export interface ProblemExtras {
  readonly errors?: readonly InputError[];
  /** For 405: what the path allows. */
  readonly allow?: readonly string[];
  /** For 429: when to come back. */
  readonly retryAfterSeconds?: number;
  /** Further members of the answer. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Errors beyond these are counted, not listed. */
const ERRORS_MAX = 100;

/** A caller's mistake, thrown by whoever finds it; the filter writes it out. No text of it repeats what was sent. */
export class Problem extends Error {
  readonly status: number;

  constructor(
    readonly slug: ProblemSlug,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = PROBLEMS[slug].status;
  }

  /** The answer's headers. Every 409, 429 and 503 says when to come back. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
    if (this.status === 401)
      headers['www-authenticate'] = this.slug === 'signature_invalid' ? 'Webhook-Signature' : 'Bearer';
    if (this.status === 409) headers['retry-after'] = this.slug === 'key_in_flight' ? '1' : '60';
    if (this.status === 429) headers['retry-after'] = String(this.extras.retryAfterSeconds ?? 60);
    if (this.status === 503) headers['retry-after'] = '5';
    if (this.extras.allow) headers['allow'] = this.extras.allow.join(', ');
    return headers;
  }

  /** The answer's body. */
  body(requestId: string): string {
    const errors = this.extras.errors ?? [];
    const more = errors.length - ERRORS_MAX;
    return JSON.stringify({
      type: `urn:expunge:problem:${this.slug}`,
      title: PROBLEMS[this.slug].title,
      status: this.status,
      detail: more > 0 ? `${this.detail} ${more} more errors are not listed.` : this.detail,
      requestId,
      ...(errors.length > 0 ? { errors: errors.slice(0, ERRORS_MAX) } : {}),
      ...this.extras.members,
    });
  }
}

/** One segment of a JSON Pointer. */
export function pointerSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
