/**
 * Verifies an evidence bundle of Expunge: no network, no database, no secret, nothing but Node. docs/evidence.md says
 * what a bundle holds; this file is the whole of the checking, to be read from top to bottom.
 *
 *     node verify.js BUNDLE [--key FILE] [--checkpoint FILE]
 */
import { createPublicKey, hash as digest, verify as isSignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What does not hold, beginning with where. */
class Wrong extends Error {}
function check(holds: boolean, where: string, what: string): asserts holds {
  if (!holds) throw new Wrong(`${where}: ${what}`);
}

/** A JSON value that knows where it stands. */
class At {
  constructor(
    readonly json: unknown,
    readonly where: string,
  ) {}
  get(name: string): At {
    const { json } = this;
    const there = typeof json === 'object' && json !== null && !Array.isArray(json) && Object.hasOwn(json, name);
    return new At(there ? Reflect.get(json, name) : null, `${this.where}, ${name}`);
  }
  names(): string[] {
    check(
      typeof this.json === 'object' && this.json !== null && !Array.isArray(this.json),
      this.where,
      'not an object',
    );
    return Object.keys(this.json);
  }
  /** Itself, with these members and no other. */
  only(names: string): this {
    check(this.names().join(' ') === names, this.where, `other members than ${names}`);
    return this;
  }
  list(): At[] {
    check(Array.isArray(this.json), this.where, 'not a list');
    return this.json.map((json: unknown, no) => new At(json, `${this.where} ${no + 1}`));
  }
  text(): string {
    check(typeof this.json === 'string', this.where, 'not a text');
    return this.json;
  }
  number(): number {
    check(typeof this.json === 'number' && Number.isSafeInteger(this.json) && this.json >= 0, this.where, 'no number');
    return this.json;
  }
  hash(): Buffer {
    return bytesOf(this.json, this.where);
  }
  hashes(): Proof {
    const path: unknown = this.json;
    check(Array.isArray(path) && path.every((each) => typeof each === 'string'), this.where, 'not a list of texts');
    return { where: this.where, path };
  }
}
/** Hashes in base64, each read when it is needed. */
interface Proof {
  readonly where: string;
  readonly path: readonly string[];
}
function bytesOf(json: unknown, where: string): Buffer {
  const bytes = Buffer.from(typeof json === 'string' ? json : '', 'base64');
  check(bytes.length === 32 && bytes.toString('base64') === json, where, 'not 32 bytes in base64');
  return bytes;
}
/** Reads JSON that is written as RFC 8785 has it: whatever reads the same in other bytes is refused. */
function read(text: string, where: string): At {
  const json = ((): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  })();
  check(json !== undefined && JSON.stringify(json) === text, where, 'not canonical JSON');
  return new At(json, where);
}

// The tree, by RFC 9162.

interface Head {
  readonly size: number;
  readonly root: Buffer;
}
const sha256 = (...parts: (string | Buffer)[]): Buffer =>
  digest('sha256', Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))), 'buffer');
const leafHash = (data: string): Buffer => digest('sha256', `\0${data}`, 'buffer');
const pair = Buffer.alloc(65, 1);
function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(pair, 1);
  right.copy(pair, 33);
  return digest('sha256', pair, 'buffer');
}
/** The last step that was computed with so much of the way left: the proofs of neighbours in the log end alike. */
const steps: { readonly hash: Buffer; readonly sibling: string; readonly isLeft: boolean; readonly above: Buffer }[] =
  [];
/** The node above `hash` and its sibling. */
function nodeAbove(hash: Buffer, sibling: string, isLeft: boolean, left: number, where: string): Buffer {
  const last = steps[left];
  const isSame = last?.sibling === sibling && last.isLeft === isLeft;
  if (isSame && (last.hash === hash || last.hash.equals(hash))) return last.above;
  const other = bytesOf(sibling, where);
  const above = isLeft ? nodeHash(other, hash) : nodeHash(hash, other);
  steps[left] = { hash, sibling, isLeft, above };
  return above;
}

/** 2.1.1 */
function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const pairs = leaves.flatMap((left, at) => {
    const right = leaves[at + 1];
    return at % 2 === 1 ? [] : [right ? nodeHash(left, right) : left];
  });
  return rootOf(pairs);
}

/** 2.1.3.2 and 2.1.4.2: walks up from node `from` of a level that ends at `last`. False where the path is too long or short. */
function walk(
  from: number,
  last: number,
  path: readonly string[],
  join: (sibling: string, isLeft: boolean, left: number) => void,
): boolean {
  let [fn, sn] = [from, last];
  for (const [no, sibling] of path.entries()) {
    if (sn === 0) return false;
    const isLeft = fn % 2 === 1 || fn === sn;
    join(sibling, isLeft, path.length - no);
    while (isLeft && fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0;
}
function isIncluded(leaf: Buffer, index: number, head: Head, { path, where }: Proof): boolean {
  let hash = leaf;
  const arrived = walk(index, head.size - 1, path, (sibling, isLeft, left) => {
    hash = nodeAbove(hash, sibling, isLeft, left, where);
  });
  return index < head.size && arrived && hash.equals(head.root);
}
function isConsistent(earlier: Head, later: Head, { path: proof, where }: Proof): boolean {
  if (earlier.size === later.size) return proof.length === 0 && earlier.root.equals(later.root);
  if (earlier.size === 0) return proof.length === 0 && earlier.root.equals(sha256());
  const isWhole = Number.isInteger(Math.log2(earlier.size));
  const [first, path] = isWhole ? [earlier.root, proof] : [bytesOf(proof[0], where), proof.slice(1)];
  if (earlier.size > later.size) return false;
  let [fn, sn, before, after] = [earlier.size - 1, later.size - 1, first, first];
  while (fn % 2 === 1) [fn, sn] = [(fn - 1) / 2, Math.floor(sn / 2)];
  const arrived = walk(fn, sn, path, (sibling, isLeft, left) => {
    if (isLeft) before = nodeAbove(before, sibling, true, left, where);
    after = nodeAbove(after, sibling, isLeft, left, where);
  });
  return arrived && before.equals(earlier.root) && after.equals(later.root);
}

// Checkpoints: C2SP tlog-checkpoint in signed-note, Ed25519.

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** Every signature of a note must be by a key that is listed, and hold. Gives the tree's head. */
function readCheckpoint(note: string, keys: string[], where: string): Head & { origin: string; signers: string[] } {
  const [, signed = '', origin = '', size = '', root, lines = ''] =
    /^((\S+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n)\n((?:— \S+ \S+\n)+)$/.exec(note) ?? [];
  check(signed !== '', where, 'not a signed checkpoint');
  const signers = lines
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, name = '', encoded = ''] = line.split(' ');
      const blob = Buffer.from(encoded, 'base64');
      const id = `${name}+${blob.subarray(0, 4).toString('hex')}+`;
      const key = keys.find((each) => each.startsWith(id));
      check(key !== undefined, where, `signed by ${id.slice(0, -1)}, which is not among the keys`);
      const raw = Buffer.from(key.slice(id.length), 'base64');
      const named = sha256(name, '\n', raw).subarray(0, 4).toString('hex');
      check(
        raw.length === 33 && raw[0] === 1 && key === `${name}+${named}+${raw.toString('base64')}`,
        where,
        'the key has not the id that it claims',
      );
      const publicKey = createPublicKey({ key: Buffer.concat([SPKI, raw.subarray(1)]), format: 'der', type: 'spki' });
      const holds = blob.toString('base64') === encoded && name === origin;
      check(
        holds && isSignature(null, Buffer.from(signed), publicKey, blob.subarray(4)),
        where,
        'the signature is wrong',
      );
      return key;
    });
  return { origin, size: Number(size), root: new At(root, where).hash(), signers };
}

// What the events tell, told again: each outcome must follow from the verdicts that are on record.

interface Item {
  readonly commitment: unknown;
  /** The selector that revealed it, or null. */
  readonly selector: unknown;
  outcome: string;
  resolved: boolean;
  /** One of its calls may have deleted it without saying so. */
  doubt: boolean;
  /** So may a call of somebody else's that named it. */
  hint: boolean;
  /** Of a selector: a pass deleted something. */
  erased: boolean;
}
/** One item in an event, with what the event says of it. */
interface Line {
  readonly id: string;
  readonly item: Item;
  readonly says: At;
  readonly answer: unknown;
  readonly selector: unknown;
  readonly before: string;
}
/** A call that changed nothing leaves a settled request settled. */
function isWithoutEffect(type: string, data: At): boolean {
  if (type !== 'call') return false;
  const results = data.get('results').list();
  return data.get('late').json === true || results.every((says) => says.get('outcome').json === null);
}
class Story {
  readonly items = new Map<string, Item>();
  /** What was committed to, by label. */
  readonly commitments = new Map<string, unknown>();
  private submitted: At | null = null;
  private cancelled = false;
  /** Of the request, while nothing of it is pending. */
  status: string | null = null;

  tell(type: string, data: At): void {
    const isFirst = this.submitted === null;
    check((type === 'received') === isFirst, data.where, 'a request begins with its being received, once');
    if (type === 'exported' || type === 'shredded' || type === 'released') return;
    if (type !== 'resolved' && !isWithoutEffect(type, data)) this.status = null;
    if (type === 'received') {
      this.submitted = data.get('items');
      for (const name of ['subject', 'note']) this.commitments.set(name, data.get(name).json);
    } else if (type === 'call' || type === 'cancelled') {
      this.cancelled ||= type === 'cancelled';
      if (type === 'call') this.commitments.set(`response/${data.get('attempt').text()}`, data.get('response').json);
      const lines = data
        .get('results')
        .list()
        .flatMap((says) => this.linesOf(says));
      // Selectors last: what their answers revealed decides what becomes of them.
      for (const line of lines.filter(({ says }) => says.get('pass').json === null)) this.follow(line, lines, data);
      for (const line of lines.filter(({ says }) => says.get('pass').json !== null)) this.follow(line, lines, data);
    } else if (type === 'retried' || type === 'reopened') {
      for (const id of data.get('items').list()) this.openItem(id).outcome = 'pending';
    } else if (type === 'rested') {
      for (const id of data.get('items').list()) {
        const item = this.items.get(id.text());
        check(item?.outcome === 'pending', id.where, 'only what was tried and is pending comes to rest');
        item.outcome = 'unconfirmed';
      }
    } else if (type === 'resolved') {
      this.openItem(data.get('item')).resolved = true;
      this.commitments.set(`resolution/${data.get('item').text()}`, data.get('reason').json);
    } else {
      check(type === 'settled', data.where, `an event of unknown type ${type}`);
      this.settle(data);
    }
  }

  private openItem(id: At): Item {
    const item = this.items.get(id.text());
    const isOpen = item !== undefined && ['failed', 'unconfirmed'].includes(item.outcome) && !item.resolved;
    check(isOpen, id.where, 'only what failed or is unconfirmed is sent again or closed by hand');
    return item;
  }

  private linesOf(says: At): Line[] {
    return says
      .get('items')
      .list()
      .map((pair) => {
        const [id, commitment] = pair.list().map((each) => each.json);
        check(typeof id === 'string' && commitment !== undefined, pair.where, 'not an item');
        const [answer, selector] = [says.get('answer').json, says.get('selector').json];
        const fresh = {
          commitment,
          selector,
          outcome: 'pending',
          resolved: false,
          doubt: false,
          hint: false,
          erased: false,
        };
        const item = this.items.get(id) ?? fresh;
        // A late answer may come when the personal values are destroyed, and nobody can commit to them again.
        const isSame =
          (commitment ?? item.commitment) === item.commitment && (selector === null || selector === item.selector);
        check(isSame, pair.where, 'not the item that went by this id before');
        this.items.set(id, item);
        this.commitments.set(`item/${id}`, item.commitment);
        return { id, item, says, answer, selector, before: item.outcome };
      });
  }

  /** Checks that what an item became is what the rules make of its call. */
  private follow(line: Line, lines: Line[], call: At): void {
    const { id, item, says, answer } = line;
    const pass = says.get('pass');
    const became = ['outcome', 'evidence', 'reason']
      .map((name) => (says.get(name).json === null ? '' : says.get(name).text()))
      .join(' ')
      .trim();
    if (became === '') {
      item.hint ||= answer === 'erased' || answer === 'unclear';
      return;
    }
    check(call.get('late').json !== true, says.where, 'a late answer changes nothing');
    const isAgain = item.selector !== null && item.outcome === 'failed' && !item.resolved;
    check(item.outcome === 'pending' || isAgain, says.where, `${id} was ${item.outcome}, which is final`);
    const revealed = lines.filter((each) => each.selector === id);
    item.doubt ||= answer === 'unclear' || call.get('effect').json === 'unknown' || pass.get('clear').json === false;
    item.erased ||= revealed.some((each) => each.answer === 'erased') || Number(pass.get('count').json) > 0;
    const may = this.mayBecome(line, revealed, call);
    check(may.includes(became), says.where, `${id} became ${became}, which does not follow: ${may.join(' or ')} does`);
    item.outcome = became.split(' ')[0] ?? '';
  }

  /** Outcome, evidence and reason of an item after a call: README, "Outcomes". */
  private mayBecome({ id, item, says, answer }: Line, revealed: Line[], call: At): string[] {
    const wait = [this.cancelled && !item.doubt && !item.erased ? 'cancelled' : 'pending', 'unconfirmed'];
    const pass = says.get('pass');
    if (pass.json !== null) {
      const isOver =
        revealed.length > 0 && revealed.every((each) => each.answer === 'refused' && each.before === 'failed');
      const isNothing =
        revealed.length === 0 && !(Number(pass.get('count').json) > 0) && pass.get('nothing').json === true;
      if (pass.get('clear').json !== true || !(isOver || isNothing)) return wait;
      if (item.erased) return ['erased provider'];
      const isElse = [...this.items.values()].some((each) => each.selector === id && each.outcome === 'erased');
      return [item.doubt ? 'erased repeat' : 'nothing_matched provider', ...(isElse ? ['erased provider'] : [])];
    }
    if (answer === 'erased') {
      const unnamed = call.get('asked').number() - call.get('named').number();
      return ['erased provider', ...(unnamed > 0 && call.get('counted').json === unnamed ? ['erased reconciled'] : [])];
    }
    if (answer === 'absent') {
      const isDoubted = item.doubt || item.hint || this.items.get(String(item.selector))?.doubt === true;
      return [...(isDoubted ? ['erased repeat'] : []), ...(item.doubt ? [] : ['already_absent provider'])];
    }
    if (answer === 'refused') return ['failed  denied', 'failed  rejected', 'failed  contract'];
    const isAlone = call.get('verdict').json === 'refused' && call.get('asked').json === 1;
    return isAlone ? ['failed  rejected'] : wait;
  }

  /** How many items stand at each outcome, and how many were closed by hand. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { outcome, resolved } of this.items.values()) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (resolved) counts.set('resolved', (counts.get('resolved') ?? 0) + 1);
    }
    return counts;
  }

  /** The request's status by its items; null while one of them is pending. */
  standing(): string | null {
    const counts = this.counts();
    const of = (name: string): number => counts.get(name) ?? 0;
    if (of('pending') > 0) return null;
    if (of('cancelled') > 0) return 'cancelled';
    return of('failed') + of('unconfirmed') > of('resolved') ? 'attention' : 'completed';
  }

  private settle(data: At): void {
    const counts = this.counts();
    for (const name of data.get('counts').names()) {
      const [said, told] = [data.get('counts').get(name).number(), counts.get(name) ?? 0];
      check(said === told, data.where, `${said} ${name} are claimed, and the events make it ${told}`);
    }
    const submitted = [...this.items].filter(([, item]) => item.selector === null);
    const leaves = submitted.map(([id, item]) => `${id} ${String(item.commitment)}`).sort();
    const isAll = leaves.length === this.submitted?.get('count').json;
    const root = rootOf(leaves.map(leafHash)).toString('base64');
    check(isAll && root === this.submitted?.get('root').json, data.where, 'not the items that were submitted');
    this.status = this.standing();
    check(this.status !== null && this.status === data.get('status').json, data.where, 'another status than follows');
  }
}

// The bundle.

interface Verified {
  readonly lines: string[];
}
/** Verifies a bundle, and throws with the first place that does not hold. `key` and `older` come from elsewhere. */
export function verifyBundle(file: string, key: string | null, older: string | null): Verified {
  const bundle = read(file.replace(/\n$/, ''), 'bundle');
  const names = 'checkpoint consistency events format publicKeys stream';
  const isShaped = [names, names.replace('events', 'disclosure events')].includes(bundle.names().join(' '));
  check(
    isShaped && bundle.get('format').json === 'expunge-evidence/1',
    'bundle',
    'not an evidence bundle of this form',
  );
  const keys = bundle
    .get('publicKeys')
    .list()
    .map((each) => each.text());
  const head = readCheckpoint(bundle.get('checkpoint').text(), keys, 'checkpoint');
  check(key === null || head.signers.includes(key), 'checkpoint', 'not signed by the key that was given');

  const earlier = bundle
    .get('consistency')
    .list()
    .map((each) => {
      const before = readCheckpoint(each.only('checkpoint proof').get('checkpoint').text(), keys, each.where);
      const proof = each.get('proof').hashes();
      check(
        before.origin === head.origin && isConsistent(before, head, proof),
        each.where,
        'not the beginning of the tree',
      );
      return before;
    });
  if (older !== null) {
    const known = readCheckpoint(older, keys, 'the older checkpoint');
    const same = [head, ...earlier].find((each) => each.size === known.size);
    check(known.origin === head.origin, 'the older checkpoint', 'of another log');
    check(known.size <= head.size, 'checkpoint', `${head.size} events, fewer than the ${known.size} of the older one`);
    check(
      same !== undefined,
      'consistency',
      `no proof from ${known.size} events on: ask for it with ?since=${known.size}`,
    );
    check(same.root.equals(known.root), 'consistency', 'the log was rewritten: another root for the same size');
  }

  const story = new Story();
  const stream = bundle.get('stream').text();
  let [prev, last, type]: [string | null, number, string] = [null, -1, ''];
  for (const [no, event] of bundle.get('events').list().entries()) {
    const [index, text] = [event.only('body leafIndex proof').get('leafIndex').number(), event.get('body').text()];
    const leaf = leafHash(text);
    const proof = event.get('proof').hashes();
    check(isIncluded(leaf, index, head, proof), event.where, 'not in the signed tree');
    const body = read(text, event.where);
    const isNext = body.get('seq').json === no + 1 && body.get('prev').json === prev && index > last;
    check(isNext && body.get('stream').json === stream, event.where, 'does not follow the event before it');
    type = body.get('type').text();
    story.tell(type, body.get('data'));
    [prev, last] = [leaf.toString('base64'), index];
  }
  const isEnd = type === 'exported' && story.status !== null && story.status === story.standing();
  check(isEnd, 'events', 'the end is missing: settled, and then exported');

  const disclosure = bundle.get('disclosure');
  const expected = [...story.commitments].filter(([, commitment]) => commitment !== null);
  if (disclosure.json !== null) {
    check(disclosure.names().length === expected.length, disclosure.where, 'not what was committed to');
    for (const [label, commitment] of expected) {
      const opening = disclosure.get(label).only('salt value');
      const value = JSON.stringify(opening.get('value').json);
      const made = sha256('expunge commitment v1\n', opening.get('salt').hash(), value).toString('base64');
      check(made === commitment, opening.where, 'not what was committed to');
    }
  }
  const ids = keys.filter((each) => head.signers.includes(each)).map((each) => each.split('+', 2).join('+'));
  return {
    lines: [
      `request      ${stream}: ${story.status}`,
      `events       ${last < 0 ? 0 : bundle.get('events').list().length}, each chained, and in the signed tree of ${head.size}`,
      `items        ${story.items.size}: ${[...story.counts()].map(([outcome, n]) => `${n} ${outcome}`).join(', ')}`,
      `values       ${disclosure.json === null ? 'not disclosed' : `${expected.length} disclosed, each as committed to`}`,
      `signed by    ${ids.join(' and ')}${key === null ? '\n             Whether to trust this key must be known from elsewhere (--key).' : ''}`,
    ],
  };
}

function main(args: string[]): void {
  const option = (name: string): string | null => {
    const at = args.indexOf(name);
    return at === -1 ? null : readFileSync(args.splice(at, 2)[1] ?? '', 'utf8');
  };
  try {
    const [key, older] = [option('--key'), option('--checkpoint')];
    check(args.length === 1, 'usage', 'npm run verify -- FILE [--key FILE] [--checkpoint FILE]');
    const { lines } = verifyBundle(readFileSync(args[0] ?? '', 'utf8'), key?.trim() ?? null, older);
    process.stdout.write(`The evidence holds.\n${lines.map((line) => `  ${line}\n`).join('')}`);
  } catch (error) {
    process.stdout.write(`THE EVIDENCE DOES NOT HOLD\n  ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
