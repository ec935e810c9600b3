/** Which modules this process is made of: everything, or what its role asks for. */
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ApiModule } from './api/api.module.js';
import { CallMetrics } from './api/metrics.js';
import { QueueProbe } from './api/queue-probe.js';
import type { Role } from './config.js';
import type { Limits } from './core/rate-window.js';
import { Workplace } from './erasure/workplace.js';
import { Sealer } from './ledger/seal.js';
import type { QueueBackend } from './queue/queue-backend.js';
import type { QueueDoorbell } from './queue/queue-doorbell.js';
import { QueueModule, Queues } from './queue/queue.module.js';

export interface Parts {
  readonly workplace: Workplace;
  readonly sealer: Sealer;
  readonly metrics: CallMetrics;
  readonly backend: QueueBackend;
  readonly doorbell: QueueDoorbell;
  readonly role: Role;
  readonly limits: Limits;
}

@Module({})
export class AppModule {
  static over(parts: Parts): DynamicModule {
    const { workplace, sealer, metrics, backend, doorbell, role, limits } = parts;
    const queue = QueueModule.over(workplace, { backend, doorbell, works: role !== 'api' });
    const outside: DynamicModule = {
      module: OutsideModule,
      imports: [queue],
      providers: [
        { provide: Workplace, useValue: workplace },
        { provide: Sealer, useValue: sealer },
        { provide: CallMetrics, useValue: metrics },
        {
          provide: QueueProbe,
          useFactory: (queues: Queues) => new QueueProbe(async () => probe(queues, backend)),
          inject: [Queues],
        },
      ],
      exports: [Workplace, Sealer, CallMetrics, QueueProbe],
    };
    const api = role === 'worker' ? ApiModule.operationsOver([outside], limits) : ApiModule.over([outside], limits);
    return { module: AppModule, imports: [queue, api] };
  }
}

/** A Redis that would evict jobs is no queue, though it answers. */
async function probe(queues: Queues, backend: QueueBackend): Promise<void> {
  if (backend.state().kind === 'wrong') throw new Error('Redis is not fit to keep a queue in');
  await queues.ping();
}

/** What the entrances get from outside: they do not know each other. */
@Module({})
class OutsideModule {}
