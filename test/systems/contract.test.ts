import { PROVIDERS, SYSTEMS, systemNamed } from '../../src/systems/registry.js';
import { defineSystem } from '../../src/systems/system.js';
import { describe, expect, it } from 'vitest';

import { contract } from './contract.js';

for (const system of SYSTEMS) contract(system);

describe('the registry', () => {
  it('finds every system by its name, and nothing by another', () => {
    for (const system of SYSTEMS) expect(systemNamed(system.name)).toBe(system);
    for (const name of ['', 'velt', '__proto__', 'constructor', 'toString']) expect(systemNamed(name)).toBeUndefined();
    expect(PROVIDERS.map(({ name }) => name)).toEqual(['velt', 'supermemory']);
  });

  it("takes no system whose name is not its provider's", () => {
    for (const system of SYSTEMS) {
      expect(() => defineSystem({ ...system, name: 'other.documents' })).toThrow(/provider/);
      expect(() => defineSystem({ ...system, name: 'Velt' })).toThrow(/form/);
    }
  });
});

describe('the order of deletion', () => {
  const place = (name: string, scope: Record<string, string>, kind: 'id' | 'selector', id: string | null) =>
    systemNamed(name)?.place(scope, kind, id);

  it('puts annotation IDs before selectors of comments, and both before their document', () => {
    const scope = { organizationId: 'o', documentId: 'd1' };
    const places = [
      place('velt.comments', scope, 'id', 'a1'),
      place('velt.comments', scope, 'selector', null),
      place('velt.documents', { organizationId: 'o' }, 'id', 'd1'),
    ];
    expect(places.map((each) => [each?.group, each?.scope, each?.rank, each?.within])).toEqual([
      ['d1', 'o', 0, 'everywhere'],
      ['d1', 'o', 1, 'everywhere'],
      ['d1', 'o', 2, 'everywhere'],
    ]);
    expect(places.map((each) => each?.warning)).toEqual([null, null, 'document_before_comments']);
    expect(place('velt.comments', { documentId: 'd1' }, 'id', 'a1')?.scope).toBeNull();
    expect(place('velt.documents', { organizationId: 'o' }, 'selector', null)).toBeNull();
  });

  it('puts memory IDs before container tags of the same request', () => {
    expect(place('supermemory.documents', {}, 'id', 'm1')).toMatchObject({
      group: 'request',
      rank: 0,
      within: 'request',
    });
    expect(place('supermemory.documents', {}, 'selector', 'tag')).toMatchObject({
      group: 'request',
      rank: 1,
      within: 'request',
    });
  });
});
