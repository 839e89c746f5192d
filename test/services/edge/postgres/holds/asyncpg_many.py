"""What an asyncpg program sees of executemany with a statement that is held. Connection by the PG* variables; prints one JSON object."""

import asyncio
import json

import asyncpg


async def refusal(awaitable):
    try:
        return ["ran", await awaitable]
    except asyncpg.PostgresError as error:
        return [error.sqlstate, error.message, error.detail]


async def until_granted(run):
    while True:
        outcome = await refusal(run())
        if not outcome[1] or "held for approval" not in outcome[1]:
            return outcome
        await asyncio.sleep(0.02)


async def main():
    outcome = {}
    connection = await asyncpg.connect(ssl=False)
    delete = "DELETE FROM numbers WHERE n = $1"

    async def count():
        return await connection.fetchval("SELECT count(*) FROM numbers")

    outcome["many"] = await refusal(connection.executemany(delete, [(1,), (2,), (3,)]))
    async with connection.transaction():
        outcome["transaction"] = await refusal(connection.executemany(delete, [(1,), (2,)]))
    # Not held, and as many rows as asyncpg sends in several parts.
    rows = [(n,) for n in range(100, 5100)]
    outcome["inserted"] = await refusal(connection.executemany("INSERT INTO numbers VALUES ($1)", rows))
    outcome["count"] = await count()
    # One row is one execution.
    outcome["one"] = await until_granted(lambda: connection.executemany(delete, [(4,)]))
    outcome["after_one"] = await count()
    # What the error says to do: each by itself, or all values in one statement.
    outcome["each"] = [await until_granted(lambda: connection.execute(delete, n)) for n in (1, 2)]
    all_at_once = "DELETE FROM numbers WHERE n IN ($1, $2)"
    outcome["at_once"] = await until_granted(lambda: connection.execute(all_at_once, 3, 100))
    outcome["after_all"] = await count()
    # Two executions in one transaction: what the first one's approval lets run is undone with the second.
    async def two():
        async with connection.transaction():
            await connection.execute(delete, 5)
            await connection.execute(delete, 6)

    outcome["two"] = await refusal(two())
    while "has been used" not in (outcome["two"][2] or ""):
        await asyncio.sleep(0.02)
        outcome["two"] = await refusal(two())
    outcome["rest"] = await count()
    await connection.close()
    print(json.dumps(outcome))


asyncio.run(main())
