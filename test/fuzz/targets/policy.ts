import { compilePolicy, loadPolicy } from '../../../services/edge/guard/policy.ts'
import { anInput, policyText, someFacts } from '../../services/edge/guard/policy-builders.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const inputs = [
  anInput(),
  anInput({ facts: someFacts({ kinds: ['delete'], writes: ['shop.orders'], rows: 3 }) }),
  anInput({ facts: someFacts({ kinds: ['select'], unknown: ['a function'] }) }),
  anInput({
    facts: someFacts({ kinds: ['do'], reads: ['orders'] }),
    role: null,
    purpose: 'refund',
  }),
]

/** The text of a policy file: every problem with its place, or a policy that decides, whatever it is asked. */
export function createTarget(): Promise<FuzzTarget> {
  return Promise.resolve({
    maxBytes: 4_096,
    maxMs: 1_000,
    seeds: policies.map((text) => Buffer.from(text)),
    words,
    covers: ['services/edge/guard/', 'schemas/validated-document', 'node_modules/yaml/'],
    run(input) {
      const loaded = loadPolicy(input.toString('utf8'), 'policy.yaml')
      if (!loaded.ok) {
        expect(loaded.problems.length > 0, 'it is refused, and nothing is wrong with it')
        for (const { line, column, message } of loaded.problems) {
          expect(line > 0 && column > 0 && message !== '', 'a problem has a place and a message')
        }
        return (loaded.problems[0]?.message ?? '').replaceAll(/[^a-z ].*/gs, '').slice(0, 40)
      }
      const policy = compilePolicy(loaded.policy)
      const verdicts = inputs.map((one) => policy.decide(one))
      for (const { ruleIds, policyDigest, reason } of verdicts) {
        expect(ruleIds.length > 0 && reason !== '', 'a verdict names its rule and its reason')
        expect(policyDigest === policy.digest, 'a verdict names its policy')
      }
      return verdicts.map(({ outcome }) => outcome).join(' ')
    },
  })
}

const policies = [
  policyText('id: read, targets: [shop], statements: [read], outcome: allow'),
  policyText(
    "id: a, targets: ['*'], actors: { kinds: [agent], groups: [dba] }, statements: [read, write], when: rows < 5, outcome: allow",
    'id: h, statements: [delete], outcome: hold, approval: { role: owner, approvers: 2 }',
    'id: m, statements: [read], outcome: mask, mask: { classes: [pii] }, reason: it is theirs',
    'id: b, relations: { write: [shop.*], read: [public.orders] }, outcome: block',
  ),
  `version: 1
name: shop
default: block
rules:
  - id: agents-read
    targets: [shop]
    actors:
      kinds: [agent]
      subjects: [shop-agent]
    statements: [read, transaction, session]
    relations:
      read: [shop.*, pg_catalog.*]
    functions: [now]
    when: "'dba' in groups || purpose == 'refund'"
    outcome: allow
`,
]

const words = wordsOf(`
    version: 1 rules: - id: targets: actors: kinds: groups: subjects: statements: relations: read:
    write: columns: functions: when: outcome: allow block hold mask approval: role: approvers: 2
    classes: reason: flags: default: [ ] { } , : \n " ' | &a *a <<: !!str !!binary ---\n ...\n
    %YAML 1.1\n ? # \t ~ null true 0x10 1e3 .inf shop.* *.* pg_catalog.* rows > __proto__:
  `)
