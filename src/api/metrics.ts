/** What Prometheus reads: calls as they are made, and the state of the work as the database knows it at each scrape. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { STATUSES } from '../core/request.js';
import type { CallObserver } from '../erasure/workplace.js';
import type { MetricsSnapshot } from '../store/read-metrics.js';
import { SYSTEMS } from '../systems/registry.js';

/** Seconds; a call may last PROVIDER_TIMEOUT_MS, 30 s unless set otherwise. */
const CALL_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts and times the provider calls of this process. */
export class CallMetrics implements CallObserver {
  readonly registry = new Registry();
  private readonly calls = new Counter({
    name: 'expunge_provider_calls_total',
    help: 'Provider calls of this process, by system and verdict.',
    labelNames: ['system', 'verdict'],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'expunge_provider_call_seconds',
    help: 'How long provider calls of this process took.',
    labelNames: ['system'],
    buckets: CALL_BUCKETS_SECONDS,
    registers: [this.registry],
  });

  private readonly refused = new Gauge({
    name: 'expunge_ledger_refused',
    help: '1 while this process refuses to sign the ledger, because what is stored is not what was signed.',
    registers: [this.registry],
  });

  /** Whether the ledger is not what was signed. */
  ledgerRefused(refused: boolean): void {
    this.refused.set(refused ? 1 : 0);
  }

  observe(system: string, verdict: string, seconds: number): void {
    this.calls.inc({ system, verdict });
    this.durations.observe({ system }, seconds);
  }
}

/** The state of the work as text in Prometheus' format. */
export async function stateText(snapshot: MetricsSnapshot): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] });

  const items = gauge('expunge_items_total', 'Items by system and outcome.', 'system', 'outcome');
  for (const { system, outcome, count } of snapshot.itemsTotal) items.set({ system, outcome }, count);
  const pending = gauge('expunge_items_pending', 'Items not settled, by system.', 'system');
  for (const { name: system } of SYSTEMS) pending.set({ system }, 0);
  for (const { system, outcome, count } of snapshot.itemsTotal)
    if (outcome === 'pending') pending.set({ system }, count);
  const oldest = gauge('expunge_oldest_due_seconds', 'How long the longest-waiting item has been due.', 'system');
  for (const { system, seconds } of snapshot.oldestDueSeconds) oldest.set({ system }, seconds);
  const gates = gauge('expunge_gate_closed', '1 while a system is held back, by reason.', 'system', 'reason');
  for (const { system, reason } of snapshot.gates) gates.set({ system, reason }, 1);
  const requests = gauge('expunge_requests', 'Requests by status.', 'status');
  for (const status of STATUSES) requests.set({ status }, 0);
  for (const { status, count } of snapshot.requests) requests.set({ status }, count);
  gauge('expunge_requests_held', 'Requests that wait for a person to let them go.').set(snapshot.held);
  gauge('expunge_requests_overdue', 'Requests unsettled after their due date.').set(snapshot.overdue);
  gauge('expunge_requests_due_soon', 'Requests unsettled and due soon.').set(snapshot.dueSoon);
  gauge('expunge_ledger_unsealed_events', 'Events that wait for the sealer.').set(snapshot.unsealedEvents);
  return registry.metrics();
}
