/** For routes that take no query parameters: any is refused. */
export class NoQuery {}

/** For routes that need no body: it may be missing or `{}`, and nothing else. */
export class NoBody {}
