#!/bin/sh
# Certifies the bundled agent N times while four busy loops take the processors:
# busy.sh N DIR. Each run must be conformant; its report is in DIR.
set -eu
runs=$1 out=$2

loops=
trap 'kill $loops 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
for _ in 1 2 3 4; do
	sh -c 'while :; do :; done' &
	loops="$loops $!"
done

run=1
while [ "$run" -le "$runs" ]; do
	echo "run $run of $runs beside four busy loops"
	bin/conformance run --out "$out/$run"
	run=$((run + 1))
done
