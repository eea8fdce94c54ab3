# The full runs that numbers.txt names (or those of NAMES), under runs/results; those that are finished are left alone.
set -eu
cd "$(dirname "$0")/../../.."
sed -n 's/^run //p' Tests/Fixtures/readme/numbers.txt | while read -r name arguments; do
  case " ${NAMES:-$name} " in *" $name "*) ;; *) continue ;; esac
  echo "== $name"
  # The arguments hold brackets, which are no patterns here.
  set -f
  ${THETASCOPE:-.build/release/thetascope} run $arguments --out "${RUNS:-runs/results}/$name" --quiet --resume </dev/null
done
