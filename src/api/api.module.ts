import { Module } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Clock } from './clock.js';
import { InputPipe } from './input.pipe.js';
import { ItemsController } from './items.controller.js';
import { KeyGuard } from './key.guard.js';
import { OperationsController } from './operations.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestsController } from './requests.controller.js';
import { SubmitController } from './submit.controller.js';
import { SystemsController } from './systems.controller.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [SubmitController, RequestsController, ItemsController, SystemsController, OperationsController],
  providers: [
    Clock,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_GUARD, useClass: KeyGuard },
    { provide: APP_PIPE, useClass: InputPipe },
  ],
})
export class ApiModule {
  /** `imports` are the modules that export Workplace, CallMetrics and QueueProbe. */
  static over(imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return { module: ApiModule, imports };
  }
}
