/** The API document and its page. */
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { REPORT_SCHEMAS } from './report-schemas.js';
import { RESOURCE_SCHEMAS } from './resource-schemas.js';

const DOCS = '/docs';

/** Swagger UI styles itself inline and carries its icons as data; its scripts are files of ours. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves `/openapi.json` and `/docs`, without a key and without a byte from elsewhere. */
export function serveDocuments(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      const path = (request.raw.url ?? '').replace(/\?.*$/s, '');
      if (path === DOCS || path.startsWith(`${DOCS}/`)) reply.header('content-security-policy', DOCS_POLICY);
      done();
    });
  SwaggerModule.setup(DOCS, app, () => buildDocument(app), {
    raw: ['json'],
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Expunge API',
  });
}

/** The API as an OpenAPI 3.1 document. */
function buildDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Expunge')
    .setDescription('GDPR erasure: one request in, every ID erased and proved.')
    .setVersion('1')
    .addSecurity('key', { type: 'http', scheme: 'bearer', description: 'An API key.' })
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components ??= {};
  document.components.schemas ??= {};
  // So far these are bodies that the service takes: unknown fields are refused.
  for (const schema of Object.values(document.components.schemas))
    Object.assign(schema, { additionalProperties: false });
  Object.assign(document.components.schemas, structuredClone({ ...RESOURCE_SCHEMAS, ...REPORT_SCHEMAS }));
  return document;
}
