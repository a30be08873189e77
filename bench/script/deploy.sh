#!/usr/bin/env bash
# Blue-green by hand, as the guides have it: start the new side, sleep, curl its health, patch the route, sleep, ask for the error rate,
# patch back if it is too high. deploy.sh FOLDER SERVICE OLD NEW: OLD and NEW are `name:port`; OLD is `none` the first time.
set -euo pipefail
folder=$1 service=$2 old=$3 new=$4
settle=${SETTLE:-10} monitor=${MONITOR:-300}

admin() { curl -sf --unix-socket "$folder/admin.sock" "http://envoy$1"; }

route() { # all traffic to one side
  sed "s/@CLUSTER@/$1/" "$folder/route.json.in" > "$folder/route.json.new"
  mv "$folder/route.json.new" "$folder/route.json"
}

stat() { admin "/stats?filter=^cluster\.$1\.$2\$" | awk '{ print $2 }'; }

echo "starting ${new%:*}"
(cd "$service" && PORT=${new#*:} exec nohup python3 light.py > "$folder/${new%:*}.log" 2>&1 & echo $! > "$folder/${new%:*}.pid")
sleep "$settle"
curl -sf "http://127.0.0.1:${new#*:}/health" > "$folder/health" || { echo "not healthy"; kill "$(cat "$folder/${new%:*}.pid")"; exit 1; }

before=$(stat "${new%:*}" upstream_rq_completed) bad_before=$(stat "${new%:*}" upstream_rq_5xx)
echo "routing to ${new%:*}"
route "${new%:*}"
[ "$old" = none ] && exit 0

sleep "$monitor"
total=$(($(stat "${new%:*}" upstream_rq_completed) - ${before:-0}))
bad=$(($(stat "${new%:*}" upstream_rq_5xx) - ${bad_before:-0}))
if [ $((bad * 100)) -gt "$total" ]; then
  echo "$bad of $total failed: rolling back"
  route "${old%:*}"
  kill "$(cat "$folder/${new%:*}.pid")"
  exit 1
fi
kill "$(cat "$folder/${old%:*}.pid")"
echo "done"
