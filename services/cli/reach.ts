import { CommandFailure } from './failure.ts'

/** Where a command looks for affidavit, and why there. */
export interface ApiPlace {
  readonly url: string
  /** `guess`: nobody said where, and nobody has signed in who would have. */
  readonly foundBy: 'option' | 'sign-in' | 'guess'
  /** The sign-in file. */
  readonly file: string
}

/** `fetch` at the api. Throws a `CommandFailure` that says where it was looked for, why there and what to do, when nothing answers. */
export async function reach(place: ApiPlace, url: URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new CommandFailure(noAnswer(place), 1, { cause })
  }
}

function noAnswer({ url, foundBy, file }: ApiPlace): string {
  const question = `nothing answers at ${url}: is affidavit running there?`
  switch (foundBy) {
    case 'option':
      return `${question} Say where with --api`
    case 'sign-in':
      return `${question} The sign-in in ${file} was made there; say another place with --api`
    case 'guess':
      return `nobody has signed in here yet, so no ${file} says where affidavit runs, and nothing answers at ${url}, where it runs by default. Start it, or say where it runs with --api`
  }
}
