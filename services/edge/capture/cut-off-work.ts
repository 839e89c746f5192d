import type { CompletionPart, SessionPart } from '../../../schemas/event.ts'

/** How a request ended that a crash cut off: nobody knows. */
export const unknownCompletion: CompletionPart = {
  outcome: 'unknown',
  command_tag: null,
  rows: 0,
  bytes_in: 0,
  bytes_out: 0,
  error_code: null,
  error_message: null,
  duration_us: 0,
  response_sha256: null,
  masked: [],
  token_key_id: null,
}

export const unknownEnd: SessionPart = {
  protocol: 'unknown',
  database: null,
  role: null,
  application: null,
  outcome: 'unknown',
  requests: 0,
  bytes_in: 0,
  bytes_out: 0,
  duration_us: null,
}
