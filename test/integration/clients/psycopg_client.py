"""What a psycopg 3 program does through the edge. Connection by the PG* variables; prints one JSON object."""

import json
import threading

import psycopg

outcome = {}
with psycopg.connect("", autocommit=True) as connection:
    outcome["parameters"] = connection.execute(
        "SELECT %s::int + 1, %s::text, %s::text IS NULL", (41, "naïve", None)
    ).fetchone()

    total = 0
    for number in range(20):
        total += connection.execute("SELECT %s::int * 2", (number,), prepare=True).fetchone()[0]
    outcome["prepared"] = total

    total = 0
    for number in range(20):
        connection.execute("SELECT client_code()")
        total += connection.execute("SELECT %s::int * 2", (number,), prepare=True).fetchone()[0]
    outcome["prepared_after_code"] = total

    try:
        connection.execute("SELECT no_such_column FROM client_rows")
    except psycopg.Error as error:
        outcome["error"] = error.sqlstate
    outcome["after_error"] = connection.execute("SELECT 1").fetchone()[0]

    with connection.transaction():
        connection.execute("INSERT INTO client_rows VALUES (%s, %s)", (900001, "psycopg"))
        connection.execute("DELETE FROM client_rows WHERE id = %s", (900001,))

    with connection.cursor() as cursor:
        with cursor.copy("COPY client_rows TO STDOUT") as copy:
            outcome["copy_out"] = sum(bytes(chunk).count(b"\n") for chunk in copy)
        with cursor.copy("COPY client_copies FROM STDIN") as copy:
            for number in range(1000):
                copy.write_row((number, "psycopg"))
        outcome["copy_in"] = cursor.rowcount

    outcome["large"] = len(connection.execute("SELECT * FROM generate_series(1, 50000)").fetchall())

    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(10)]
    outcome["pipelined"] = sum(cursor.fetchone()[0] for cursor in cursors)

    with connection.cursor(binary=True) as cursor:
        outcome["binary"] = cursor.execute("SELECT 7::int8, 'x'::text").fetchone()

    timer = threading.Timer(0.5, connection.cancel_safe)
    timer.start()
    try:
        connection.execute("SELECT pg_sleep(30)")
    except psycopg.Error as error:
        outcome["cancelled"] = error.sqlstate
    timer.join()

    try:
        connection.execute("DROP TABLE client_rows")
    except psycopg.Error as error:
        outcome["blocked"] = error.sqlstate
    outcome["after_block"] = connection.execute("SELECT 2").fetchone()[0]

print(json.dumps(outcome))
