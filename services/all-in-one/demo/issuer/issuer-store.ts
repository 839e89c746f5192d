import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Kept {
  readonly payload: AdapterPayload
  readonly expiresAtMs: number
}

const limit = 10_000

/**
 * Sign-ins, codes and grants of the demo's issuer, in memory: a restart ends them, signed tokens stay good. Holds at most 10 000
 * things; past that, the oldest goes, and who holds it has to sign in again.
 */
export function createIssuerStore(nowMs: () => number): (model: string) => Adapter {
  const kept = new Map<string, Kept>()
  const find = (key: string): AdapterPayload | undefined => {
    const found = kept.get(key)
    if (found === undefined || found.expiresAtMs > nowMs()) return found?.payload
    kept.delete(key)
    return undefined
  }
  const findBy = (model: string, field: 'uid' | 'userCode', value: string) => {
    for (const key of kept.keys()) {
      if (!key.startsWith(`${model}:`)) continue
      const payload = find(key)
      if (payload?.[field] === value) return payload
    }
    return undefined
  }
  return (model) => ({
    async upsert(id, payload, expiresInSeconds) {
      const expiresAtMs = expiresInSeconds ? nowMs() + expiresInSeconds * 1000 : Infinity
      kept.delete(`${model}:${id}`)
      kept.set(`${model}:${id}`, { payload, expiresAtMs })
      const oldest = kept.size > limit ? kept.keys().next().value : undefined
      if (oldest !== undefined) kept.delete(oldest)
    },
    async find(id) {
      return find(`${model}:${id}`)
    },
    async findByUid(uid) {
      return findBy(model, 'uid', uid)
    },
    async findByUserCode(userCode) {
      return findBy(model, 'userCode', userCode)
    },
    async consume(id) {
      const found = kept.get(`${model}:${id}`)
      if (found !== undefined) found.payload.consumed = Math.floor(nowMs() / 1000)
    },
    async destroy(id) {
      kept.delete(`${model}:${id}`)
    },
    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of kept) if (payload.grantId === grantId) kept.delete(key)
    },
  })
}
