/** The result table: a line for each item, grouped by system and scope, as wide as the terminal and no wider. */
import { isJsonArray, own } from '../core/json.js';
import type { JsonObject } from '../core/json.js';
import { visible } from '../core/visible.js';
import { LOOKS } from './outcome-words.js';
import type { ResultItem } from './results.js';
import type { Colour, Screen } from './screen.js';
import { fit, pad, widthOf } from './visible-text.js';

const INDENT = '  ';
const GAP = '  ';

interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** It is never cut below this; a column without it is never cut. */
  readonly columnsMin?: number;
  /** Left out where not even the cut table fits, the highest first. */
  readonly dispensable?: number;
  readonly text: (item: ResultItem) => string;
  readonly colours?: (item: ResultItem) => readonly Colour[];
}

const COLUMNS: readonly Column[] = [
  {
    title: 'Outcome',
    text: ({ outcome }) => `${LOOKS[outcome].symbol} ${LOOKS[outcome].words}`,
    colours: ({ outcome }) => [LOOKS[outcome].colour],
  },
  {
    title: 'ID',
    columnsMin: 14,
    text: idInShort,
    colours: ({ externalId }) => (externalId === null ? ['dim'] : []),
  },
  { title: 'Kind', dispensable: 2, text: ({ kind }) => kind, colours: () => ['dim'] },
  { title: 'Evidence', text: why, colours: ({ outcome }) => (outcome === 'failed' ? ['red'] : []) },
  { title: 'Calls', align: 'right', text: ({ attempts }) => String(attempts) },
  {
    title: 'The provider said',
    columnsMin: 12,
    dispensable: 1,
    text: ({ providerMessage }) => visible(providerMessage ?? ''),
    colours: () => ['dim'],
  },
];

/** The table's lines, coloured as the screen allows. */
export function tableLines(items: readonly ResultItem[], screen: Pick<Screen, 'columns' | 'paint'>): string[] {
  const layout = layOut(items, screen.columns() - INDENT.length);
  const head = layout.map(({ column, width }) => pad(column.title, width, column.align)).join(GAP);
  const lines = [screen.paint(`${INDENT}${head.trimEnd()}`, 'dim')];
  let systemBefore = '';
  for (const { system, scope, items: ofScope } of groups(items)) {
    if (system !== systemBefore) lines.push('');
    systemBefore = system;
    const where = fit(scope, Math.max(screen.columns() - INDENT.length - system.length - GAP.length, 0));
    lines.push(`${INDENT}${screen.paint(system, 'bold')}${GAP}${where}`.trimEnd());
    for (const item of ofScope) lines.push(line(item, layout, screen));
  }
  return lines;
}

function line(item: ResultItem, layout: readonly LaidOut[], screen: Pick<Screen, 'paint'>): string {
  const cells = layout.map(({ column, width }, at) => {
    const cell = pad(column.text(item), width, column.align);
    return screen.paint(at === layout.length - 1 ? cell.trimEnd() : cell, ...(column.colours?.(item) ?? []));
  });
  return `${INDENT}${cells.join(GAP)}`.trimEnd();
}

interface LaidOut {
  readonly column: Column;
  readonly width: number;
}

/** Widths that fit into `columns`: the widest that may be cut is cut first, then what can be spared is left out. */
function layOut(items: readonly ResultItem[], columns: number): LaidOut[] {
  let laidOut = COLUMNS.map((column) => {
    const width = Math.max(widthOf(column.title), ...items.map((item) => widthOf(column.text(item))));
    return { column, width, widthMin: Math.min(column.columnsMin ?? width, width) };
  });
  const total = (width: 'width' | 'widthMin') =>
    laidOut.reduce((sum, entry) => sum + entry[width], GAP.length * (laidOut.length - 1));
  for (let spared = 1; total('widthMin') > columns && spared <= COLUMNS.length; spared += 1) {
    laidOut = laidOut.filter(({ column }) => column.dispensable !== spared);
  }
  while (total('width') > columns) {
    const cuttable = laidOut.filter(({ width, widthMin }) => width > widthMin);
    const widest = cuttable.reduce((a, b) => (b.width > a.width ? b : a), cuttable[0] ?? { width: 0 });
    if (cuttable.length === 0) break;
    laidOut = laidOut.map((entry) => (entry === widest ? { ...entry, width: entry.width - 1 } : entry));
  }
  return laidOut.map(({ column, width }) => ({ column, width }));
}

/** `acme / doc-1 / at sheet-q3 / by user_42`; a Velt document that has no organization says so; empty for no scope. */
export function scopeInShort(scope: JsonObject): string {
  const organization = own(scope, 'organizationId');
  const document = own(scope, 'documentId');
  const parts: string[] = [];
  if (typeof organization === 'string') parts.push(visible(organization));
  if (typeof document === 'string') parts.push(...(parts.length === 0 ? ['(no organization)'] : []), visible(document));
  for (const [field, word] of [
    ['locationIds', 'at'],
    ['userIds', 'by'],
  ] as const) {
    const list = own(scope, field);
    if (!isJsonArray(list)) continue;
    parts.push(`${word} ${list.map((entry) => (typeof entry === 'string' ? visible(entry) : '')).join(', ')}`);
  }
  return parts.join(' / ');
}

/** What a selector revealed hangs below it. */
function idInShort({ kind, externalId, scope }: ResultItem): string {
  if (externalId !== null) return `${kind === 'discovered' ? '└ ' : ''}${visible(externalId)}`;
  const isFiltered = ['locationIds', 'userIds'].some((field) => own(scope, field) !== undefined);
  return isFiltered ? 'all that match' : 'all of the document';
}

/** Why the outcome is what it is: the kind of evidence or of refusal, and what a selector matched. */
function why({ evidence, reason, matched }: ResultItem): string {
  const word = evidence ?? reason ?? '';
  return matched === null ? word : `${word}, ${matched} found`;
}

interface Group {
  readonly system: string;
  readonly scope: string;
  readonly items: ResultItem[];
}

/** Items of one system and scope together, first come first, each selector with what it revealed. */
function groups(items: readonly ResultItem[]): Group[] {
  const found = new Map<string, Group>();
  for (const item of items) {
    if (item.kind === 'discovered') continue;
    const { system } = item;
    const scope = scopeInShort(item.scope);
    const key = JSON.stringify([system, item.scope]);
    const group = found.get(key) ?? { system, scope, items: [] };
    group.items.push(item, ...items.filter(({ selectorId }) => selectorId === item.id));
    found.set(key, group);
  }
  const systems = [...new Set(items.map(({ system }) => system))];
  return systems.flatMap((system) => [...found.values()].filter((group) => group.system === system));
}
