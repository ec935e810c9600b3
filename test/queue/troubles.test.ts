import { describe, expect, it } from 'vitest';
import { Troubles } from '../../src/queue/troubles.js';

class Away extends Error {
  override readonly name = 'Away';
}

describe('the trouble of a queue', () => {
  const quiet = () => undefined;

  it('is said at once, when it changes, and every half minute with how often it was not', () => {
    const said: object[] = [];
    let nowMs = 0;
    const troubles = new Troubles({ info: quiet, error: quiet, warn: (facts) => said.push(facts) }, () => nowMs);
    for (; nowMs < 60_000; nowMs += 100) troubles.tell('a', new Away());
    troubles.tell('a', new Error('another'));
    troubles.tell('b', new Away());
    expect(said).toEqual([
      { queue: 'a', error: 'Away' },
      { queue: 'a', error: 'Away', untold: 299 },
      { queue: 'a', error: 'Error', untold: 299 },
      { queue: 'b', error: 'Away' },
    ]);
  });
});
