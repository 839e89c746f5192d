"""Reads records of a topic with confluent-kafka and fastavro, and prints a line of JSON for each.

usage: consume.py BROKERS REGISTRY_URL LOGS TOPIC COUNT
"""

import datetime
import hashlib
import io
import json
import pathlib
import sys

import fastavro
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
BUNDLE = 256


def plain(value):
    """The value as JSON can say it: bytes in hex, times in microseconds."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return value


def encoded_again(client, event, value):
    schema = fastavro.parse_schema(
        json.loads(client.get_schema(int.from_bytes(value[1:5], "big")).schema_str)
    )
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, event)
    return value[:5] + body.getvalue()


def leaf_at(logs, origin, position):
    """Entry `position` of an exported log (C2SP tlog-tiles)."""
    log = pathlib.Path(logs, origin)
    size = int((log / "checkpoint").read_text().split("\n")[1])
    index = position // BUNDLE
    width = min(BUNDLE, size - index * BUNDLE)
    name = f"{index:03d}" + ("" if width == BUNDLE else f".p/{width}")
    bundle = (log / "tile" / "entries" / name).read_bytes()
    at = 0
    for _ in range(position % BUNDLE):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[at + 2 : at + 2 + int.from_bytes(bundle[at : at + 2], "big")]


def check_leaf(logs, headers, event, value):
    """The leaf's hash (RFC 6962). Stops unless the leaf is about this record."""
    origin = headers["affidavit-log"].decode()
    leaf_bytes = leaf_at(logs, origin, int(headers["affidavit-position"]))
    leaf = json.loads(leaf_bytes)
    assert leaf["csz"] == len(value)
    if event is not None:
        assert (leaf["evt"], leaf["pseq"]) == (event["id"], event["producer_seq"])
    return hashlib.sha256(b"\x00" + leaf_bytes).hexdigest()


def line(client, decode, logs, message):
    value = message.value()
    headers = dict(message.headers() or [])
    # On audit.events anybody's bytes may lie; on ledger.sealed a header says which are no events.
    is_event = value[:1] == b"\x00" and "affidavit-quarantined" not in headers
    context = SerializationContext(message.topic(), MessageField.VALUE)
    event = decode(value, context) if is_event else None
    again = encoded_again(client, event, value) if is_event else value
    sealed = "affidavit-log" in headers
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": message.key().decode(),
        "headers": {name: each.hex() for name, each in headers.items()},
        "event": plain(event),
        "value": hashlib.sha256(value).hexdigest(),
        "again": hashlib.sha256(again).hexdigest(),
        "leafHash": check_leaf(logs, headers, event, value) if sealed else None,
    }


def main(brokers, registry, logs, topic, count):
    client = SchemaRegistryClient({"url": registry})
    decode = AvroDeserializer(client)
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "python",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    seen = 0
    while seen < int(count):
        message = consumer.poll(30)
        if message is None:
            raise SystemExit(f"only {seen} of {count} records came")
        if message.error():
            raise SystemExit(str(message.error()))
        print(json.dumps(line(client, decode, logs, message)))
        seen += 1
    consumer.close()


main(*sys.argv[1:])
