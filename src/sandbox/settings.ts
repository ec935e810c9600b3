/**
 * How Velt answers for documents. `seed`: 200, an absent document has `success: true` and "Document does not exist".
 * `details`: 500 with `error.details` as soon as one ID fails, absent ones among them. `v1`: 200, absent ones have
 * `success: false` and a code.
 */
export const VELT_DIALECTS = ['seed', 'details', 'v1'] as const;
export type VeltDialect = (typeof VELT_DIALECTS)[number];

/**
 * How Velt refuses credentials. `documented`: a missing header is INVALID_ARGUMENT (400), a wrong value PERMISSION_DENIED
 * (403). `invalid-argument`: both 400. `unauthenticated`: both UNAUTHENTICATED (401).
 */
export type VeltAuthWording = 'documented' | 'invalid-argument' | 'unauthenticated';

export interface SandboxKeys {
  readonly velt: { readonly apiKey: string; readonly authToken: string };
  readonly supermemory: { readonly apiKey: string };
}

/** The keys that are accepted when no others are set. */
export const SANDBOX_KEYS: SandboxKeys = {
  velt: { apiKey: 'sandbox-velt-api-key', authToken: 'sandbox-velt-auth-token' },
  supermemory: { apiKey: 'sm_sandbox_key' },
};

/** Limits that are enforced with a 429, per provider. */
export interface ProviderLimits {
  /** Calls accepted in any sliding window of `windowMs` (60,000 where not set). */
  readonly callsPerWindow?: number;
  readonly windowMs?: number;
  /** Calls under way at once. */
  readonly concurrency?: number;
}

export interface SandboxSettings {
  readonly dialect: VeltDialect;
  readonly organizationDialects: ReadonlyMap<string, VeltDialect>;
  /** HTTP status of a `details` answer that names a failure; Velt says 500, and that this may change. */
  readonly detailsStatus: number;
  readonly authWording: VeltAuthWording;
  readonly keys: SandboxKeys;
  /** Keys that are accepted and open an environment that holds nothing: API keys of either provider. */
  readonly emptyEnvironmentKeys: ReadonlySet<string>;
  /** More IDs in one Velt call are refused with a 400; Velt documents no number. */
  readonly veltIdsMax: number;
}
