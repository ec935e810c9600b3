/** Finds the caller by the API key of a request, and lets no address try wrong keys for long. */
import { timingSafeEqual } from 'node:crypto';
import { Inject } from '@nestjs/common';
import { normalizeIp } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import type { Limits } from '../core/rate-window.js';
import { Workplace } from '../erasure/workplace.js';
import { findApiKey, hashApiKey, noteApiKeyUse } from '../store/api-keys.js';
import type { Caller } from './caller.js';
import { headerValues } from './idempotency-key.js';
import { Problem } from './problem.js';
import { MINUTE_MS, SharedCounts } from './shared-counts.js';

/** Under this name the module keeps its limits. */
export const LIMITS = 'expunge:limits';

/** How many keys a process remembers to have seen open. */
const REMEMBERED_MAX = 10_000;

export class Authentication {
  /** SHA-256 of keys that were found. It decides nothing but whether an address's wrong keys count against this one. */
  private readonly remembered = new Set<string>();
  /** Keys whose use is being noted. */
  private readonly noting = new Set<string>();

  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(SharedCounts) private readonly counts: SharedCounts,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  /**
   * The caller by its `Authorization: Bearer` header (RFC 6750). Keys are kept as SHA-256 only, and looked up by it, so
   * that no comparison takes longer for a better guess. Throws the same Problem 401 for no key, no such key, one that was
   * revoked and one that has run out; a 400 for two headers; and a 429, without a look, for a key never seen here that
   * comes from an address with too many wrong ones.
   */
  async callerOf(request: FastifyRequest): Promise<Caller> {
    const values = headerValues(request.raw.rawHeaders, 'authorization');
    if (values.length > 1) throw new Problem('authorization_repeated', 'Send one Authorization header.');
    const secret = /^Bearer +(.+)$/i.exec(values[0]?.trim() ?? '')?.[1];
    if (secret === undefined) throw refused();
    const sha256 = hashApiKey(secret);
    const name = sha256.toString('base64');
    if (!this.remembered.has(name)) this.refuseAfterFailures(request);
    const key = await findApiKey(this.workplace.database, sha256);
    if (key === null || !timingSafeEqual(key.sha256, sha256)) throw this.failed(request);
    this.remember(name);
    if (!key.living) throw refused();
    if (key.useToNote) this.noteUse(key.id);
    return { actor: `key_${key.id}`, scopes: new Set(key.scopes) };
  }

  private refuseAfterFailures(request: FastifyRequest): void {
    const seconds = this.counts.secondsOver(this.addressKey(request), this.limits.authFailuresPerMinute);
    if (seconds !== null) throw tooMany(seconds);
  }

  private failed(request: FastifyRequest): Problem {
    const { over, secondsLeft } = this.counts.count(
      this.addressKey(request),
      this.limits.authFailuresPerMinute,
      MINUTE_MS,
    );
    return over ? tooMany(secondsLeft) : refused();
  }

  /** An address is personal: it is counted under a digest. Of IPv6 it is the network of 64 bits that one customer has. */
  private addressKey(request: FastifyRequest): string {
    // A caller who has hung up has no address any more.
    const address = request.raw.socket.remoteAddress === undefined ? 'gone' : request.ip;
    return `failures ${this.workplace.vault.digest('address', normalizeIp(address)).toString('hex')}`;
  }

  private remember(name: string): void {
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    this.remembered.add(name);
  }

  /** Not in the request's way, and no matter if it fails: the next use is noted. */
  private noteUse(id: string): void {
    if (this.noting.has(id)) return;
    this.noting.add(id);
    noteApiKeyUse(this.workplace.database, id)
      .catch(() => this.workplace.log.warn({ key: id }, 'the use of a key could not be noted'))
      .finally(() => this.noting.delete(id));
  }
}

function refused(): Problem {
  return new Problem('unauthorized', 'Send a valid API key as Authorization: Bearer KEY.');
}

function tooMany(retryAfterSeconds: number): Problem {
  return new Problem('rate_limited', 'Too many wrong keys came from this address.', { retryAfterSeconds });
}
