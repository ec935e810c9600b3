/** Preloaded into the built service: its dispatcher hears neither the bell nor the tick, and nobody is told. */
import 'reflect-metadata';
import { Dispatcher } from '../../dist/queue/dispatcher.js';

Dispatcher.prototype.wake = () => undefined;
