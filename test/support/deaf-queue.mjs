/** Preloaded into the built service: BullMQ's workers say that they run, and fetch nothing. */
import { Worker } from 'bullmq';

Worker.prototype.run = () => new Promise(() => undefined);
