import type { LockOutChoice } from './lock-out-form.tsx'

export function theActor(name: string, label = name): LockOutChoice {
  return {
    subject: 'actor',
    name,
    label: `Lock out ${label}`,
    does: 'Its sessions, and those of whoever acts for it, end within two seconds; no new one begins until it is let in again.',
  }
}

export function theTarget(name: string): LockOutChoice {
  return {
    subject: 'target',
    name,
    label: `Close ${name}`,
    does: 'All sessions there end within two seconds, and it is closed to everybody until it is opened again.',
  }
}

export function theSession(id: string): LockOutChoice {
  return {
    subject: 'session',
    name: id,
    label: 'End this session',
    does: 'It ends within two seconds; the actor may begin a new one.',
  }
}
