"""What an asyncpg program sees of statements that wait for an approval. Connection by the PG* variables; prints one JSON object."""

import asyncio
import json

import asyncpg


async def refusal(awaitable):
    try:
        return ["ran", await awaitable]
    except asyncpg.PostgresError as error:
        return [error.sqlstate, error.detail]
    except asyncio.TimeoutError:
        return ["timeout", None]


async def main():
    outcome = {}
    notices = []
    connection = await asyncpg.connect(ssl=False)
    connection.add_log_listener(lambda _, message: notices.append(message.message))

    # Parse, Describe, Flush; then Bind, Execute, Sync.
    outcome["first"] = await connection.execute("DELETE FROM numbers WHERE n = $1", 1)
    # The statement is known by now: Bind, Execute, Sync.
    outcome["again"] = await connection.execute("DELETE FROM numbers WHERE n = $1", 2)
    # Prepared long before it runs, and another statement in between.
    statement = await connection.prepare("DELETE FROM numbers WHERE n = $1 RETURNING n")
    outcome["between"] = await connection.fetchval("SELECT count(*) FROM numbers")
    outcome["prepared"] = await statement.fetchval(3)
    # What is prepared and not run yet is no transaction that a simple query would be held up by.
    await connection.prepare("SELECT n FROM numbers")
    outcome["simple"] = await connection.execute("DELETE FROM numbers WHERE n = 4")

    text = "DELETE FROM numbers WHERE n = $1 AND n > 0"
    outcome["cancelled"] = await refusal(connection.execute(text, 5, timeout=0.5))
    async with connection.transaction():
        outcome["transaction"] = await refusal(connection.execute(text, 6))
    outcome["rest"] = [row["n"] for row in await connection.fetch("SELECT n FROM numbers ORDER BY n")]
    await connection.close()
    outcome["notices"] = len(notices)
    print(json.dumps(outcome))


asyncio.run(main())
