/** The service as a process. */
import 'reflect-metadata';
import { pino } from 'pino';
import { readProcessConfig } from './config.js';
import { ConfigError } from './variables.js';
import type { Config } from './config.js';
import type { Log } from './erasure/workplace.js';
import { startService } from './service.js';
import { PROVIDERS } from './systems/registry.js';

let config: Config;
try {
  config = readProcessConfig(PROVIDERS);
} catch (error) {
  refuse(error);
}
const logger = pino({ level: config.logLevel });
const log: Log = {
  info: (facts, message) => logger.info(facts, message),
  warn: (facts, message) => logger.warn(facts, message),
  error: (facts, message) => logger.error(facts, message),
};

process.on('unhandledRejection', (reason) => {
  log.error(
    { error: reason instanceof Error ? reason.name : typeof reason },
    'a promise was rejected and nobody looked: stopping',
  );
  process.exit(1);
});

try {
  const service = await startService(config, log);
  if (service.madeApiKey !== null) {
    process.stderr.write(`\nAdmin API key, shown this once: ${service.madeApiKey}\n\n`);
  }
  if (config.port === 0) process.stderr.write(`Listening on ${service.url}\n`);
  const stop = (signal: string) => {
    log.info({ signal }, 'stopping');
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: error instanceof Error ? error.name : typeof error }, 'the stop did not go through');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  refuse(error);
}

/** A start that cannot be: one line on stderr. The messages of these errors are ours and hold no values. */
function refuse(error: unknown): never {
  const said = error instanceof Error ? error.message : 'the service could not start';
  process.stderr.write(`expunge: ${error instanceof ConfigError ? said : said.split('\n')[0]}\n`);
  process.exit(1);
}
