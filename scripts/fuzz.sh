#!/bin/sh
# Runs every fuzz target for the given count: fuzz.sh 50000x
# A count, not a time: a timed run can fail without a finding.
set -eu
grep -rl '^func Fuzz' --include '*_test.go' . | sort | while read -r file; do
	grep -o '^func Fuzz[A-Za-z0-9_]*' "$file" | sed 's/^func //' | while read -r target; do
		echo "$target (${file%/*})"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -parallel 2 "./${file%/*}"
	done
done
