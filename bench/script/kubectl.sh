#!/usr/bin/env bash
# A release to Kubernetes by hand, as the guides have it: apply, rollout status, sleep, curl, sleep, ask for the error rate, undo if it is
# too high. kubectl.sh NAMESPACE NAME MANIFEST GATEWAY HOST STATS: what is in the manifest is what shall run.
set -euo pipefail
namespace=$1 name=$2 manifest=$3 gateway=$4 host=$5 stats=$6
settle=${SETTLE:-10} monitor=${MONITOR:-300}

kube() { kubectl --namespace "$namespace" "$@"; }
stat() { curl -sf "http://$stats/stats?filter=^cluster\.${namespace}_${name}_80\.$1\$" | awk '{ print $2 }'; }

kube apply --filename "$manifest"
kube rollout status "deployment/$name" --timeout=120s
sleep "$settle"
curl -sf -H "Host: $host" "http://$gateway/ready" > /dev/null || { echo "not healthy"; kube rollout undo "deployment/$name"; exit 1; }

before=$(stat upstream_rq_completed) bad_before=$(stat upstream_rq_5xx)
sleep "$monitor"
total=$(($(stat upstream_rq_completed) - ${before:-0}))
bad=$(($(stat upstream_rq_5xx) - ${bad_before:-0}))
if [ $((bad * 100)) -gt "$total" ]; then
  echo "$bad of $total failed: rolling back"
  kube rollout undo "deployment/$name"
  kube rollout status "deployment/$name" --timeout=120s
  exit 1
fi
echo "done"
