/** What the tests know of the realm: everybody's password and secret is the same. */
export const keycloakSecret = 'a secret of the tests'
export const realmName = 'affidavit'
export const otherRealmName = 'other'
/** Whom tokens for the target are for: also a client, since Keycloak exchanges tokens for clients only. */
export const targetAudience = 'shop'
/** The subject of the tokens that the client `shop-agent` gets for itself: in Keycloak, a user of its own. */
export const agentSubject = '00000000-0000-4000-8000-000000000a9e'

/** Two realms with the same clients and people, in Keycloak's form of import files, by file name. */
export function realmFiles(): ReadonlyMap<string, string> {
  return new Map(
    [realmName, otherRealmName].map((name) => [
      `${name}-realm.json`,
      JSON.stringify(realm(name), null, 2),
    ]),
  )
}

function realm(name: string): object {
  return {
    realm: name,
    enabled: true,
    sslRequired: 'none',
    groups: [{ name: 'dba' }, { name: 'security' }],
    users: [
      {
        username: 'olivia',
        enabled: true,
        firstName: 'Olivia',
        lastName: 'Okafor',
        email: 'olivia@shop.example',
        emailVerified: true,
        groups: ['/dba'],
        credentials: [{ type: 'password', value: keycloakSecret, temporary: false }],
      },
      {
        id: name === realmName ? agentSubject : undefined,
        username: 'service-account-shop-agent',
        enabled: true,
        serviceAccountClientId: 'shop-agent',
      },
    ],
    clients: [
      { clientId: targetAudience, secret: keycloakSecret, standardFlowEnabled: false },
      {
        clientId: 'console',
        secret: keycloakSecret,
        redirectUris: ['http://127.0.0.1/auth/callback'],
      },
      {
        clientId: 'cli',
        publicClient: true,
        redirectUris: ['http://127.0.0.1/callback'],
        attributes: {
          'pkce.code.challenge.method': 'S256',
          'oauth2.device.authorization.grant.enabled': 'true',
        },
        protocolMappers: [audience(targetAudience), audience('planner'), groups],
      },
      { ...ofMachine('shop-agent'), protocolMappers: [audience(targetAudience), groups] },
      // Nobody lists the ids of their service accounts: claims tell what they are.
      { ...ofMachine('clerk'), protocolMappers: [audience(targetAudience)] },
      { ...ofMachine('nightly-job'), protocolMappers: [audience(targetAudience)] },
      // What its tokens are for is somebody else.
      { ...ofMachine('stranger'), protocolMappers: [] },
      // Its tokens end before anybody can use them.
      {
        ...ofMachine('hasty'),
        attributes: { 'access.token.lifespan': '1' },
        protocolMappers: [audience(targetAudience)],
      },
      {
        ...ofMachine('planner'),
        attributes: { 'standard.token.exchange.enabled': 'true' },
        // Keycloak's exchange says nothing of who acts; a claim that is always the same does.
        protocolMappers: [audience(targetAudience), groups, actingAs('planner')],
      },
    ],
  }
}

function ofMachine(clientId: string): object {
  return {
    clientId,
    secret: keycloakSecret,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
  }
}

function audience(name: string): object {
  return mapper(`audience ${name}`, 'oidc-audience-mapper', {
    'included.custom.audience': name,
    'id.token.claim': 'false',
  })
}

const groups = mapper('groups', 'oidc-group-membership-mapper', {
  'claim.name': 'groups',
  'full.path': 'false',
})

function actingAs(clientId: string): object {
  return mapper('act', 'oidc-hardcoded-claim-mapper', {
    'claim.name': 'act',
    'claim.value': JSON.stringify({ sub: clientId }),
    'jsonType.label': 'JSON',
  })
}

function mapper(name: string, protocolMapper: string, config: Record<string, string>): object {
  return {
    name,
    protocol: 'openid-connect',
    protocolMapper,
    config: { 'access.token.claim': 'true', ...config },
  }
}
