/** What somebody may do to a bundle: each way gives one that is not what was given out. */
import fc from 'fast-check';

interface Bundle {
  checkpoint: string;
  consistency: unknown[];
  events: { body: string; leafIndex: number; proof: string[] }[];
  [name: string]: unknown;
}

/** A bundle with one thing done to it. */
export function tampered(text: string): fc.Arbitrary<string> {
  const no = fc.nat({ max: 1_000_000 });
  const onEvents = (change: (events: Bundle['events'], a: number, b: number) => void) =>
    fc.tuple(no, no).map(([a, b]) => {
      const bundle = JSON.parse(text) as Bundle;
      change(bundle.events, a % bundle.events.length, b % bundle.events.length);
      return `${JSON.stringify(bundle)}\n`;
    });
  const swap = (events: Bundle['events'], a: number, b: number): void => {
    const [left, right] = [events[a], events[b]];
    if (left && right) [events[a], events[b]] = [right, left];
  };
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(no, fc.nat({ max: 7 })).map(([at, bit]) => flipped(text, at, bit)) },
    fc.tuple(no, no).map(([at, many]) => cut(text, at % (text.length - 1), 1 + (many % 40))),
    fc.tuple(no, fc.constantFrom('0', ' ', 'A', '"', '{}', ',')).map(([at, what]) => {
      const place = at % (text.length - 1);
      return text.slice(0, place) + what + text.slice(place);
    }),
    onEvents((events, a) => void events.splice(a, 1)),
    onEvents((events, a, b) => void events.splice(b, 0, ...events.slice(a, a + 1))),
    onEvents(swap),
    onEvents((events, a) => void events.splice(Math.max(a, 1))),
    onEvents((events, a, b) => {
      const [left, right] = [events[a], events[b]];
      if (left && right) [left.body, right.body] = [right.body, left.body];
    }),
    onEvents((events, a) => {
      const event = events[a];
      if (event) event.body = event.body.replace(/"outcome":"\w+"|"seq":\d+|"status":"\w+"/, '"outcome":"erased"');
    }),
    onEvents((events, a, b) => {
      const event = events[a];
      if (event) event.leafIndex += b + 1;
    }),
  );
}

function flipped(text: string, at: number, bit: number): string {
  const bytes = Buffer.from(text);
  // The line's end after the bundle may be there or not.
  const place = at % (bytes.length - 1);
  bytes[place] = (bytes[place] ?? 0) ^ (1 << bit);
  return bytes.toString();
}

function cut(text: string, from: number, length: number): string {
  return text.slice(0, from) + text.slice(Math.min(from + length, text.length - 1));
}
