/** A reader that takes part in a group. */
export interface GroupMember {
  readonly topics: readonly string[]
  /** Begins to read the partition as soon as `claim.previous` lets go; ends when the claim is revoked. */
  take(claim: Claim): void
}

/** One member's turn at one partition. */
export class Claim {
  readonly topic: string
  readonly partition: number
  readonly member: GroupMember
  /** Settles when whoever had the partition before no longer works on it. */
  readonly previous: Promise<unknown>
  readonly #revocation = new AbortController()
  readonly #ended = Promise.withResolvers<void>()

  constructor(topic: string, partition: number, member: GroupMember, previous?: Claim) {
    this.topic = topic
    this.partition = partition
    this.member = member
    this.previous = previous?.ended ?? Promise.resolve()
  }

  /** Aborts when the partition was taken away. */
  get revoked(): AbortSignal {
    return this.#revocation.signal
  }

  /** Also when a claim is revoked before it began: the one before it may still be at work. */
  get ended(): Promise<unknown> {
    return Promise.all([this.previous, this.#ended.promise])
  }

  revoke(): void {
    this.#revocation.abort()
  }

  end(): void {
    this.#ended.resolve()
  }
}

/** Shares the partitions of topics among the members of a group, one reader for each partition. */
export class Group {
  readonly #partitionsOf: (topic: string) => number
  readonly #members: GroupMember[] = []
  readonly #claims = new Map<string, Claim>()
  readonly #readers = new Map<string, Claim>()

  constructor(partitionsOf: (topic: string) => number) {
    this.#partitionsOf = partitionsOf
  }

  get isEmpty(): boolean {
    return this.#members.length === 0
  }

  join(member: GroupMember): void {
    this.#members.push(member)
    this.#share()
  }

  /** The claims of the member are revoked; the others take over. */
  leave(member: GroupMember): void {
    const at = this.#members.indexOf(member)
    if (at < 0) return
    this.#members.splice(at, 1)
    this.#share()
  }

  /** From here on the reader before this one may commit no more. */
  begin(claim: Claim): void {
    this.#readers.set(placeOf(claim.topic, claim.partition), claim)
  }

  /** Whether nobody began to read the partition after this claim did. */
  isReader(claim: Claim): boolean {
    return this.#readers.get(placeOf(claim.topic, claim.partition)) === claim
  }

  #share(): void {
    const topics = new Set(this.#members.flatMap((member) => member.topics))
    const wanted = new Map<string, () => Claim>()
    for (const topic of topics) {
      const members = this.#members.filter((member) => member.topics.includes(topic))
      for (let partition = 0; partition < this.#partitionsOf(topic); partition += 1) {
        const place = placeOf(topic, partition)
        const member = members[partition % members.length]
        const claim = this.#claims.get(place)
        if (member === undefined || claim?.member === member) continue
        wanted.set(place, () => new Claim(topic, partition, member, claim))
      }
    }
    // A revoked claim stays until the next one: whoever comes then has to wait for its end.
    for (const [place, claim] of this.#claims) {
      if (wanted.has(place) || !this.#members.includes(claim.member)) claim.revoke()
    }
    for (const [place, claimIt] of wanted) {
      const claim = claimIt()
      this.#claims.set(place, claim)
      claim.member.take(claim)
    }
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
