"""What an asyncpg program does through the edge. Connection by the PG* variables; prints one JSON object."""

import asyncio
import json

import asyncpg


async def main():
    outcome = {}
    connection = await asyncpg.connect()
    row = await connection.fetchrow("SELECT $1::int + 1, $2::text, $3::text IS NULL", 41, "naïve", None)
    outcome["parameters"] = list(row)

    statement = await connection.prepare("SELECT $1::int * 2")
    outcome["prepared"] = sum([await statement.fetchval(number) for number in range(20)])

    total = 0
    for number in range(20):
        await connection.fetchval("SELECT client_code()")
        total += await statement.fetchval(number)
    outcome["prepared_after_code"] = total

    try:
        await connection.fetch("SELECT no_such_column FROM client_rows")
    except asyncpg.PostgresError as error:
        outcome["error"] = error.sqlstate
    outcome["after_error"] = await connection.fetchval("SELECT 1")

    async with connection.transaction():
        await connection.execute("INSERT INTO client_rows VALUES ($1, $2)", 900002, "asyncpg")
        await connection.execute("DELETE FROM client_rows WHERE id = $1", 900002)

    lines = []

    async def count(data):
        lines.append(data.count(b"\n"))

    await connection.copy_from_query("SELECT * FROM client_rows", output=count)
    outcome["copy_out"] = sum(lines)
    status = await connection.copy_records_to_table(
        "client_copies", records=[(number, "asyncpg") for number in range(1000)]
    )
    outcome["copy_in"] = int(status.split()[1])

    outcome["large"] = len(await connection.fetch("SELECT * FROM generate_series(1, 50000)"))

    try:
        await connection.execute("SELECT pg_sleep(30)", timeout=0.5)
    except asyncio.TimeoutError:
        outcome["cancelled"] = "57014"
    outcome["after_cancel"] = await connection.fetchval("SELECT 3")

    try:
        await connection.execute("DROP TABLE client_rows")
    except asyncpg.PostgresError as error:
        outcome["blocked"] = error.sqlstate
    outcome["after_block"] = await connection.fetchval("SELECT 2")
    await connection.close()
    print(json.dumps(outcome))


asyncio.run(main())
