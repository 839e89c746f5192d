import schema from './audit-event.avsc.json' with { type: 'json' }
import { contentType, schemaId } from './codec.ts'
import control from './control.schema.json' with { type: 'json' }
import { eventTypes } from './event-types.ts'

export interface AsyncApiOptions {
  readonly version: string
  readonly topics: {
    readonly auditEvents: string
    readonly ledgerSealed: string
    readonly controlUpdates: string
  }
  /** The names of the headers that the ledger adds. */
  readonly sealedHeaders: {
    readonly log: string
    readonly position: string
    readonly leafHash: string
    readonly quarantined: string
    readonly source: string
  }
  /** Where our schema registry answers. */
  readonly registryUrl: string
}

/** The topics as an AsyncAPI 3.0 document, for the generators and catalogues of others. All of it follows from the schemas. */
export function asyncApi(options: AsyncApiOptions): object {
  const { topics } = options
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Affidavit',
      version: options.version,
      description:
        'Every session event of the edges, the same events as sealed in the ledger, and what the edges are told.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: contentType,
    servers: {
      kafka: {
        host: '{bootstrap}',
        protocol: 'kafka',
        variables: {
          bootstrap: { description: 'host:port of a broker, as under bus.kafka.brokers' },
        },
        bindings: {
          kafka: {
            schemaRegistryUrl: options.registryUrl,
            schemaRegistryVendor: 'confluent',
            bindingVersion,
          },
        },
      },
    },
    channels: {
      auditEvents: channel(
        topics.auditEvents,
        'What edges and services report, in the order of each session.',
        ['auditEvent'],
        'delete',
      ),
      ledgerSealed: channel(
        topics.ledgerSealed,
        'The same bytes, once a signed checkpoint covers them.',
        ['sealedEvent', 'quarantinedRecord'],
        'delete',
      ),
      controlUpdates: channel(
        topics.controlUpdates,
        'Policies, session passwords’ verifiers and revocations, from the api to the edges. The newest record of a key counts.',
        ['controlUpdate'],
        'compact',
      ),
    },
    operations: {
      reportEvents: send('auditEvents', 'Edges and services report what happened.'),
      publishSealedEntries: send('ledgerSealed', 'The ledger publishes what it sealed.'),
      tellEdges: send('controlUpdates', 'The api tells the edges what holds from now on.'),
    },
    components: {
      messages: {
        auditEvent: event('AuditEvent', 'An event', { $ref: '#/components/schemas/CloudEvent' }),
        sealedEvent: event('SealedEvent', 'An event as it was sealed', {
          allOf: [
            { $ref: '#/components/schemas/CloudEvent' },
            { $ref: '#/components/schemas/SealedHeaders' },
          ],
        }),
        quarantinedRecord: {
          name: 'QuarantinedRecord',
          title: 'A record that is no event of ours, sealed as the bytes it is',
          contentType: 'application/octet-stream',
          headers: {
            allOf: [
              { $ref: '#/components/schemas/SealedHeaders' },
              { $ref: '#/components/schemas/QuarantineHeaders' },
            ],
          },
          payload: { type: 'string', contentEncoding: 'binary' },
        },
        controlUpdate: {
          name: 'ControlUpdate',
          title: 'A signed update',
          contentType: 'application/json',
          payload: { $ref: '#/components/schemas/control.signed' },
          bindings: {
            kafka: { key: { type: 'string', pattern: controlKeyPattern }, bindingVersion },
          },
        },
      },
      schemas: {
        CloudEvent: cloudEvent(options.registryUrl),
        SealedHeaders: sealed(options.sealedHeaders),
        QuarantineHeaders: quarantine(options.sealedHeaders),
        ...controlSchemas(),
      },
    },
  }
}

const bindingVersion = '0.5.0'
const controlKeyPattern = '^(policy|(credential|revocation|approval|override|lockout|token)/.+)$'

function channel(
  topic: string,
  description: string,
  messages: readonly string[],
  policy: string,
): object {
  return {
    address: topic,
    description,
    messages: Object.fromEntries(
      messages.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: {
      kafka: { topic, topicConfiguration: { 'cleanup.policy': [policy] }, bindingVersion },
    },
  }
}

function send(channelName: string, summary: string): object {
  return { action: 'send', channel: { $ref: `#/channels/${channelName}` }, summary }
}

function event(name: string, title: string, headers: object): object {
  return {
    name,
    title,
    contentType,
    headers,
    payload: { schemaFormat: 'application/vnd.apache.avro+json;version=1.9.0', schema },
    bindings: {
      kafka: {
        key: {
          type: 'string',
          minLength: 1,
          description: 'The session, or the producer where there is no session',
        },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicNameStrategy',
        bindingVersion,
      },
    },
  }
}

/** Headers of CloudEvents 1.0 in binary mode, as text. */
function cloudEvent(registryUrl: string): object {
  return {
    type: 'object',
    required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_time', 'content-type'],
    properties: {
      ce_specversion: { const: '1.0' },
      ce_id: { type: 'string', minLength: 1, description: 'The id of the event' },
      ce_source: { type: 'string', format: 'uri-reference', description: 'The producer' },
      ce_type: { enum: ['unknown', ...eventTypes] },
      ce_time: {
        type: 'string',
        format: 'date-time',
        description: 'By the producer’s clock, UTC, microseconds',
      },
      ce_subject: { type: 'string', minLength: 1, description: 'The session, where there is one' },
      ce_dataschema: {
        type: 'string',
        format: 'uri',
        examples: [`${registryUrl}/schemas/ids/${schemaId}`],
      },
      'content-type': { const: contentType },
    },
  }
}

function sealed({ log, position, leafHash }: AsyncApiOptions['sealedHeaders']): object {
  return {
    type: 'object',
    required: [log, position, leafHash],
    properties: {
      [log]: { type: 'string', minLength: 1, description: 'The origin of the log' },
      [position]: { type: 'string', pattern: '^(0|[1-9][0-9]*)$' },
      [leafHash]: {
        type: 'string',
        contentEncoding: 'binary',
        description: '32 bytes: SHA-256 of 0x00 and the leaf (RFC 6962), as they are',
      },
    },
  }
}

function quarantine({ quarantined, source }: AsyncApiOptions['sealedHeaders']): object {
  return {
    type: 'object',
    required: [quarantined, source],
    properties: {
      [quarantined]: { type: 'string', minLength: 1, description: 'Why it was set aside' },
      [source]: { type: 'string', minLength: 1, description: 'topic/partition/offset' },
    },
  }
}

/** The definitions of `control.schema.json` under their names here. */
function controlSchemas(): Record<string, unknown> {
  const text = JSON.stringify(control.definitions)
  const definitions = JSON.parse(
    text.replaceAll('"#/definitions/', '"#/components/schemas/control.'),
  ) as Record<string, object>
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [`control.${name}`, definition]),
  )
}
