/** Where a planted value shows: in clear, or in one of the forms in which a careless copy would keep it. */
export function traces(token: string, texts: Readonly<Record<string, string>>): string[] {
  const bytes = Buffer.from(token);
  const forms: Record<string, string> = {
    clear: token,
    upper: token.toUpperCase(),
    hex: bytes.toString('hex'),
    url: encodeURIComponent(token),
    // Three, for the three places that it can have in a group of four; the ends depend on the neighbours.
    ...Object.fromEntries(
      [0, 1, 2].map((shift) => {
        const base64 = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
        return [`base64 ${shift}`, base64.slice(4, -4)];
      }),
    ),
  };
  return Object.entries(texts).flatMap(([place, text]) =>
    Object.entries(forms).flatMap(([form, value]) => (text.includes(value) ? [`${place}: ${form}`] : [])),
  );
}
