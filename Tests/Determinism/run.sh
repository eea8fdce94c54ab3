#!/bin/sh
# Probe files at full size, or with SMALL=--small their overlays: on all threads, on one thread in three shards that are
# merged, and stopped after some seconds and resumed, must give the same bytes. Files whose models or data are not there
# are skipped, and said so.
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-.build/release/thetascope}
[ $# -gt 0 ] || set -- probes/*.yaml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
for name; do
  rm -rf "${dir:?}"/*
  probe=$name
  # Their formats are for checkpoints: the shipped models do not know the words.
  case $name in *hendel.yaml | *todd.yaml) probe="$name --model data/models/softmax --set template=arrow" ;; esac
  status=0
  "$program" run $probe ${SMALL-} --quiet --out "$dir/whole" 2>"$dir/talk" || status=$?
  if [ "$status" -eq 66 ]; then
    echo "skipped: $probe: $(tail -n 1 "$dir/talk")"
    continue
  elif [ "$status" -ne 0 ]; then
    cat "$dir/talk" >&2
    exit "$status"
  fi
  for shard in 0 1 2; do
    "$program" run $probe ${SMALL-} --quiet --threads 1 --shard "$shard/3" --out "$dir/part$shard"
  done
  "$program" merge "$dir/part0" "$dir/part1" "$dir/part2" --quiet --out "$dir/merged"
  status=0
  timeout --signal=INT "${STOP-10}" "$program" run $probe ${SMALL-} --quiet --out "$dir/resumed" 2>"$dir/talk" ||
    status=$?
  [ "$status" -eq 0 ] || "$program" run $probe ${SMALL-} --quiet --resume --out "$dir/resumed"
  for file in "$dir"/whole/*; do
    table=${file##*/}
    [ "$table" != run.json ] || continue
    for out in merged resumed; do
      cmp "$file" "$dir/$out/$table" || failed=1
    done
  done
  [ "$failed" -eq 0 ] && echo "the same bytes, whole, merged and resumed: $probe"
done
exit "$failed"
