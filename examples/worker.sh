#!/bin/sh
# A worker in a few lines of shell: claim one task, do it, settle it; again and again. Needs curl and jq.
# TASKYARD_URL and TASKYARD_TOKEN say where, and as whom. What takes longer than lease_s must call /v1/leases/extend.
url=${TASKYARD_URL:-http://127.0.0.1:8000}/v1/leases

call() {
    curl -sS --fail-with-body -H "Authorization: Bearer $TASKYARD_TOKEN" -H 'Content-Type: application/json' -d "$2" "$1"
}

while :; do
    claimed=$(call "$url" '{"queues": ["resize"], "lease_s": 60, "wait": 20}') || { sleep 2; continue; }
    [ -n "$claimed" ] || continue # 204: there was nothing to do
    token=$(echo "$claimed" | jq '.leases[0].token')
    if result=$(echo "$claimed" | jq '.leases[0].task.payload' | python3 examples/resize.py); then
        call "$url/settle" "{\"leases\": [{\"token\": $token, \"outcome\": \"succeeded\", \"result\": $result}]}"
    else
        call "$url/settle" "{\"leases\": [{\"token\": $token, \"outcome\": \"failed\", \"error\": {\"type\": \"exit\"}}]}"
    fi
done
