import type { FrozenInputs } from '../../../reports/frozen.ts'

/** A recipe for somebody who has openssl and coreutils and none of our programs. */
export function verifyInstructions(frozen: FrozenInputs): string {
  const logs = frozen.checkpoints.map((_, index) => index + 1)
  return `# How to check this bundle

With the program that made it:

    affidavit verify ${frozen.reportId}.zip --key FINGERPRINT

FINGERPRINT is the SHA-256 of the key that signs reports. Ask the owner of the deployment for it; do not take it from this file.

Without it, in a directory where the bundle was unpacked, with openssl 3 and coreutils:

1. The key is the one you were told. Compare with the fingerprint that you have:

       openssl pkey -pubin -in keys/reporter.pub -outform DER | sha256sum

2. The manifest is what that key signed:

       openssl pkeyutl -verify -pubin -inkey keys/reporter.pub -rawin -in manifest.json -sigfile manifest.sig

3. The list of digests is the one that the manifest names (prints OK when it is):

       grep -q "\\"path\\":\\"SHA256SUMS\\",\\"sha256\\":\\"$(sha256sum SHA256SUMS | cut -d' ' -f1)\\"" manifest.json && echo OK

4. Every file has its digest, and there is no other file:

       sha256sum --check --strict --quiet SHA256SUMS && echo OK
       find . -type f | wc -l   # three more than the lines of SHA256SUMS: itself, the manifest, its signature

5. The population is the one that the manifest names (prints OK when it is):

       grep -q "\\"digest\\":\\"$(sha256sum population/events.csv | cut -d' ' -f1)\\"" manifest.json && echo OK

6. A checkpoint is signed by its log. The text is the note up to its empty line; the signature is the base64 on the last line
   without its first four bytes, which name the key:

${logs
  .map(
    (log) => `       sed '/^$/,$d' ledger/checkpoint-${log}.txt > /tmp/text
       tail -n 1 ledger/checkpoint-${log}.txt | cut -d' ' -f3 | base64 -d | tail -c 64 > /tmp/signature
       openssl pkeyutl -verify -pubin -inkey keys/log-${log}.pub -rawin -in /tmp/text -sigfile /tmp/signature`,
  )
  .join('\n')}

7. A sampled entry is the one in the population. The hash of line N of ledger/leaves.jsonl is the leaf_hash of row N of samples/events.csv:

       (printf '\\0'; sed -n 1p ledger/leaves.jsonl | tr -d '\\n') | sha256sum

8. An entry is in the log: ledger/inclusion/*.tlog-proof are C2SP tlog-proof files. Any verifier of that format checks them
   with the key of the log (keys/log-1.vkey) and the entry (a line of ledger/leaves.jsonl).

9. No entry of the period is missing. A bundle cannot show that by itself: it takes the log, which holds nothing about a person. Get it
   from the owner (affidavit export) or from the api (/logs), and compare every entry of it with the population: by the command above
   with --log DIRECTORY, or, on the code of the Go checksum database and none of ours, by verify-log -report (test/outsiders of the
   sources).

10. Keep this bundle. Whoever holds every key of a deployment can write log and reports anew; what somebody else has kept is then all
    that differs, and affidavit verify --earlier, or verify-log -remembered, compares it.
`
}
