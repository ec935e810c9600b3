/** Unicode's categories of what is no visible character: controls, formats (bidi among them), separators, unassigned. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu;

/** The text with everything that a terminal or a page would obey or hide written out as `\u{1b}`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, spelled);
}

/** A text by the numbers of its characters: `\u{1f600}`. */
export function spelled(text: string): string {
  return [...text].map((character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`).join('');
}
