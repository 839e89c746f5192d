/** A string, a quoted name, or a comment that holds no other. */
const quotedOrComment =
  /'(?:[^'\\]|'')*'|"(?:[^"]|"")*"|--[^\n\r]*|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//g
/** What a text has left that begins one of those in a way that is not looked through here. */
const notUnderstood = /['"\\$]|--|\/\*/

/**
 * The statements of a text of SQL, in lower case, without comments and with nothing in their quotes; null where they cannot be told
 * apart for certain. What has semicolons inside, such as the body of a function, comes in more pieces than it is statements.
 */
export function sqlPieces(text: string): readonly string[] | null {
  const bare = text.replaceAll(quotedOrComment, (found) => (/^['"]/.test(found) ? '\0' : ' '))
  if (notUnderstood.test(bare)) return null
  return bare
    .split(';')
    .map((piece) => piece.replaceAll(/\s+/g, ' ').trim().toLowerCase())
    .filter((piece) => piece !== '')
}
