import { CommandFailure } from './failure.ts'
import { reach } from './reach.ts'
import { placeOf, signedIn } from './sign-in.ts'
import type { SignIn, SignInOptions } from './sign-in.ts'

/** The api said no, and why. */
export class ApiRefusal extends CommandFailure {
  /** The type of the problem, such as `token-used`; null where it is no problem document. */
  readonly problem: string | null

  constructor(message: string, problem: string | null) {
    super(message)
    this.problem = problem
  }
}

/** The api as the signed-in person. A refusal of the api becomes a sentence. */
export class ApiClient {
  readonly #signIn: SignIn
  readonly #options: SignInOptions

  /** `options`: those that led to this sign-in. */
  constructor(signIn: SignIn, options: SignInOptions) {
    this.#signIn = signIn
    this.#options = options
  }

  get address(): string {
    return this.#signIn.api
  }

  async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    const url = new URL(path, this.#signIn.api)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    return (await (await this.#fetch(url, {})).json()) as T
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const response = await this.#fetch(new URL(path, this.#signIn.api), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return (await response.json()) as T
  }

  async download(path: string): Promise<Buffer> {
    const response = await this.#fetch(new URL(path, this.#signIn.api), {})
    return Buffer.from(await response.arrayBuffer())
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${this.#signIn.access_token}`)
    const response = await reach(placeOf(this.#options), url, { ...init, headers })
    if (response.ok) return response
    throw await refusalOf(response)
  }
}

export async function apiClient(options: SignInOptions): Promise<ApiClient> {
  return new ApiClient(await signedIn(options), options)
}

async function refusalOf(response: Response): Promise<ApiRefusal> {
  try {
    const problem = (await response.json()) as { type?: string; title?: string; detail?: string }
    const sentence = [problem.title, problem.detail].filter((part) => part !== undefined).join(': ')
    return new ApiRefusal(sentence, problem.type?.split(':').at(-1) ?? null)
  } catch {
    return new ApiRefusal(`the api answered with status ${response.status}`, null)
  }
}
