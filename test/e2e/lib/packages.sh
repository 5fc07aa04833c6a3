# shellcheck shell=bash
# packages.sh: the npm packages of the browser tests, in the build folder.
# Sourced; sets here, NODE_PATH, PORTICO_BUILD.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
root=$(cd "$here/../.." && pwd -P)
PORTICO_BUILD=$(realpath -m "${PORTICO_BUILD:-$root/build}")
export PORTICO_BUILD

npm_folder=$PORTICO_BUILD/e2e/npm
if ! cmp -s "$root/package-lock.json" "$npm_folder/done"; then
	mkdir -p "$npm_folder"
	cp "$root/package.json" "$root/package-lock.json" "$root/.npmrc" \
		"$npm_folder/"
	(cd "$npm_folder" && npm ci --cache "$npm_folder/cache" \
		--no-update-notifier >npm.log 2>&1 </dev/null) || {
		tail -n 20 "$npm_folder/npm.log"
		echo "0 passed, 1 failed"
		exit 1
	}
	cp "$root/package-lock.json" "$npm_folder/done"
fi
export NODE_PATH=$npm_folder/node_modules

# What Chromium keeps about itself stays in the build folder, too.
export XDG_CONFIG_HOME=$PORTICO_BUILD/e2e/config XDG_CACHE_HOME=$PORTICO_BUILD/e2e/cache
