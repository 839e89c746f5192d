import { Text } from '@mantine/core'

import { shownText } from '../../../runtime/shown-text.ts'
import type { Approval } from '../api/shapes.ts'
import { bytes } from '../words/quantities.ts'

/** The values that a statement runs with, in their order; nothing where it has none. */
export function BoundValues({ parameters }: Pick<Approval, 'parameters'>) {
  if (parameters.length === 0) return null
  return (
    <Text size="sm">
      with{' '}
      {parameters.map(({ value, bytes: size, is_cut: isCut }, index) => (
        <Text span inherit ff="monospace" key={index} mr="sm">
          ${index + 1} = {value === null ? 'NULL' : shownText(value)}
          {isCut && ` … (the beginning of ${bytes(size)}; the rest is not recorded)`}
        </Text>
      ))}
    </Text>
  )
}
