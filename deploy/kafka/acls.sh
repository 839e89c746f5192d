#!/usr/bin/env bash
# Gives one Kafka user exactly what one part of Affidavit needs, with Kafka's own kafka-acls.sh. May be run again.
#
#   deploy/kafka/acls.sh ROLE USER [options of kafka-acls.sh]
#   deploy/kafka/acls.sh edge affidavit-edge-1 --bootstrap-server kafka:9092 --command-config admin.properties
#
# Roles:
#   edge       writes audit.events, reads control.updates as the groups edge.*
#   ledger     reads audit.events as the group ledger, writes ledger.sealed and, for what it finds, audit.events
#   indexer    reads ledger.sealed as the group indexer
#   api        writes audit.events and control.updates, reads both as the groups api.*
#   reporter   writes audit.events
#   webhooks   reads ledger.sealed as the groups webhook-*
#   services   all of them but the edge: `affidavit up --without-edges` runs them under one user
#   provision  makes the three topics that are missing (bus.kafka.create_topics), beside a role
#
# Every role may read the settings of its topics: they are checked at each start. None may change a topic or delete a record.
# KAFKA_ACLS names the program where it is not on the path, e.g. /opt/kafka/bin/kafka-acls.sh.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
role=$1 user=$2
shift 2
connection=("$@")

grant() {
  "${KAFKA_ACLS:-kafka-acls.sh}" "${connection[@]}" --add --allow-principal "User:$user" "$@"
}

# One call for many topics: each starts a JVM.
named() {
  for topic in "$@"; do printf '%s\n' --topic "$topic"; done
}

writes() {
  # shellcheck disable=SC2046 # names of topics have no spaces
  grant $(named "$@") --operation Write --operation Describe --operation DescribeConfigs
}

reads() {
  # shellcheck disable=SC2046
  grant $(named "$@") --operation Read --operation Describe --operation DescribeConfigs
}

edge() {
  writes audit.events
  reads control.updates
  grant --group edge. --resource-pattern-type prefixed --operation Read
}

ledger() {
  reads audit.events
  grant --group ledger --operation Read
  writes ledger.sealed audit.events
}

indexer() {
  reads ledger.sealed
  grant --group indexer --operation Read
}

api() {
  writes audit.events control.updates
  reads audit.events control.updates
  grant --group api. --resource-pattern-type prefixed --operation Read
}

webhooks() {
  reads ledger.sealed
  grant --group webhook- --resource-pattern-type prefixed --operation Read
}

reporter() {
  writes audit.events
}

case $role in
  edge | ledger | indexer | api | reporter | webhooks) "$role" ;;
  services)
    ledger
    indexer
    api
    reporter
    webhooks
    ;;
  provision)
    # shellcheck disable=SC2046
    grant $(named audit.events ledger.sealed control.updates) --operation Create
    ;;
  *)
    echo "acls.sh: there is no role $role" >&2
    exit 2
    ;;
esac
