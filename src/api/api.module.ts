import { Module } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata, Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { getOptionsToken, getStorageToken } from '@nestjs/throttler';
import type { Limits } from '../core/rate-window.js';
import { Intake } from '../erasure/intake.js';
import { Workplace } from '../erasure/workplace.js';
import { ApiKeysController } from './api-keys.controller.js';
import { Authentication, LIMITS } from './authenticate.js';
import { Clock } from './clock.js';
import { ExportsController } from './exports.controller.js';
import { ImportController } from './import.controller.js';
import { DirectoryController } from './directory.controller.js';
import { InputPipe } from './input.pipe.js';
import { EvidenceController } from './evidence.controller.js';
import { ItemsController } from './items.controller.js';
import { KeyGuard } from './key.guard.js';
import { NotificationEndpointsController } from './notification-endpoints.controller.js';
import { LedgerController } from './ledger.controller.js';
import { OperationsController } from './operations.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { ReportsController } from './reports.controller.js';
import { RequestLimitGuard, throttlerOptions } from './request-limit.guard.js';
import { RequestsController } from './requests.controller.js';
import { SharedCounts } from './shared-counts.js';
import { SubmitController } from './submit.controller.js';
import { SystemsController } from './systems.controller.js';
import { SourcesController } from './webhooks/sources.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

/** The guards stand in this order: a call that is refused for its scope counts all the same. */
const PROVIDERS = [
  Clock,
  Authentication,
  SharedCounts,
  { provide: Intake, useFactory: (workplace: Workplace) => new Intake(workplace), inject: [Workplace] },
  { provide: getOptionsToken(), useFactory: throttlerOptions, inject: [LIMITS, SharedCounts] },
  { provide: getStorageToken(), useExisting: SharedCounts },
  { provide: APP_FILTER, useClass: ProblemFilter },
  { provide: APP_GUARD, useClass: RequestLimitGuard },
  { provide: APP_GUARD, useClass: KeyGuard },
  { provide: APP_PIPE, useClass: InputPipe },
];

@Module({})
export class ApiModule {
  /** `imports` are the modules that export Workplace, Sealer, CallMetrics and QueueProbe. */
  static over(imports: NonNullable<ModuleMetadata['imports']>, limits: Limits): DynamicModule {
    const controllers = [
      ApiKeysController,
      DirectoryController,
      SubmitController,
      RequestsController,
      ItemsController,
      ReportsController,
      EvidenceController,
      LedgerController,
      SystemsController,
      NotificationEndpointsController,
      SourcesController,
      WebhooksController,
      OperationsController,
      ExportsController,
      ImportController,
    ];
    return ApiModule.of(imports, limits, controllers);
  }

  /** Health and metrics alone: what a process shows that takes no requests in. */
  static operationsOver(imports: NonNullable<ModuleMetadata['imports']>, limits: Limits): DynamicModule {
    return ApiModule.of(imports, limits, [OperationsController]);
  }

  private static of(
    imports: NonNullable<ModuleMetadata['imports']>,
    limits: Limits,
    controllers: Type[],
  ): DynamicModule {
    const terminus = TerminusModule.forRoot({ logger: false });
    const providers = [...PROVIDERS, { provide: LIMITS, useValue: limits }];
    return { module: ApiModule, imports: [terminus, ...imports], controllers, providers };
  }
}
