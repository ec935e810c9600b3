/** Mulberry32: the numbers of a seed, from 0 to 1. */
export class Dice {
  constructor(private state: number) {}

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  one<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new Error('an empty list has no element');
    return found;
  }
  some<T>(list: readonly T[], most: number): T[] {
    const wanted = Math.min(list.length, 1 + this.below(most));
    const found = new Set<T>();
    while (found.size < wanted) found.add(this.one(list));
    return [...found];
  }
}
