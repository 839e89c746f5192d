import type { ASTNode } from '@marcbachmann/cel-js'

/** Every node of an expression as it was written, the outer before the inner. */
export function* celNodes(node: ASTNode): Generator<ASTNode> {
  yield node
  for (const child of celChildren(node)) yield* celNodes(child)
}

export function celChildren(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return []
    case '.':
    case '.?':
      return [node.args[0]]
    case 'call':
      return node.args[1]
    case 'rcall':
      return [node.args[1], ...node.args[2]]
    case 'list':
      return node.args
    case 'map':
      return node.args.flat()
    case '!_':
    case '-_':
      return [node.args]
    case '?:':
    case '&&':
    case '||':
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '[]':
    case '[?]':
      return node.args
  }
}
