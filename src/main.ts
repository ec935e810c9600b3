/** The service as a process. */
import 'reflect-metadata';
import { pino } from 'pino';
import { readProcessConfig } from './config.js';
import { ConfigError } from './variables.js';
import type { Config } from './config.js';
import type { Log } from './erasure/workplace.js';
import { startService } from './service.js';
import { PROVIDERS } from './systems/registry.js';

/** Beyond what running calls may take. */
const STOP_WITHIN_MS = 40_000;
/**
 * A second signal changes nothing: cut short, a call under way would have to be repeated. Only who presses Ctrl-C again
 * means it; within this time it is npm, which passes on what the terminal has sent already.
 */
const TWICE_BY_MISTAKE_MS = 1_000;

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
  let stoppingSinceMs: number | null = null;
  const stop = (exitCode: number) => {
    stoppingSinceMs = performance.now();
    // What hangs in a close must not keep a process alive that has been told to end.
    const withinMs = Math.max(STOP_WITHIN_MS, config.providerTimeoutMs + STOP_WITHIN_MS / 2);
    setTimeout(() => {
      log.error({ withinMs }, 'the stop took too long: ending as it is');
      process.exit(1);
    }, withinMs).unref();
    service.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        log.error({ error: error instanceof Error ? error.name : typeof error }, 'the stop did not go through');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stoppingSinceMs === null) {
        log.info({ signal }, 'stopping');
        stop(0);
      } else if (signal === 'SIGINT' && performance.now() - stoppingSinceMs > TWICE_BY_MISTAKE_MS) {
        process.exit(130);
      }
    });
  }
  void service.stuck.then((stuck) => {
    if (stoppingSinceMs !== null) return;
    log.error(stuck, 'due work goes nowhere: ending, to be started again');
    stop(1);
  });
} catch (error) {
  refuse(error);
}

/** A start that cannot be: one line on stderr. The messages of these errors are ours and hold no values. */
function refuse(error: unknown): never {
  const said = error instanceof Error ? error.message : 'the service could not start';
  process.stderr.write(`expunge: ${error instanceof ConfigError ? said : said.split('\n')[0]}\n`);
  process.exit(1);
}
