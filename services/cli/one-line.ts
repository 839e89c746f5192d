/** Text of somebody else's for one line of a terminal: control characters must not reach it. */
export function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, ' ').replace(/\p{Cc}/gu, '\uFFFD')
  return flat.length > 200 ? `${flat.slice(0, 200)} …` : flat
}
