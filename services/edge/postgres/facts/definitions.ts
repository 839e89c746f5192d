import type { Mentions } from './mentions.ts'
import { namesOf, qualifiedName } from './names.ts'
import type { Message } from './options.ts'

/** Notes functions, operators, types and relations that get a name, or another one, and relations that show something else from here on. */
export function noteDefinition(mentions: Mentions, type: string, body: Message): void {
  switch (type) {
    case 'CreateFunctionStmt': {
      const name = namesOf(body['funcname'])
      if (name !== null) mentions.defined.push(name)
      return
    }
    case 'RenameStmt': {
      const kind = String(body['renameType'])
      if (kind === 'OBJECT_SCHEMA') mentions.movesSchemas = true
      else if (relations.has(kind)) mentions.renamed.add(qualifiedName([String(body['newname'])]))
      else mentions.defined.push([String(body['newname'])])
      return
    }
    case 'AlterObjectSchemaStmt': {
      const name = nameOfObject(body['object'])?.at(-1)
      if (name !== undefined) mentions.defined.push([String(body['newschema']), name])
      addRelation(mentions.renamed, body['relation'])
      return
    }
    case 'ViewStmt':
      addRelation(mentions.views, body['view'])
      return
    case 'RuleStmt':
      addRelation(mentions.views, body['relation'])
      return
  }
}

/** What has no code that could be called by its name. */
const relations: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_DATABASE',
  'OBJECT_ROLE',
])

function addRelation(names: Set<string>, range: unknown): void {
  const { relname } = (range ?? {}) as Message
  if (typeof relname === 'string') names.add(qualifiedName([relname]))
}

/** Of a function, an operator or a type. */
function nameOfObject(object: unknown): readonly string[] | null {
  const { ObjectWithArgs, TypeName, List } = (object ?? {}) as Record<string, Message | undefined>
  return namesOf(ObjectWithArgs?.['objname'] ?? TypeName?.['names'] ?? List?.['items'])
}
