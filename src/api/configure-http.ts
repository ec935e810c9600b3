/** What the application puts on its adapter once its parts are known: who calls, and the documentation. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Workplace } from '../erasure/workplace.js';
import { authenticate } from './authenticate.js';
import { Clock } from './clock.js';
import { serveDocuments } from './openapi.js';

/**
 * To be called between the creation of the application and its `init` or `listen`, by the service and by tests alike.
 * Keys are checked before a body is read: nobody unknown makes the service parse 16 MiB.
 */
export function configureHttp(app: NestFastifyApplication): void {
  const { database } = app.get(Workplace, { strict: false });
  const clock = app.get(Clock, { strict: false });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request) => {
      const { url, config } = request.routeOptions;
      if (request.is404 || !url?.startsWith('/v1/') || config.public === true) return;
      request.caller = await authenticate(database, request.raw, clock.nowMs());
    });
  serveDocuments(app);
}
