/** What the application puts on its adapter once its parts are known: who calls, and the documentation. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Authentication } from './authenticate.js';
import { serveDocuments } from './openapi.js';

/**
 * To be called between the creation of the application and its `init` or `listen`, by the service and by tests alike.
 * Keys are checked before a body is read: nobody unknown makes the service parse 16 MiB.
 */
export function configureHttp(app: NestFastifyApplication): void {
  const authentication = app.get(Authentication, { strict: false });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request) => {
      const { url, config } = request.routeOptions;
      if (request.is404 || !url?.startsWith('/v1/') || config.public === true) return;
      request.caller = await authentication.callerOf(request);
    });
  serveDocuments(app);
}
