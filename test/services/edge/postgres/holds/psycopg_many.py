"""What a psycopg program sees of executemany, which it sends as a pipeline, with a statement that is held. Connection by the PG* variables."""

import json

import psycopg

outcome = []
for autocommit in (True, False):
    with psycopg.connect(sslmode="disable", autocommit=autocommit) as connection:
        # More rows than psycopg sends before it prepares the statement.
        rows = [(n,) for n in range(1, 8)]
        try:
            connection.cursor().executemany("DELETE FROM numbers WHERE n = %s", rows)
        except psycopg.Error as error:
            outcome.append([error.sqlstate, error.diag.message_primary])
            connection.rollback()
print(json.dumps(outcome))
