/** A fourth system, as its folder would define it: notes of a provider that answers `{"gone": […], "unknown": […]}`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from '../../src/core/answer.js';
import { isJsonArray, own, readJsonObject } from '../../src/core/json.js';
import { assertIds, assertSent } from '../../src/systems/outgoing.js';
import { defineSystem } from '../../src/systems/system.js';
import type { Provider, System } from '../../src/systems/system.js';
import { isSuccess, NO_REMARKS, readForeign, readUnreachable, UNCLEAR } from '../../src/systems/whole-call.js';

const acme: Provider = {
  name: 'acme',
  title: 'Acme',
  defaultUrl: 'https://api.acme.example',
  credentials: ['ACME_API_KEY'],
  idsPerCallMax: 5,
  concurrencyDefault: 2,
};

export const acmeNotes: System = defineSystem({
  name: 'acme.notes',
  title: 'Acme notes',
  provider: acme,
  target: {
    description: 'Notes of one workspace.',
    fields: [
      { name: 'workspaceId', holds: 'string', required: true, description: 'The workspace of the notes.' },
      { name: 'noteIds', holds: 'ids', required: true, description: 'The notes to delete.' },
    ],
    atMostOneOf: [],
    exactlyOneOf: [],
  },
  place: () => null,
  discoveredScope: () => null,
  write(call, credentials) {
    assertIds(call, acme.idsPerCallMax);
    const workspace = call.scope['workspaceId'];
    if (typeof workspace !== 'string') throw new Error('a call for notes names a workspace');
    const meant = { workspace, notes: call.ids };
    const body = JSON.stringify(meant);
    assertSent(body, meant);
    const headers = { 'content-type': 'application/json', 'x-acme-key': credentials['ACME_API_KEY'] ?? '' };
    return { method: 'POST', path: '/notes/forget', headers, body };
  },
  classify(call, reply) {
    if (reply.kind === 'unreachable') return readUnreachable(reply);
    const json = readJsonObject(reply.body);
    if (!json.ok || !isSuccess(reply.status)) return readForeign(call, reply);
    const named = (field: string, id: string): boolean => {
      const list = own(json.value, field);
      return isJsonArray(list) && list.includes(id);
    };
    const words = { text: null, providerId: null };
    const answers = new Map(
      call.ids.map((id): [string, Answer] => {
        if (named('gone', id)) return [id, { ...words, said: 'erased', evidence: 'provider' }];
        return [id, named('unknown', id) ? { ...words, said: 'absent' } : UNCLEAR];
      }),
    );
    return { ...NO_REMARKS, verdict: 'answered', answers, pass: null };
  },
});

export interface Acme {
  readonly url: string;
  /** The bodies of the calls that came with this key, in order. */
  readonly calls: { workspace: string; notes: string[] }[];
  close(): Promise<void>;
}

/** The provider, on loopback. Notes whose names begin with `n` exist until they are deleted. */
export async function startAcme(key: string): Promise<Acme> {
  const calls: Acme['calls'] = [];
  const deleted = new Set<string>();
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.headers['x-acme-key'] !== key || request.url !== '/notes/forget') {
        response.writeHead(401).end('{}');
        return;
      }
      const body = JSON.parse(text) as Acme['calls'][number];
      calls.push(body);
      const gone = body.notes.filter((id) => id.startsWith('n') && !deleted.has(`${body.workspace}/${id}`));
      for (const id of gone) deleted.add(`${body.workspace}/${id}`);
      const unknown = body.notes.filter((id) => !gone.includes(id));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ gone, unknown }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
