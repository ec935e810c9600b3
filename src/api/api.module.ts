import { Module } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata, Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Clock } from './clock.js';
import { ExportsController } from './exports.controller.js';
import { ImportController } from './import.controller.js';
import { InputPipe } from './input.pipe.js';
import { ItemsController } from './items.controller.js';
import { KeyGuard } from './key.guard.js';
import { OperationsController } from './operations.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { ReportsController } from './reports.controller.js';
import { RequestsController } from './requests.controller.js';
import { SubmitController } from './submit.controller.js';
import { SystemsController } from './systems.controller.js';

const PROVIDERS = [
  Clock,
  { provide: APP_FILTER, useClass: ProblemFilter },
  { provide: APP_GUARD, useClass: KeyGuard },
  { provide: APP_PIPE, useClass: InputPipe },
];

@Module({})
export class ApiModule {
  /** `imports` are the modules that export Workplace, CallMetrics and QueueProbe. */
  static over(imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    const controllers = [
      SubmitController,
      RequestsController,
      ItemsController,
      ReportsController,
      SystemsController,
      OperationsController,
      ExportsController,
      ImportController,
    ];
    return ApiModule.of(imports, controllers);
  }

  /** Health and metrics alone: what a process shows that takes no requests in. */
  static operationsOver(imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return ApiModule.of(imports, [OperationsController]);
  }

  private static of(imports: NonNullable<ModuleMetadata['imports']>, controllers: Type[]): DynamicModule {
    const terminus = TerminusModule.forRoot({ logger: false });
    return { module: ApiModule, imports: [terminus, ...imports], controllers, providers: PROVIDERS };
  }
}
