#!/usr/bin/env bash
# Tells where the suite's source is: a checkout of VERSION, or what came with
# the action.
set -euo pipefail

directory=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
if [ -n "$VERSION" ]; then
	directory=$GITHUB_WORKSPACE/.agentproof
fi
echo "directory=$directory" >>"$GITHUB_OUTPUT"
