/** How an endpoint for notifications is made. */
import { NOTIFICATION_EVENTS } from '../core/notification.js';
import type { NotificationEvent } from '../core/notification.js';
import { URL_CHARACTERS_MAX } from '../notifications/endpoint-url.js';
import { Field, Text } from './field.js';

const EVENT_NAMES: readonly unknown[] = NOTIFICATION_EVENTS;

function eventsProblem(value: unknown): string | null {
  if (!Array.isArray(value)) return 'must be a list';
  if (value.length === 0) return 'must not be empty';
  const elements: readonly unknown[] = value;
  if (elements.every((element) => EVENT_NAMES.includes(element)) && new Set(elements).size === elements.length)
    return null;
  return `must hold only ${NOTIFICATION_EVENTS.join(', ')}, each once`;
}

export class MakeEndpointDto {
  @Text(URL_CHARACTERS_MAX)
  url!: string;

  /** All of them when left out. */
  @Field(eventsProblem, { type: String, isArray: true, enum: [...NOTIFICATION_EVENTS] }, { optional: true })
  events?: NotificationEvent[];
}
