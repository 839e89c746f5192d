/** A module of the official distribution that Maven Central has as jars. */
export interface OpenSearchModule {
  /** On Maven Central, below the group `org.opensearch.plugin`. */
  readonly artifact: string
  readonly className: string
  /** The module whose classes it sees. */
  readonly extends?: string
}

/** By the names of their directories. What is not here is not on Maven Central: index management, alerting, zstd codecs. */
export const openSearchModules: ReadonlyMap<string, OpenSearchModule> = new Map(
  Object.entries({
    'transport-netty4': {
      artifact: 'transport-netty4-client',
      className: 'transport.Netty4ModulePlugin',
    },
    'lang-painless': { artifact: 'lang-painless', className: 'painless.PainlessModulePlugin' },
    'lang-mustache': {
      artifact: 'lang-mustache-client',
      className: 'script.mustache.MustacheModulePlugin',
    },
    'lang-expression': {
      artifact: 'lang-expression',
      className: 'script.expression.ExpressionModulePlugin',
    },
    'analysis-common': {
      artifact: 'analysis-common',
      className: 'analysis.common.CommonAnalysisModulePlugin',
      extends: 'lang-painless',
    },
    'ingest-common': {
      artifact: 'ingest-common',
      className: 'ingest.common.IngestCommonModulePlugin',
      extends: 'lang-painless',
    },
    'mapper-extras': {
      artifact: 'mapper-extras-client',
      className: 'index.mapper.MapperExtrasModulePlugin',
    },
    reindex: { artifact: 'reindex-client', className: 'index.reindex.ReindexModulePlugin' },
    'parent-join': { artifact: 'parent-join-client', className: 'join.ParentJoinModulePlugin' },
    percolator: { artifact: 'percolator-client', className: 'percolator.PercolatorModulePlugin' },
    'rank-eval': {
      artifact: 'rank-eval-client',
      className: 'index.rankeval.RankEvalModulePlugin',
    },
    'aggs-matrix-stats': {
      artifact: 'aggs-matrix-stats-client',
      className: 'search.aggregations.matrix.MatrixAggregationModulePlugin',
    },
    geo: { artifact: 'geo', className: 'geo.GeoModulePlugin' },
  }),
)
