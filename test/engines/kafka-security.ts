import { randomBytes } from 'node:crypto'

import { createSelfSignedCertificate } from '../../services/runtime/self-signed-certificate.ts'

/** Who may sign in. Only the admin may do anything before it grants something. */
const userNames = ['admin', 'edge', 'ledger', 'indexer', 'forwarder', 'api', 'outsider'] as const
export type KafkaUser = (typeof userNames)[number]

/** Of a cluster that speaks SASL_SSL with SCRAM-SHA-512 and asks ACLs. */
export interface KafkaSecurity {
  /** PEM, for clients. */
  readonly ca: string
  readonly mechanism: 'scram-sha-512'
  readonly passwords: Readonly<Record<KafkaUser, string>>
  /** PEM, of the brokers: key, then certificate. */
  readonly brokerStore: string
}

const dayMs = 86_400_000

export function createKafkaSecurity(): KafkaSecurity {
  const { certificatePem, privateKeyPem } = createSelfSignedCertificate({
    commonName: 'kafka of a test',
    names: ['127.0.0.1', 'localhost'],
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  })
  return {
    ca: certificatePem,
    mechanism: 'scram-sha-512',
    passwords: Object.fromEntries(
      userNames.map((name) => [name, randomBytes(18).toString('base64url')]),
    ) as Record<KafkaUser, string>,
    brokerStore: privateKeyPem + certificatePem,
  }
}

/** What the storage is formatted with, so that the brokers themselves can sign in. */
export function scramArguments({ passwords }: KafkaSecurity): readonly string[] {
  return Object.entries(passwords).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ])
}

/** Settings of a broker. ANONYMOUS is the controllers' listener, on which nobody signs in; clients have no such listener. */
export function securityProperties(
  { passwords }: KafkaSecurity,
  files: { readonly key: string; readonly trust: string },
): Readonly<Record<string, string>> {
  return {
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
    'listener.name.client.scram-sha-512.sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="${passwords.admin}";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin;User:ANONYMOUS',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.trust,
  }
}
