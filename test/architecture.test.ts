import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { OUTCOMES, PROVEN, TRANSITIONS } from '../src/core/item.js';
import { breaches, isMember, projectFiles, read, ROOT, sourceFiles } from './support/source-tree.js';

const LINES_MAX = 250;
/** One file so that a stranger can take it away and read it from top to bottom. */
const VERIFIER = 'src/verify.ts';
const VERIFIER_LINES_MAX = 500;
const BANNED_NAMES = new Set([
  'index',
  'utils',
  'util',
  'common',
  'shared',
  'helpers',
  'helper',
  'types',
  'base',
  'misc',
]);
/** Where the time enters; everybody else is given it. */
const CLOCKS = ['src/main.ts', 'src/cli.ts', 'src/systems/http.ts', 'src/sandbox/', 'src/api/', 'src/queue/'];

function readsClock(node: ts.Node): boolean {
  if (isMember(node, 'Date', 'now')) return true;
  const isBare = ts.isNewExpression(node) && (node.arguments === undefined || node.arguments.length === 0);
  return isBare && ts.isIdentifier(node.expression) && node.expression.text === 'Date';
}

/** The quoted words of an SQL list. */
function words(list: string | undefined): string[] {
  return [...(list ?? '').matchAll(/'([a-z_]+)'/g)].map(([, word]) => word ?? '').toSorted();
}

describe('source files', () => {
  it(`hold a whole thought in at most ${LINES_MAX} lines`, () => {
    const long = sourceFiles('src', 'test', 'bench').filter(
      (name) => read(name).trimEnd().split('\n').length > (name === VERIFIER ? VERIFIER_LINES_MAX : LINES_MAX),
    );
    expect(long).toEqual([]);
  });

  it('are named for what they are about', () => {
    const vague = projectFiles().filter(
      (name) =>
        /^(src|test|bench)\//.test(name) && name.split('/').some((part) => BANNED_NAMES.has(part.split('.')[0] ?? '')),
    );
    expect(vague).toEqual([]);
  });

  it('never say any', () => {
    const loose = sourceFiles('src', 'test', 'bench').flatMap((name) =>
      breaches(name, (node) => node.kind === ts.SyntaxKind.AnyKeyword),
    );
    expect(loose).toEqual([]);
  });

  it('read the environment in config.ts alone', () => {
    const reads = sourceFiles('src')
      .filter((name) => name !== 'src/config.ts')
      .flatMap((name) => breaches(name, (node) => isMember(node, 'process', 'env')));
    expect(reads).toEqual([]);
  });

  it('are given the time, but at the entrances', () => {
    const reads = sourceFiles('src')
      .filter((name) => !CLOCKS.some((clock) => name === clock || (clock.endsWith('/') && name.startsWith(clock))))
      .flatMap((name) => breaches(name, readsClock));
    expect(reads).toEqual([]);
  });

  it('of core hold neither chance nor timers', () => {
    const impure = sourceFiles('src/core').flatMap((name) =>
      breaches(
        name,
        (node) =>
          isMember(node, 'Math', 'random') ||
          isMember(node, 'performance', 'now') ||
          (ts.isIdentifier(node) &&
            /^(random(UUID|Bytes|Int)|getRandomValues|setTimeout|setInterval|setImmediate|fetch)$/.test(node.text)),
      ),
    );
    expect(impure).toEqual([]);
  });
});

describe('the database', () => {
  const sql = projectFiles()
    .filter((name) => /^prisma\/migrations\/.*\.sql$/.test(name))
    .map(read)
    .join('\n');

  it('knows exactly the outcomes of the state machine', () => {
    const outcomes = /\boutcome\s+text\b[^;]*?\bcheck\s*\(\s*outcome\s+in\s*\(([^)]*)\)/i.exec(sql)?.[1];
    expect(words(outcomes)).toEqual(OUTCOMES.toSorted());
    expect(Object.keys(TRANSITIONS).toSorted()).toEqual(OUTCOMES.toSorted());
  });

  it('lets no final outcome go', () => {
    const final = Object.entries(TRANSITIONS).flatMap(([from, to]) => (Object.keys(to).length === 0 ? [from] : []));
    expect(words(/\bold\.outcome\s+in\s*\(([^)]*)\)/i.exec(sql)?.[1])).toEqual(final.toSorted());
  });

  it('wants a proof for every outcome that says gone', () => {
    const proven = /constraint proven_by_an_attempt check \(outcome not in \(([^)]*)\)/i.exec(sql)?.[1];
    expect(words(proven)).toEqual(PROVEN.toSorted());
  });
});

describe('systems', () => {
  it('are all registered, and all under the contract suite', () => {
    const definitions = sourceFiles('src/systems').flatMap((name) =>
      [...read(name).matchAll(/^export const (\w+)[^=]*= defineSystem\(/gm)].map(([, system]) => system ?? ''),
    );
    expect(definitions).not.toEqual([]);
    const list = /\bSYSTEMS\b[^=]*=\s*\[([^\]]*)\]/.exec(read('src/systems/registry.ts'))?.[1] ?? '';
    expect([...list.matchAll(/\w+/g)].map(([system]) => system).toSorted()).toEqual(definitions.toSorted());
    expect(read('test/systems/contract.test.ts')).toMatch(/\bof SYSTEMS\b|\.each\(SYSTEMS\b/);
  });
});

describe('the project', () => {
  it('names no machine and no private registry', () => {
    const traces = projectFiles().flatMap((name) => {
      const text = read(name);
      const isTrace =
        /(?:^|[\s"'`=(:])\/(?:work|root|home|Users)\/|"resolved":\s*"http|^\s*(?:@\w+:)?registry\s*=/m.test(text);
      return isTrace ? [name] : [];
    });
    expect(traces).toEqual([]);
  });

  it('links to nothing that is not there', () => {
    const dead = projectFiles()
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) =>
        [...read(name).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
          .map(([, link]) => link ?? '')
          .filter((link) => !existsSync(join(ROOT, dirname(name), link)))
          .map((link) => `${name}: ${link}`),
      );
    expect(existsSync(join(ROOT, 'README.md'))).toBe(true);
    expect(dead).toEqual([]);
  });

  it('keeps the commands that its README names', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read('README.md').matchAll(/npm run ([a-z:-]+)/g)].map(([, script]) => script ?? '');
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});
