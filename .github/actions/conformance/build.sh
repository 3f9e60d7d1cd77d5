#!/usr/bin/env bash
# Builds conformance from SOURCE and puts it into the PATH of the steps to come.
set -euo pipefail

bin=$RUNNER_TEMP/agentproof
mkdir -p "$bin"
cd "$SOURCE"
CGO_ENABLED=0 GOWORK=off go build -o "$bin/" ./cmd/conformance
echo "$bin" >>"$GITHUB_PATH"
