/** What a reader of a PDF sees, as text. */
import { extractText, getDocumentProxy, getMeta } from 'unpdf';

export interface PdfText {
  readonly title: unknown;
  readonly pages: readonly string[];
  /** All pages in one. */
  readonly text: string;
}

export async function pdfText(bytes: Uint8Array): Promise<PdfText> {
  const document = await getDocumentProxy(new Uint8Array(bytes));
  const { text: pages } = await extractText(document);
  const { info } = await getMeta(document);
  return { title: info['Title'], pages, text: pages.join('\n') };
}
