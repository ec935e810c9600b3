/** An import as CSV: neighbouring lines of one subject make one request, every line names one ID, and none ever selects. */
import { readCsvLine, RECORD_BYTES_MAX } from '../core/csv-records.js';
import type { CsvEntry } from '../core/csv-records.js';
import { isWellFormed } from '../core/json.js';
import { linesOf } from '../core/lines.js';
import type { Line } from '../core/lines.js';
import { systemNamed } from '../systems/registry.js';
import { readTarget } from '../systems/target.js';
import type { ReadTarget, TargetProblem } from '../systems/target.js';
import { FileDigest } from './file-digest.js';
import type { ImportEntry } from './import-requests.js';
import type { Workplace } from './workplace.js';

/** The header line, required. */
export const IMPORT_HEADER = ['subject_ref', 'system', 'organization_id', 'document_id', 'external_id'] as const;
const SUBJECT_CHARACTERS_MAX = 256;
/** As many as one request may name: a longer run of one subject goes on in another. */
const IDS_MAX = 100_000;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The file is not an import: its first line is not the header. */
export class ImportHeaderError extends Error {}

/** One line as it was understood. */
interface ReadLine {
  readonly subjectRef: string;
  readonly target: ReadTarget;
}

/** The lines of one subject so far. */
class Group {
  private readonly targets = new Map<string, { readonly target: ReadTarget; readonly ids: string[] }>();
  private count = 0;

  constructor(
    readonly subjectRef: string,
    readonly line: number,
  ) {}

  takes(subjectRef: string): boolean {
    return subjectRef === this.subjectRef && this.count < IDS_MAX;
  }

  add(target: ReadTarget): void {
    const key = JSON.stringify([target.system, target.scope]);
    const known = this.targets.get(key) ?? { target, ids: [] };
    this.targets.set(key, known);
    known.ids.push(...target.ids);
    this.count += target.ids.length;
  }

  entry(fileDigest: string): ImportEntry {
    const targets = [...this.targets.values()].map(({ target, ids }) => ({ ...target, ids: [...new Set(ids)] }));
    const submission = { subjectRef: this.subjectRef, receivedAt: null, note: null, targets };
    return { kind: 'submission', line: this.line, submission, fileDigest };
  }
}

/**
 * Reads CSV as it arrives. Throws ImportHeaderError before anything else when the first line is not the header; what is
 * wrong with a later line is an entry of its own, and that line asks for nothing.
 */
export async function* readImportCsv(
  workplace: Pick<Workplace, 'systems'>,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ImportEntry, void, undefined> {
  const reader = new GroupReader(workplace);
  for await (const lines of linesOf(chunks, RECORD_BYTES_MAX)) {
    for (const line of lines) yield* reader.take(line);
  }
  yield* reader.end();
}

class GroupReader {
  private readonly digest = new FileDigest();
  private group: Group | null = null;
  private headed = false;
  /** The line that was last refused. */
  private told = 0;

  constructor(private readonly workplace: Pick<Workplace, 'systems'>) {}

  *take(line: Line): Generator<ImportEntry, void, undefined> {
    const entry = readCsvLine(line);
    if (!this.headed) {
      if (!isHeader(entry, line.bytes))
        throw new ImportHeaderError(`the first line must be ${IMPORT_HEADER.join(',')}`);
      this.headed = true;
      this.digest.pass(line.bytes);
      return;
    }
    const read = entry.kind === 'record' ? this.readLine(entry.cells) : problemsOf(entry);
    if (Array.isArray(read)) {
      this.digest.pass(line.bytes);
      // The further parts of a line that is too long have its number.
      if (read.length > 0 && line.number !== this.told) yield refused(line.number, read);
      this.told = line.number;
      return;
    }
    if (this.group?.takes(read.subjectRef) !== true) {
      yield* this.end();
      this.group = new Group(read.subjectRef, line.number);
    }
    this.group?.add(read.target);
    this.digest.include(line.bytes);
  }

  /** The group that stands open, as a request. */
  *end(): Generator<ImportEntry, void, undefined> {
    if (!this.headed) throw new ImportHeaderError(`the first line must be ${IMPORT_HEADER.join(',')}`);
    if (this.group === null) return;
    yield this.group.entry(this.digest.sofar());
    this.group = null;
  }

  private readLine(cells: readonly string[]): ReadLine | TargetProblem[] {
    if (cells.length !== IMPORT_HEADER.length)
      return [{ path: '', message: `must have ${IMPORT_HEADER.length} cells` }];
    const [subjectRef = '', systemName = '', organizationId = '', documentId = '', externalId = ''] = cells;
    const problems: TargetProblem[] = [];
    const wrongSubject = subjectProblem(subjectRef);
    if (wrongSubject !== null) problems.push({ path: '/subject_ref', message: wrongSubject });
    // Without an ID a target would select everything in its scope: no line of a file ever does.
    if (externalId === '') problems.push({ path: '/external_id', message: 'must not be empty' });
    const idField = systemNamed(systemName)?.target.fields.find((field) => field.holds === 'ids')?.name;
    const reading = readTarget({
      system: systemName,
      ...(organizationId === '' ? {} : { organizationId }),
      ...(documentId === '' ? {} : { documentId }),
      ...(idField === undefined || externalId === '' ? {} : { [idField]: [externalId] }),
    });
    if (!reading.ok)
      problems.push(...reading.problems.map(({ path, message }) => ({ path: columnOf(path, idField), message })));
    else if (this.workplace.systems.get(systemName)?.configured !== true) {
      problems.push({ path: '/system', message: `${systemName} has no credentials in this installation` });
    }
    if (problems.length > 0 || !reading.ok) return problems;
    // A system of which no ID can be named.
    if (reading.target.ids.length !== 1)
      return [{ path: '/external_id', message: `is nothing that ${systemName} knows` }];
    return { subjectRef, target: reading.target };
  }
}

function problemsOf(entry: Exclude<CsvEntry, { readonly kind: 'record' }>): TargetProblem[] {
  return entry.kind === 'nothing' ? [] : [{ path: '', message: entry.message }];
}

function isHeader(entry: CsvEntry, bytes: Buffer): boolean {
  if (entry.kind !== 'record') return false;
  const [first = '', ...rest] = entry.cells;
  const marked = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return [marked ? first.slice(1) : first, ...rest].join(',') === IMPORT_HEADER.join(',');
}

function subjectProblem(text: string): string | null {
  if (text === '') return 'must not be empty';
  if ([...text].length > SUBJECT_CHARACTERS_MAX) return `must have at most ${SUBJECT_CHARACTERS_MAX} characters`;
  if (text.includes('\0')) return 'must not contain the NUL character';
  return isWellFormed(text) ? null : 'must be well-formed Unicode, without lone surrogates';
}

/** Where a problem of a target stands in the line. */
function columnOf(path: string, idField: string | undefined): string {
  const [, field = ''] = path.split('/');
  if (field === idField) return '/external_id';
  return { organizationId: '/organization_id', documentId: '/document_id' }[field] ?? `/${field}`;
}

function refused(line: number, errors: readonly TargetProblem[]): ImportEntry {
  return { kind: 'refused', line, problem: { slug: 'invalid_input', detail: 'The line has errors.', errors } };
}
