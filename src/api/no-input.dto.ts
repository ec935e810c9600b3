/** For routes that take no query parameters: any is refused. */
export class NoQuery {}

/** A body that may be missing: whatever it can hold may be left out. */
export class OptionalBody {}

/** For routes that need no body: it may be missing or `{}`, and nothing else. */
export class NoBody extends OptionalBody {}
