import type { StatementKind } from '../../guard/facts.ts'
import type { FactCollector } from './fact-collector.ts'
import { relationOfObject } from './named-objects.ts'
import type { NamedStatements } from './named-statements.ts'
import { literalOf } from './names.ts'
import { asList, hasOption } from './options.ts'
import type { Message } from './options.ts'
import { plainKinds } from './statement-kinds.ts'

/** The kind that a node's type says; none for one whose meaning is not known here. */
export function noteKind(
  found: FactCollector,
  type: string,
  kind: StatementKind | undefined = plainKinds.get(type),
): void {
  if (kind !== undefined) return found.kind(kind)
  if (laterKinds.has(type)) return
  found.kind('other')
  found.unknown(`the meaning of ${type}`)
}

/** What some statements say beside the relations and statements in them. */
export function noteParticulars(
  found: FactCollector,
  names: NamedStatements,
  type: string,
  body: Message,
): void {
  switch (type) {
    case 'ExplainStmt':
      if (body['options'] !== undefined) found.looksAtLiterals = true
      if (hasOption(body['options'], 'analyze')) found.flag('explain_analyze')
      return
    case 'DoStmt':
      return found.unknown('the code of DO')
    case 'LoadStmt':
    case 'AlterSystemStmt':
    // What is a member of an extension counts as the server's own code.
    case 'AlterExtensionContentsStmt':
      return found.flag('server_code')
    case 'VacuumStmt':
      return found.kind(body['is_vacuumcmd'] === true ? 'vacuum' : 'analyze')
    case 'GrantStmt':
      if (body['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA') {
        for (const schema of asList(body['objects'])) found.writeAll(literalOf(schema))
      }
      return found.kind(body['is_grant'] === true ? 'grant' : 'revoke')
    case 'GrantRoleStmt':
      return found.kind(body['is_grant'] === true ? 'grant' : 'revoke')
    case 'AlterDefaultPrivilegesStmt':
      return found.kind('grant')
    case 'CreatePublicationStmt':
      return notePublished(found, body)
    case 'DropStmt':
      return noteDropped(found, body)
    case 'CommentStmt':
    case 'SecLabelStmt': {
      const relation = relationOfObject(String(body['objtype']), body['object'])
      if (relation !== null) found.write(relation)
      return
    }
    case 'ClosePortalStmt':
      return names.close(body['portalname'])
    case 'DeallocateStmt':
      return names.deallocate(body['name'])
    case 'DiscardStmt':
      if (body['target'] === 'DISCARD_ALL') names.discard()
      return
  }
}

/** Such as DROP OWNED, ALTER TYPE or VACUUM of everything, where no relation is named: a rule for some must not cover it. */
export function changesUnnamed(type: string): boolean {
  const kind = plainKinds.get(type)
  return unnaming.has(type) || (kind !== undefined && changing.has(kind))
}

/** Of all tables, or of all that are and will be in a schema; others it names. */
function notePublished(found: FactCollector, body: Message): void {
  if (body['for_all_tables'] === true) found.writeAll(null)
  for (const object of asList(body['pubobjects'])) {
    const { PublicationObjSpec } = object as Record<string, Message | undefined>
    const { pubobjtype, name } = PublicationObjSpec ?? {}
    if (pubobjtype === 'PUBLICATIONOBJ_TABLE') continue
    found.writeAll(typeof name === 'string' ? name : null)
  }
}

function noteDropped(found: FactCollector, body: Message): void {
  const type = String(body['removeType'])
  for (const object of asList(body['objects'])) {
    const relation = relationOfObject(type, object)
    if (relation !== null) found.write(relation)
    else found.writeAll(type === 'OBJECT_SCHEMA' ? literalOf(object) : null)
  }
}

/** Statements whose kind depends on what is in them. */
const laterKinds: ReadonlySet<string> = new Set([
  'VacuumStmt',
  'GrantStmt',
  'GrantRoleStmt',
  'AlterDefaultPrivilegesStmt',
])

/**
 * Besides: what a subscription's publisher says, an imported schema's server or a database's template decides what is written; a
 * tablespace is a place on the host.
 */
const unnaming: ReadonlySet<string> = new Set([
  'VacuumStmt',
  'CreateSubscriptionStmt',
  'ImportForeignSchemaStmt',
  'CreatedbStmt',
  'CreateTableSpaceStmt',
])

/** Kinds that change what is there already. */
const changing: ReadonlySet<string> = new Set(['alter', 'drop', 'reassign', 'reindex', 'cluster'])
