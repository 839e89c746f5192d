/** Every page of the demo's issuer. What comes from outside is escaped here; `form` is HTML of ours. */
export function signInPage(
  client: string,
  action: string,
  username: string,
  failed: boolean,
): string {
  return page(
    'Sign in',
    `<p>to continue to <strong>${escapeHtml(client)}</strong></p>
    ${failed ? '<p class="failed" role="alert">That name and password do not belong together.</p>' : ''}
    <form method="post" action="${escapeHtml(action)}">
      <label for="username">Name</label>
      <input id="username" name="username" value="${escapeHtml(username)}" autocomplete="username" required${username === '' ? ' autofocus' : ''}>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required${username === '' ? '' : ' autofocus'}>
      <button name="step" value="login">Sign in</button>
    </form>
    <p class="hint">The demo printed the names and passwords when it started.</p>`,
  )
}

export function consentPage(client: string, person: string, action: string): string {
  const name = escapeHtml(client)
  return page(
    `Let an agent act for you?`,
    `<p><strong>${name}</strong> asks for a token with which an agent may act on behalf of you, <strong>${escapeHtml(person)}</strong>.
    Whatever the agent then does is recorded with its name and yours.</p>
    <form method="post" action="${escapeHtml(action)}">
      <button name="step" value="consent">Allow</button>
      <button name="step" value="abort" class="plain" formnovalidate>Refuse</button>
    </form>`,
  )
}

export function deviceCodePage(form: string, failed: boolean): string {
  return page(
    'Connect a device',
    `<p>Enter the code that the command shows you.</p>
    ${failed ? '<p class="failed" role="alert">That code is not known, or is no longer good.</p>' : ''}
    ${form}<button type="submit" form="op.deviceInputForm">Continue</button>`,
  )
}

export function deviceConfirmPage(form: string, client: string, code: string): string {
  return page(
    'Is this your code?',
    `<p><strong>${escapeHtml(client)}</strong> should show <code>${escapeHtml(code)}</code>.</p>
    ${form}<button type="submit" form="op.deviceConfirmForm">Yes, continue</button>
    <button type="submit" form="op.deviceConfirmForm" name="abort" value="yes" class="plain">No</button>`,
  )
}

export function messagePage(title: string, text: string): string {
  return page(title, `<p>${escapeHtml(text)}</p>`)
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Affidavit demo</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f3f5f8, #14181f) }
  main { box-sizing: border-box; width: min(24rem, 100vw - 2rem); padding: 2rem; border-radius: .75rem;
    background: light-dark(#fff, #1e242e); color: light-dark(#1c2430, #e6eaf0); box-shadow: 0 1px 4px #0003 }
  h1 { font-size: 1.35rem; margin: 0 0 .5rem } p { margin: 0 0 1rem }
  label { display: block; font-weight: 600; font-size: .9rem }
  input:not([type=hidden]) { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .6rem .7rem; font: inherit;
    border: 1px solid light-dark(#8a94a3, #6b7685); border-radius: .4rem; background: transparent; color: inherit }
  button { width: 100%; padding: .65rem; margin-top: .25rem; font: inherit; font-weight: 600; border: 0; border-radius: .4rem;
    background: #1f5fbf; color: #fff; cursor: pointer }
  button.plain { background: transparent; color: inherit }
  .failed { color: light-dark(#a3161b, #ff8f8f) } .hint { margin: 1rem 0 0; font-size: .85rem; opacity: .8 }
  code { font-size: 1.3rem }
</style>
</head>
<body><main><h1>${title}</h1>${body}</main></body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
