import type { StatementKind } from '../../guard/facts.ts'

/** The kind of a statement whose node says it all. Those that need a look inside are in `statement-particulars.ts`. */
export const plainKinds: ReadonlyMap<string, StatementKind> = new Map<string, StatementKind>([
  ['InsertStmt', 'insert'],
  ['UpdateStmt', 'update'],
  ['DeleteStmt', 'delete'],
  ['MergeStmt', 'merge'],
  ['ExplainStmt', 'explain'],
  ['VariableShowStmt', 'show'],
  ['DeclareCursorStmt', 'declare'],
  ['FetchStmt', 'fetch'],
  ['ClosePortalStmt', 'close'],
  ['LockStmt', 'lock'],
  ['ConstraintsSetStmt', 'set_constraints'],
  ['PrepareStmt', 'prepare'],
  ['ExecuteStmt', 'execute'],
  ['DeallocateStmt', 'deallocate'],
  ['DiscardStmt', 'discard'],
  ['CallStmt', 'call'],
  ['DoStmt', 'do'],
  ['LoadStmt', 'load'],
  ['AlterSystemStmt', 'alter_system'],
  ['ListenStmt', 'listen'],
  ['UnlistenStmt', 'unlisten'],
  ['NotifyStmt', 'notify'],
  ['TruncateStmt', 'truncate'],
  ['CommentStmt', 'comment'],
  ['SecLabelStmt', 'comment'],
  ['RefreshMatViewStmt', 'refresh'],
  ['ReindexStmt', 'reindex'],
  ['ClusterStmt', 'cluster'],
  ['CheckPointStmt', 'checkpoint'],
  ['CreateFunctionStmt', 'create_function'],
  ['CreateTrigStmt', 'create_trigger'],
  ['CreateEventTrigStmt', 'create_trigger'],
  ['RuleStmt', 'create_rule'],
  ['CreateExtensionStmt', 'create_extension'],
  ['CreatePLangStmt', 'create_extension'],
  ['CreateRoleStmt', 'create_role'],
  ['AlterRoleStmt', 'alter_role'],
  ['AlterRoleSetStmt', 'alter_role'],
  ['DropRoleStmt', 'drop_role'],
  ['ReassignOwnedStmt', 'reassign'],
  ...kindsOf(
    'create',
    `CreateStmt CreateTableAsStmt CreateSchemaStmt CreateSeqStmt CreateTableSpaceStmt CreateFdwStmt CreateForeignServerStmt
     CreateForeignTableStmt CreateUserMappingStmt ImportForeignSchemaStmt CreatePolicyStmt CreateAmStmt DefineStmt
     CreateDomainStmt CreateOpClassStmt CreateOpFamilyStmt IndexStmt CreateStatsStmt CompositeTypeStmt CreateEnumStmt
     CreateRangeStmt ViewStmt CreatedbStmt CreateConversionStmt CreateCastStmt CreateTransformStmt CreatePublicationStmt
     CreateSubscriptionStmt`,
  ),
  ...kindsOf(
    'alter',
    `AlterTableStmt ReplicaIdentityStmt AlterCollationStmt AlterDomainStmt AlterTableSpaceOptionsStmt AlterTableMoveAllStmt
     AlterExtensionStmt AlterExtensionContentsStmt AlterFdwStmt AlterForeignServerStmt AlterUserMappingStmt AlterPolicyStmt
     AlterEventTrigStmt AlterSeqStmt AlterOpFamilyStmt AlterStatsStmt AlterFunctionStmt RenameStmt AlterObjectDependsStmt
     AlterObjectSchemaStmt AlterOwnerStmt AlterOperatorStmt AlterTypeStmt AlterEnumStmt AlterDatabaseStmt
     AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterTSDictionaryStmt AlterTSConfigurationStmt AlterPublicationStmt
     AlterSubscriptionStmt`,
  ),
  ...kindsOf(
    'drop',
    `DropStmt DropTableSpaceStmt DropUserMappingStmt DropdbStmt DropOwnedStmt DropSubscriptionStmt`,
  ),
])

export const transactionKinds: ReadonlyMap<string, StatementKind> = new Map<string, StatementKind>([
  ['TRANS_STMT_BEGIN', 'begin'],
  ['TRANS_STMT_START', 'begin'],
  ['TRANS_STMT_COMMIT', 'commit'],
  ['TRANS_STMT_ROLLBACK', 'rollback'],
  ['TRANS_STMT_ROLLBACK_TO', 'rollback'],
  ['TRANS_STMT_SAVEPOINT', 'savepoint'],
  ['TRANS_STMT_RELEASE', 'release'],
  ['TRANS_STMT_PREPARE', 'prepare_transaction'],
  ['TRANS_STMT_COMMIT_PREPARED', 'commit_prepared'],
  ['TRANS_STMT_ROLLBACK_PREPARED', 'rollback_prepared'],
])

/**
 * Nodes below statements that the grammar of PostgreSQL 18 produces and the walk passes through. A node that is not here is
 * from a grammar this was not written for: its meaning counts as unknown.
 */
export const passiveNodes: ReadonlySet<string> = new Set(
  `Integer Float Boolean String BitString List A_Const Alias RangeVar TableFunc IntoClause Param GroupingFunc MergeSupportFunc
   NamedArgExpr BoolExpr SubLink CollateExpr CaseExpr CaseWhen RowExpr CoalesceExpr MinMaxExpr SQLValueFunction XmlExpr
   JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior NullTest BooleanTest SetToDefault CurrentOfExpr
   InferenceElem JoinExpr FromExpr TypeName ColumnRef ParamRef A_Expr TypeCast CollateClause RoleSpec FuncCall A_Star A_Indices
   A_Indirection A_ArrayExpr ResTarget MultiAssignRef SortBy WindowDef RangeSubselect RangeFunction RangeTableFunc
   RangeTableFuncCol RangeTableSample ColumnDef TableLikeClause IndexElem DefElem LockingClause XmlSerialize PartitionElem
   PartitionSpec PartitionBoundSpec PartitionRangeDatum PartitionCmd GroupingSet WithClause InferClause OnConflictClause
   CTESearchClause CTECycleClause CommonTableExpr MergeWhenClause ReturningOption ReturningClause TriggerTransition JsonOutput
   JsonArgument JsonFuncExpr JsonTablePathSpec JsonTable JsonTableColumn JsonKeyValue JsonParseExpr JsonScalarExpr
   JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg
   JsonArrayAgg AlterTableCmd ATAlterConstraint ObjectWithArgs AccessPriv Constraint CreateOpClassItem StatsElem
   FunctionParameter VacuumRelation PublicationTable PublicationObjSpec ReturnStmt`.split(/\s+/),
)

function kindsOf(kind: StatementKind, nodes: string): [string, StatementKind][] {
  return nodes.split(/\s+/).map((node) => [node, kind])
}
