import type { SandboxProvider } from './routes.js';
import type { ProviderLimits } from './settings.js';

const MINUTE_MS = 60_000;

/** Enforces the limits of the providers, as a sliding log of the calls accepted. */
export class Admission {
  private readonly accepted: Record<SandboxProvider, number[]> = { velt: [], supermemory: [] };

  constructor(private readonly limits: Partial<Readonly<Record<SandboxProvider, ProviderLimits | undefined>>>) {}

  /** Null where the call is accepted, else after how many seconds to come again. */
  refusalSeconds(provider: SandboxProvider, inFlight: number, nowMs: number): number | null {
    const limits = this.limits[provider];
    if (limits === undefined) return null;
    if (inFlight > (limits.concurrency ?? Number.POSITIVE_INFINITY)) return 1;
    const windowMs = limits.windowMs ?? MINUTE_MS;
    const recent = this.accepted[provider].filter((atMs) => nowMs - atMs < windowMs);
    this.accepted[provider] = recent;
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= (limits.callsPerWindow ?? Number.POSITIVE_INFINITY)) {
      return Math.max(1, Math.ceil((oldest + windowMs - nowMs) / 1000));
    }
    recent.push(nowMs);
    return null;
  }

  /** Forgets the calls accepted so far. */
  clear(): void {
    this.accepted.velt = [];
    this.accepted.supermemory = [];
  }
}
