#!/usr/bin/env bash
# Runs the suite against COMMAND and leaves its exit code to the last step.
set -euo pipefail

# Words as the shell has them, quotes included. The workflow's author wrote them.
eval "command=($COMMAND)"
if [ "${#command[@]}" -eq 0 ]; then
	echo "::error title=conformance::the input command is empty: give what starts the agent"
	echo "exit-code=2" >>"$GITHUB_OUTPUT"
	exit 0
fi

eval "args=(run --out \"\$OUT\" $ARGS)"
for profile in $PROFILE; do
	args+=(--profile "$profile")
done
if [ -n "$LEVEL" ]; then
	args+=(--level "$LEVEL")
fi
if [ -n "$BASELINE" ]; then
	args+=(--baseline "$BASELINE")
fi

# A report of an earlier run must not pass for this one's.
rm -f "$OUT/report.json" "$OUT/run.json"
code=0
conformance "${args[@]}" -- "${command[@]}" || code=$?
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
