/** What `affidavit init` writes to start from. */

export const configTemplate = `# What affidavit protects, and where it keeps what it records. Paths start at this file.
version: 1
tenant: example
data: ./data

api:
  port: 21400

# An OpenID Connect issuer. People sign in there; agents get their tokens there.
identity:
  issuer: https://issuer.example.com
  # Agents, not people: subjects of tokens, or what a claim of theirs says, as { claim: groups, is: bots }.
  agents: []
  # Who may do what here, by the issuer's groups. Nobody may be both approver and policy_author, nor auditor and one of the others
  # but analyst.
  roles:
    operator: [platform]
    analyst: [security]
    approver: [approvers]
    policy_author: [policy]
    auditor: [auditors]
  console:
    client_id: affidavit-console
    client_secret_file: ./secrets/console.secret
  cli:
    client_id: affidavit-cli

# The first parts of every log's name. They cannot change later.
ledger:
  operator: ledger.example.com
  environment: prod

policy: ./policy.yaml

targets:
  - name: shop
    kind: postgres
    # The protected server, and the role that the edge uses there. Clients never see either.
    address: 127.0.0.1:5432
    database: shop
    user: affidavit_edge
    password_file: ./secrets/shop.password
    tls:
      mode: verify-full
      ca_file: ./secrets/shop-ca.pem
    # Where clients connect instead.
    port: 21402
    # strict: each request is on disk before it reaches the target. batched: a loss of power
    # may cost the last 20 ms, the end of the process nothing.
    durability: batched
    # What happens to requests that cannot be recorded.
    on_audit_failure: refuse

reports:
  - control: au-2
    schedule: '0 6 1 * *'
    period: month
    # Organization-defined parameters; a report says which are missing.
    parameters: {}
`

export const policyTemplate = `# Who may do what. A statement runs when one allow rule covers all of it and no block rule touches it.
version: 1
rules:
  - id: people-read
    description: Signed-in people may read and use transactions.
    targets: ['*']
    actors:
      kinds: [human]
    statements: [read, transaction]
    relations:
      read: ['*']
    outcome: allow
`
