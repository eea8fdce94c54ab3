#!/bin/sh
# The kernels' bits on 64-bit Arm under qemu-user against this machine's. Needs clang (the toolchain's) and
# Debian's qemu-user libc6-dev-arm64-cross libgcc-12-dev-arm64-cross binutils-aarch64-linux-gnu;
# without them it says so and exits 0. Exit 1: bits differ.
set -eu
cd "$(dirname "$0")/../.."
for need in clang qemu-aarch64 aarch64-linux-gnu-ld; do
  if ! command -v "$need" > /dev/null; then
    echo "skipped: test-neon: $need is not installed"
    exit 0
  fi
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sources="Sources/CKernels/*.c Tests/Neon/kernel_digests.c"
flags="-O2 -std=gnu11 -ISources/CKernels/include"
gcc_libraries=$(dirname "$(ls /usr/lib/gcc-cross/aarch64-linux-gnu/*/libgcc.a | tail -1)")
arm=/usr/aarch64-linux-gnu
clang $flags $sources -o "$out/here" -lm -lpthread
mkdir "$out/arm"
for source in $sources; do
  clang --target=aarch64-linux-gnu -isystem "$arm/include" $flags -c "$source" \
    -o "$out/arm/$(basename "$source" .c).o"
done
aarch64-linux-gnu-ld -static -o "$out/there" "$arm/lib/crt1.o" "$arm/lib/crti.o" \
  "$gcc_libraries/crtbeginT.o" "$out"/arm/*.o -L"$arm/lib" -L"$gcc_libraries" \
  --start-group -lm -lc -lgcc -lgcc_eh --end-group "$gcc_libraries/crtend.o" "$arm/lib/crtn.o"
"$out/here" > "$out/here.txt"
qemu-aarch64 "$out/there" > "$out/there.txt"
cat "$out/here.txt" "$out/there.txt"
grep -q '^neon' "$out/there.txt"
different=$(cat "$out/here.txt" "$out/there.txt" | awk '{ print $2, $3 }' | sort -u |
  awk '{ n[$1]++ } END { for (k in n) if (n[k] > 1) printf "%s ", k }')
if [ -n "$different" ]; then
  echo "bits differ: $different"
  exit 1
fi
echo "the same bits on $(cat "$out/here.txt" "$out/there.txt" | awk '{ print $1 }' | sort -u | tr '\n' ' ')"
