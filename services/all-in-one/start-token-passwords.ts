import { v7 as uuidv7 } from 'uuid'

import { laterIssuer } from '../edge/guard/identity/token-issuer.ts'
import { TokenPasswords } from '../edge/guard/identity/token-passwords.ts'
import { TokenVerifier } from '../edge/guard/identity/tokens.ts'
import { UsedTokens } from '../edge/guard/identity/used-tokens.ts'
import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig, TargetConfig } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'

export interface StartedTokenPasswords {
  readonly used: UsedTokens
  /** Null for a target that takes no tokens. */
  of(target: TargetConfig): TokenPasswords | null
}

/**
 * What edges need where a target takes tokens as passwords; null where none does. A token that was used at one target is used for all
 * of the same edge. The issuer need not be there yet.
 */
export async function startTokenPasswords(
  config: EdgeConfig,
  logger: Logger,
): Promise<StartedTokenPasswords | null> {
  const { identity, targets, dataDirectory } = config
  if (identity === null || !targets.some(({ tokenPasswords }) => tokenPasswords)) return null
  const { tokens } = identity
  const issuer = laterIssuer(identity.issuer)
  const used = await UsedTokens.open(dataPaths(dataDirectory).usedTokens, systemClock)
  return {
    used,
    of({ name, audience, tokenPasswords }) {
      // Without an audience any token of the issuer would do: the configuration is refused before.
      if (!tokenPasswords || audience === null) return null
      return new TokenPasswords({
        verifier: new TokenVerifier({ ...identity, ...tokens, audience }, issuer, systemClock),
        used,
        isSingleUse: tokens.isSingleUse,
        newId: () => uuidv7(),
        logger: logger.child({ part: 'tokens', target: name }),
      })
    },
  }
}
