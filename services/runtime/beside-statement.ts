/**
 * What a statement of these kinds (as events have them, joined by commas) brings that is neither in its text nor among its values, for
 * whoever is to approve it; null where that is nothing.
 */
export function besideStatement(operation: string): string | null {
  return operation.split(',').includes('copy_from') ? unseenRows : null
}

const unseenRows =
  'The rows that COPY writes come when it is run: nobody has seen them, and whatever they are, they are approved with it.'
