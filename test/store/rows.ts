/** Rows of the truth, written as no code of ours would write them: for tests of what the database itself refuses. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Outcome } from '../../src/core/item.js';

export interface ItemRow {
  readonly kind?: 'id' | 'selector' | 'discovered';
  readonly outcome?: string;
  readonly evidence?: string | null;
  readonly reason?: string | null;
  readonly settled?: boolean;
  readonly proofId?: string | null;
  readonly selectorId?: string | null;
  readonly digest?: Buffer | null;
  readonly system?: string;
}

/** The columns beside an outcome that make a row with it possible, but for the proof. */
export function fitting(outcome: Outcome): Pick<ItemRow, 'outcome' | 'evidence' | 'reason' | 'settled'> {
  return {
    outcome,
    evidence: outcome === 'erased' || outcome === 'already_absent' || outcome === 'nothing_matched' ? 'provider' : null,
    reason: outcome === 'failed' ? 'rejected' : null,
    settled: outcome !== 'pending',
  };
}

export class Rows {
  constructor(private readonly pool: Pool) {}

  async request(): Promise<string> {
    const id = randomUUID();
    await this.pool.query(
      `insert into erasure_request (id, source, actor, received_at, due_at) values ($1, 'api', 'key', now(), now())`,
      [id],
    );
    return id;
  }

  async item(requestId: string, row: ItemRow = {}): Promise<string> {
    const id = randomUUID();
    const { kind = 'id', outcome = 'pending', evidence = null, reason = null, settled = false } = row;
    const { proofId = null, selectorId = null, digest = randomBytes(16), system = 'velt.documents' } = row;
    await this.pool.query(
      `insert into item (request_id, id, system, kind, block, slot, digest, deadline, outcome, evidence, reason, settled_at, proof_id, selector_id)
        values ($1, $2, $3, $4, 1, 0, $5, now(), $6, $7, $8, case when $9::boolean then now() end, $10, $11)`,
      [requestId, id, system, kind, digest, outcome, evidence, reason, settled, proofId, selectorId],
    );
    return id;
  }

  /** Gives an item an outcome with everything that fits it. */
  async settle(requestId: string, id: string, outcome: Outcome, proofId: string | null = null): Promise<void> {
    const { evidence, reason, settled } = fitting(outcome);
    await this.pool.query(
      `update item set outcome = $3, evidence = $4, reason = $5, settled_at = case when $6::boolean then now() end,
        proof_id = coalesce($7::uuid, proof_id) where request_id = $1 and id = $2`,
      [requestId, id, outcome, evidence, reason, settled, proofId],
    );
  }

  /** A call that carried these items; not completed where there is no verdict. */
  async attempt(requestId: string, itemIds: readonly string[], verdict: string | null): Promise<string> {
    const id = randomUUID();
    await this.pool.query(
      `insert into attempt (id, batch_id, epoch, system, provider, ids, items, probe, verdict, ended_at)
        values ($1, $2, 2, 'velt.documents', 'velt', 1, 1, false, $3, case when $3::text is not null then now() end)`,
      [id, randomUUID(), verdict],
    );
    await this.pool.query('insert into attempt_part (attempt_id, request_id, item_ids) values ($1, $2, $3)', [
      id,
      requestId,
      itemIds,
    ]);
    return id;
  }

  /** An item of a fresh request that ended with this outcome, as a call of ours would have left it. */
  async ended(outcome: Outcome): Promise<{ requestId: string; id: string }> {
    const requestId = await this.request();
    const id = await this.item(requestId);
    const proofId = await this.attempt(requestId, [id], 'answered');
    await this.settle(requestId, id, outcome, proofId);
    return { requestId, id };
  }
}
