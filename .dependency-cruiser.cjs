// Who may import whom. The reasons stand in ARCHITECTURE.md.
const service = '^services/(edge|ledger|indexer|forwarder|reporter|api|console)/'
// What a service offers to the others; everything else of it is its own business.
const published = [
  '^services/ledger/(proof/|reader[.]ts)',
  '^services/indexer/query[.]ts',
  '^services/reporter/report[.]ts',
  '^services/edge/capture/recorder[.]ts',
  '^services/edge/guard/lockouts[.]ts',
  '^services/edge/guard/identity/',
  '^services/edge/guard/approvals/(answer-checks|approval|approval-state|hold-binding|overrides)[.]ts',
]

module.exports = {
  forbidden: [
    {
      name: 'schemas-import-nothing-of-ours',
      severity: 'error',
      from: { path: '^schemas/' },
      to: { path: '^(services|reports|test)/' },
    },
    {
      name: 'proof-imports-schemas-only',
      severity: 'error',
      from: { path: '^services/ledger/proof/' },
      to: { path: '^services/', pathNot: '^services/ledger/proof/' },
    },
    {
      name: 'runtime-imports-schemas-only',
      severity: 'error',
      from: { path: '^services/runtime/' },
      to: { path: '^services/', pathNot: '^services/runtime/' },
    },
    {
      name: 'bus-imports-runtime-and-schemas',
      severity: 'error',
      from: { path: '^services/bus/' },
      to: { path: '^services/', pathNot: '^services/(bus|runtime)/' },
    },
    {
      name: 'services-meet-on-the-bus',
      severity: 'error',
      from: { path: service },
      to: { path: service, pathNot: ['^services/$1/', ...published] },
    },
    {
      name: 'protocols-do-not-know-each-other',
      severity: 'error',
      from: { path: '^services/edge/([^/]+)/' },
      to: { path: '^services/edge/', pathNot: '^services/edge/($1|capture|guard)/' },
    },
    {
      name: 'capture-and-guard-know-no-protocol',
      severity: 'error',
      from: { path: '^services/edge/(capture|guard)/' },
      to: { path: '^services/edge/', pathNot: '^services/edge/(capture|guard)/' },
    },
    {
      name: 'reports-take-types-of-reporter',
      severity: 'error',
      from: { path: '^reports/' },
      to: { path: '^services/', pathNot: '^services/reporter/' },
    },
    {
      name: 'reports-take-types-only',
      severity: 'error',
      from: { path: '^reports/' },
      to: { path: '^services/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-only-from-main',
      severity: 'error',
      from: { path: '^services/', pathNot: ['/main[.]ts$', '^services/all-in-one/', '/adapters/'] },
      to: { path: '/adapters/' },
    },
    {
      name: 'drivers-only-in-adapters',
      severity: 'error',
      from: { path: '^services/', pathNot: ['/adapters/', '^services/all-in-one/demo/'] },
      to: { path: ['node_modules/(kafkajs|@opensearch-project|pg|ssh2)/', '^(node:)?sqlite$'] },
    },
    {
      name: 'sql-grammar-only-in-edge-postgres',
      severity: 'error',
      from: { path: '^services/', pathNot: '^services/edge/postgres/' },
      to: { path: 'node_modules/libpg-query/' },
    },
    {
      name: 'pure-core-does-no-io',
      severity: 'error',
      from: { path: ['/(proof|protocol|mapping)/', '^reports/', '^schemas/'] },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dgram|child_process|sqlite)$',
      },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-test-code-in-services',
      severity: 'error',
      from: { path: '^(services|schemas|reports)/' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^services/console/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
}
