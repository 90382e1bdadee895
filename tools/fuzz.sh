#!/usr/bin/env bash
# Fuzzes every target of the main module, each for the time given: go test takes one at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-5s}

targets=$(grep -rE --include='*_test.go' --exclude-dir=devserver --exclude-dir=tools -o '^func Fuzz[A-Za-z0-9_]+' . | sort)
while IFS=: read -r file target; do
	target=${target#func }
	echo "--- $target in $(dirname "$file")"
	# A short run on a machine without a corpus would only shorten what it finds first: that takes up to a minute each.
	go test -run "^$target\$" -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 0.2s "$(dirname "$file")" </dev/null
done <<<"$targets"
