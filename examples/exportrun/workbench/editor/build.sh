#!/usr/bin/env bash
# Makes ../codemirror.min.js of npm's packages, in the versions of package-lock.json, and
# ../codemirror.LICENSE.txt of their licences. `build.sh check` compares instead.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/{package.json,package-lock.json,editor.js} "$work"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --silent
node_modules/.bin/esbuild editor.js --bundle --minify --format=esm --target=es2022 --charset=ascii --legal-comments=none \
	--banner:js='// CodeMirror 6; see codemirror.LICENSE.txt.' --log-level=warning --outfile=codemirror.min.js
for license in node_modules/{@codemirror,@lezer,@marijn}/*/LICENSE node_modules/{crelt,style-mod,w3c-keyname}/LICENSE; do
	package=$(dirname "${license#node_modules/}")
	printf '%s %s\n\n' "$package" "$(node -p "require('./node_modules/$package/package.json').version")"
	cat "$license"
	printf '\n----\n\n'
done >codemirror.LICENSE.txt
for made in codemirror.min.js codemirror.LICENSE.txt; do
	if [ "${1:-}" = check ]; then cmp "$made" "$here/../$made"; else cp "$made" "$here/../$made"; fi
done
