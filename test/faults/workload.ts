/** What is asked for in a run, and what exists of it: seeded. Every ID stands for one thing only, whoever asks for it. */
import type { SandboxSeed } from '../../src/sandbox/seed.js';
import { Dice } from '../truth/dice.js';
import type { Asked } from './evidence.js';

const ORGANIZATION = 'org0';
/** Every fifth ID does not exist at the provider. */
const EXISTS = 0.8;
/** Now and then a request asks for what another has asked for already. */
const AGAIN = 0.08;

export interface Planned {
  readonly subject: { readonly ref: string };
  readonly targets: readonly Asked[];
}

export class Workload {
  private readonly dice: Dice;
  private ids = 0;
  private requests = 0;
  private readonly given: Record<'memory' | 'document' | 'comment', string[]> = {
    memory: [],
    document: [],
    comment: [],
  };
  /** What the requests planned since the last look add to the providers. */
  private added: SandboxSeed[] = [];

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** The next request, of about so many items. */
  next(items = 4 + this.dice.below(8)): Planned {
    this.requests += 1;
    const counts = [0, 0, 0];
    for (let no = 0; no < items; no += 1) {
      const at = this.dice.below(3);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    const [memories = 0, documents = 0, comments = 0] = counts;
    const documentId = `home-${this.requests}`;
    const targets: Asked[] = [];
    if (memories > 0) targets.push({ system: 'supermemory.documents', ids: this.some('memory', memories, documentId) });
    if (documents > 0) {
      const documentIds = this.some('document', documents, documentId);
      targets.push({ system: 'velt.documents', organizationId: ORGANIZATION, documentIds });
    }
    if (comments > 0) {
      const annotationIds = this.some('comment', comments, documentId);
      targets.push({ system: 'velt.comments', organizationId: ORGANIZATION, documentId, annotationIds });
    }
    return { subject: { ref: `subject-${this.requests}` }, targets };
  }

  /** One request of so many Supermemory IDs. */
  large(items: number): Planned {
    this.requests += 1;
    const ids = this.some('memory', items, '');
    return { subject: { ref: `subject-${this.requests}` }, targets: [{ system: 'supermemory.documents', ids }] };
  }

  /** What has to exist for the requests planned since the last call. */
  takeSeed(): readonly SandboxSeed[] {
    const { added } = this;
    this.added = [];
    return added;
  }

  private some(kind: 'memory' | 'document' | 'comment', count: number, documentId: string): string[] {
    const chosen = new Set<string>();
    const fresh: string[] = [];
    while (chosen.size < count) {
      // A comment belongs to its document, which is the request's own.
      if (kind !== 'comment' && this.given[kind].length > 0 && this.dice.chance(AGAIN)) {
        chosen.add(this.dice.one(this.given[kind]));
        continue;
      }
      this.ids += 1;
      const id = `${kind}-${this.ids}-${this.dice.below(1_000_000)}`;
      chosen.add(id);
      if (this.dice.chance(EXISTS)) fresh.push(id);
      this.given[kind].push(id);
    }
    if (fresh.length > 0) this.added.push(seedOf(kind, fresh, documentId));
    return [...chosen];
  }
}

function seedOf(kind: 'memory' | 'document' | 'comment', ids: readonly string[], documentId: string): SandboxSeed {
  switch (kind) {
    case 'memory':
      return { supermemoryDocuments: ids.map((id) => ({ id })) };
    case 'document':
      return { veltDocuments: [{ organizationId: ORGANIZATION, documentIds: [...ids] }] };
    case 'comment':
      return {
        veltAnnotations: [
          {
            organizationId: ORGANIZATION,
            documentId,
            annotations: ids.map((annotationId) => ({ annotationId, locationId: 'l0', userId: 'u0' })),
          },
        ],
      };
  }
}
