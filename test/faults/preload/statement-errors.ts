/** Statements that fail as a busy Postgres would let them: before they did anything. */
import { Client } from 'pg';
import { Dice } from '../../truth/dice.js';

const CODES = ['40001', '40P01', '55P03'];

type Query = (this: Client, ...given: unknown[]) => unknown;

/** From SIGUSR2 on: a service that cannot even start would show nothing. */
export function failStatements({ share, seed }: { readonly share: number; readonly seed: number }): void {
  const dice = new Dice(seed);
  const real = Reflect.get(Client.prototype, 'query') as Query;
  let on = false;
  process.on('SIGUSR2', () => {
    on = true;
  });
  function query(this: Client, ...given: unknown[]): unknown {
    const [statement] = given;
    const isSubmittable = typeof statement === 'object' && statement !== null && 'submit' in statement;
    if (!on || isSubmittable || statement === 'rollback' || !dice.chance(share)) return real.apply(this, given);
    const error = Object.assign(new Error('made to fail'), { code: dice.one(CODES) });
    const done = given.at(-1);
    if (typeof done !== 'function') return Promise.reject(error);
    process.nextTick(() => {
      Reflect.apply(done, undefined, [error]);
    });
    return undefined;
  }
  Reflect.set(Client.prototype, 'query', query);
}
