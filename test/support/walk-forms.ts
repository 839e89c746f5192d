import { keepCookies } from '../../services/all-in-one/demo/sign-in.ts'

/** Where a walk through an issuer's pages came to its end. */
export interface Walked {
  readonly at: URL
  /** Empty where the end is a redirect that was not followed. */
  readonly page: string
}

interface Person {
  readonly username: string
  readonly password: string
}

const stepLimit = 20

/**
 * What a person does in a browser, done over HTTP at whatever issuer: follows redirects with cookies, fills in name and password and
 * says yes to the rest, by the first button of each form. Ends at a page without a form, or at a redirect to an address that begins
 * with `until`.
 */
export async function walkForms(start: URL, person: Person, until?: string): Promise<Walked> {
  const cookies = new Map<string, string>()
  let at = start
  let form: URLSearchParams | null = null
  for (let step = 0; step < stepLimit; step += 1) {
    const response = await fetch(at, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === null ? {} : { method: 'POST', body: form }),
    })
    keepCookies(cookies, response)
    const page = await response.text()
    const location = response.headers.get('location')
    if (location !== null) {
      at = new URL(location, at)
      form = null
      if (until !== undefined && at.href.startsWith(until)) return { at, page: '' }
      continue
    }
    const found = /<form\b([^>]*)>(.*?)<\/form>/is.exec(page)
    if (found === null) return { at, page }
    const [, tag = '', content = ''] = found
    at = new URL(attribute(tag, 'action') ?? at.href, at)
    form = fillIn(content, person)
  }
  throw new Error(`the pages of ${start.host} do not end; the last one is ${at.href}`)
}

function fillIn(content: string, { username, password }: Person): URLSearchParams {
  const form = new URLSearchParams()
  let isPressed = false
  for (const [tag] of content.matchAll(/<(?:input|button)\b[^>]*>/gi)) {
    if (isButton(tag)) {
      if (isPressed) continue
      isPressed = true
    }
    const name = attribute(tag, 'name')
    if (name === null || form.has(name)) continue
    if (name === 'username') form.set(name, username)
    else if (name === 'password') form.set(name, password)
    else if (attribute(tag, 'type') !== 'checkbox') form.set(name, attribute(tag, 'value') ?? '')
  }
  return form
}

function isButton(tag: string): boolean {
  const type = attribute(tag, 'type')?.toLowerCase()
  return /^<button/i.test(tag) ? type !== 'button' : type === 'submit'
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag)?.[1]
  return value === undefined ? null : value.replaceAll('&amp;', '&').replaceAll('&quot;', '"')
}
