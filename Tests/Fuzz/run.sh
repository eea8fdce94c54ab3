#!/bin/sh
# Runs fuzz targets under libFuzzer and the address sanitizer: run.sh SECONDS [TARGET…]; all targets by default, one after
# another. What was learnt stays in .build/fuzz/corpus; an input that is a finding goes to .build/fuzz/findings, and from
# there, once mended, to Tests/Fixtures/fuzz/TARGET, where every test run replays it.
set -eu
seconds=$1
shift
export THETASCOPE_FUZZ=1 SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
# lld, because gold loses the fuzzer's sections; the sanitizers in one option each, because the last one counts.
swift build -c release --scratch-path .build/fuzz --product Fuzz -Xswiftc -use-ld=lld \
  -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address
fuzz=.build/fuzz/release/Fuzz
mkdir -p .build/fuzz/findings
"$fuzz" list | while read -r target longest; do
  [ $# -eq 0 ] || case " $* " in *" $target "*) ;; *) continue ;; esac
  corpus=.build/fuzz/corpus/$target
  "$fuzz" seeds "$target" "$corpus"
  log=.build/fuzz/$target.log
  if "$fuzz" "$target" "$corpus" -max_total_time="$seconds" -max_len="$longest" -timeout=20 \
    -rss_limit_mb=3000 -artifact_prefix=".build/fuzz/findings/$target-" -print_final_stats=1 \
    >"$log" 2>&1 </dev/null; then
    result="no finding"
  else
    result="FINDING, see $log"
    : >.build/fuzz/failed
  fi
  executions=$(sed -n 's/.*number_of_executed_units: *//p' "$log")
  echo "$target: ${executions:-0} executions, $result"
done
if [ -e .build/fuzz/failed ]; then
  rm .build/fuzz/failed
  exit 1
fi

