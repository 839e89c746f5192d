import { DatabaseSync } from 'node:sqlite'

import { foldName } from '../../terms.ts'

/**
 * Raised when the tables change, or what is written into them: an index of another version is thrown away and filled anew, it is
 * derived.
 */
export const tablesVersion = 9

/**
 * `event.id` is the order of time (see `order-key.ts`), so that newest first is the order of the table and of the full text alike.
 * `search` holds no copy of the text; its `facets` column has one token per exact condition, so that any mix of words and conditions
 * is one intersection of posting lists.
 */
const tables = `
CREATE TABLE log (id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, indexed INTEGER NOT NULL) STRICT;
CREATE TABLE bus_offset (
  topic TEXT NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  log INTEGER NOT NULL,
  position INTEGER NOT NULL,
  type TEXT NOT NULL,
  event_id TEXT,
  occurred_us INTEGER NOT NULL,
  session INTEGER,
  statement INTEGER,
  chunk INTEGER,
  is_shown INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_place ON event (log, position);
CREATE INDEX event_copy ON event (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX event_statement ON event (statement) WHERE statement IS NOT NULL;
CREATE INDEX event_session ON event (session, id) WHERE session IS NOT NULL;
CREATE TABLE copy (log INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (log, position)) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  id INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL,
  producer TEXT NOT NULL,
  started INTEGER,
  ended INTEGER,
  statements INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  errors INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0,
  UNIQUE (session_id, producer)
) STRICT;
CREATE INDEX session_started ON session (started) WHERE started IS NOT NULL;
CREATE TABLE statement (
  id INTEGER PRIMARY KEY,
  producer TEXT NOT NULL,
  session_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  seq INTEGER,
  received INTEGER,
  decided INTEGER,
  completed INTEGER,
  transacts INTEGER NOT NULL DEFAULT 0,
  UNIQUE (session_id, request_id, producer)
) STRICT;
CREATE INDEX statement_order ON statement (session_id, seq, id) WHERE received IS NOT NULL;
CREATE INDEX statement_received ON statement (received) WHERE received IS NOT NULL;
CREATE INDEX statement_transaction ON statement (session_id, producer, seq) WHERE transacts = 1;
CREATE TABLE actor (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, label TEXT NOT NULL, names TEXT NOT NULL) STRICT;
CREATE TABLE rollup (
  hour INTEGER NOT NULL, target TEXT NOT NULL, actor INTEGER NOT NULL, operation TEXT NOT NULL, decision TEXT NOT NULL,
  outcome TEXT NOT NULL, count INTEGER NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY (hour, target, actor, operation, decision, outcome)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5(
  statement, relations, names, remarks, facets, content='', contentless_delete=1, tokenize='unicode61'
);
PRAGMA user_version = ${tablesVersion};
`

/** Opens the file for writing, with its tables. WAL and FULL: what `apply` confirmed survives a power cut. */
export function openForWriting(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5_000 })
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768')
  const synchronous = db.prepare('PRAGMA synchronous').get()?.['synchronous']
  const journal = db.prepare('PRAGMA journal_mode').get()?.['journal_mode']
  if (synchronous !== 2 || journal !== 'wal') {
    db.close()
    throw new Error(`the index file is ${String(journal)}, synchronous ${String(synchronous)}`)
  }
  if (readVersion(db) === 0) db.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`)
  return db
}

export function openForReading(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  db.exec('PRAGMA cache_size = -16384')
  db.function('fold', { deterministic: true }, (name) => foldName(String(name)))
  return db
}

/** 0 for a file without tables. */
export function readVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
}
