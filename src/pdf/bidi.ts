/** The order of characters on a line with text that runs from right to left (Unicode Standard Annex 9). */
import loaded from 'bidi-js';
import type { Bidi } from 'bidi-js';

/** What the package says of its default export is not how a module of Node sees it. */
const factory: unknown = loaded;
const isFactory = (value: unknown): value is () => Bidi => typeof value === 'function';
if (!isFactory(factory)) throw new Error('bidi-js gives no factory');
const bidi = factory();

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** True for a text that a font sets from right to left by itself. */
export function hasRightToLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** Adjacent characters of one direction. */
export interface Stretch {
  readonly text: string;
  readonly isRightToLeft: boolean;
}

/**
 * A line, as stored, cut into stretches in the order in which they stand on the page from left to right. The text of
 * each is in the order of reading; brackets in one from right to left are already turned round.
 */
export function stretches(line: string): readonly Stretch[] {
  if (!hasRightToLeft(line)) return line === '' ? [] : [{ text: line, isRightToLeft: false }];
  const { levels } = bidi.getEmbeddingLevels(line, 'ltr');
  const found: { text: string; level: number }[] = [];
  for (let at = 0; at < line.length; at += 1) {
    const level = levels[at] ?? 0;
    const character = line.charAt(at);
    const shown = level % 2 === 1 ? (bidi.getMirroredCharacter(character) ?? character) : character;
    const last = found.at(-1);
    if (last !== undefined && last.level === level) last.text += shown;
    else found.push({ text: shown, level });
  }
  return reordered(found).map(({ text, level }) => ({ text, isRightToLeft: level % 2 === 1 }));
}

/** Rule L2, on stretches rather than characters: from the highest level down to 1, whatever is at least as high turns round. */
function reordered<S extends { readonly level: number }>(logical: readonly S[]): readonly S[] {
  let line = [...logical];
  for (let level = Math.max(...line.map((stretch) => stretch.level)); level >= 1; level -= 1) {
    const next: S[] = [];
    for (let at = 0; at < line.length;) {
      let end = at;
      while ((line[end]?.level ?? 0) >= level) end += 1;
      if (end > at) next.push(...line.slice(at, end).reverse());
      else next.push(...line.slice(at, (end = at + 1)));
      at = end;
    }
    line = next;
  }
  return line;
}
