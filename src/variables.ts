/** The forms of environment variables: each reads one by its name, and says in one line what is wrong with it. */

/** The variables as Node gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable is wrong or missing. The message is one line that names it. */
export class ConfigError extends Error {
  constructor(
    readonly variable: string,
    problem: string,
  ) {
    super(`${variable} ${problem}`);
    this.name = 'ConfigError';
  }
}

/** A URL of one of these protocols (`https:`), or null where the variable is not set. */
export function parsedUrl(env: Environment, variable: string, protocols: readonly string[]): URL | null {
  const value = text(env, variable);
  if (value === null) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !protocols.includes(url.protocol)) {
    throw new ConfigError(
      variable,
      `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    );
  }
  return url;
}

/** What `decode` makes of the text, or null where the variable is not set; `problem` says what it must be. */
export function decoded<Value>(
  env: Environment,
  variable: string,
  decode: (text: string) => Value | null,
  problem: string,
): Value | null {
  const value = text(env, variable);
  if (value === null) return null;
  const result = decode(value);
  if (result === null) throw new ConfigError(variable, problem);
  return result;
}

/** A whole number from `min` to `max`, or null where the variable is not set. */
export function integer(env: Environment, variable: string, min: number, max: number): number | null {
  const value = text(env, variable);
  if (value === null) return null;
  const number = /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw new ConfigError(variable, `must be an integer from ${min} to ${max}`);
  return number;
}

/** One of a few words. */
export function oneOf<Choice extends string>(
  env: Environment,
  variable: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const value = text(env, variable);
  if (value === null) return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new ConfigError(variable, `must be one of ${choices.join(', ')}`);
  return choice;
}

/** The text, or null where the variable is not set or empty. */
export function text(env: Environment, variable: string): string | null {
  const value = env[variable];
  return value === undefined || value === '' ? null : value;
}
