# shellcheck shell=bash
# suites.sh: what ./dev test runs, sourced by it. A suite is a command that
# says 'N passed, N failed' on its last line; one that does not has failed.
# What passes takes one line; of what fails, the lines that begin with FAILED
# are shown and what follows them, or the end of the log.
# shellcheck disable=SC2154  # root and build are dev's

passed=0 failed=0

# suite NAME COMMAND...
suite() {
	local name=$1 log=$build/test/$1.log start=$SECONDS counts status=0 good=0 bad=0
	shift
	mkdir -p "$build/test"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	counts=$(tail -n 1 "$log" | tr -d '\r')
	if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
		((bad > 0 || status == 0)) || bad=1
	else
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	printf '%-24s %5d passed, %d failed  (%d s)\n' \
		"$name" "$good" "$bad" $((SECONDS - start))
	((bad == 0)) || {
		{ grep -A8 '^FAILED' "$log" || cat "$log"; } | tail -n 100 |
			sed 's/^/    /'
		printf '    (whole log: %s)\n' "$log"
	}
}

# tally COMMAND...: runs one check of a suite, and counts it.
tally_good=0 tally_bad=0
tally() {
	if "$@"; then
		tally_good=$((tally_good + 1))
	else
		echo "FAILED: $*"
		tally_bad=$((tally_bad + 1))
	fi
}

print_tally() {
	echo "$tally_good passed, $tally_bad failed"
}

# The program as it ships; with sanitizers, for all suites; and a second
# compiler's opinion. -k 0: what compiles is tested even if something does not.
suite_build() {
	tally_good=0 tally_bad=0
	tally compile "$build" -- -k 0 portico sandbox
	tally compile "$build/asan" -DSANITIZE=ON -- -k 0 portico sandbox tests
	CC=clang tally compile "$build/clang" -- -k 0 portico sandbox tests
	ln -sfn ../share "$build/asan/share"
	print_tally
}

# A test program that ends badly, or without counts, is one failure.
suite_unit() {
	local log=$build/test/ctest.log
	ctest --test-dir "$build/asan" -V -j2 --timeout 120 >"$log" 2>&1 || true
	awk '
	match($0, /^[0-9]+: /) { id = $1 + 0 }
	/^[0-9]+: \[  PASSED  \] [0-9]+ test/ { good[id] += $5 }
	/^[0-9]+: \[  FAILED  \] [0-9]+ test/ { bad[id] += $5 }
	/^[0-9]+: / { text[id] = text[id] $0 "\n" }
	/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
		split($0, part, "#")
		id = part[2] + 0
		ok = / Passed /
		if (!bad[id] && (!ok || !good[id]))
			bad[id] = 1
		if (bad[id])
			print text[id] $0
		all_good += good[id]
		all_bad += bad[id]
	}
	END { printf "%d passed, %d failed\n", all_good, all_bad }' "$log"
}

suite_fuzz() {
	local driver name folder folders
	tally_good=0 tally_bad=0
	for driver in "$root"/test/fuzz/fuzz_*.c; do
		name=$(basename "$driver" .c)
		name=${name#fuzz_}
		folders=()
		for folder in "$root"/test/fuzz/{corpus,crashes}/"$name"; do
			[[ ! -d $folder ]] || folders+=("$folder")
		done
		tally "$build/asan/replay_$name" "${folders[@]}"
	done
	print_tally
}

all_suites() {
	local test
	say "logs are in $build/test/"
	export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
	export UBSAN_OPTIONS=print_stacktrace=1
	export PYTHONDONTWRITEBYTECODE=1
	# For the suites: the programs with sanitizers.
	export PORTICO_BIN=$build/asan/portico SANDBOX_BIN=$build/asan/sandbox

	lock_build
	fetch_bootstrap || die "npm could not fetch Bootstrap"
	make_share
	suite build suite_build
	unlock_build
	suite lint "$root/test/lint/run"
	suite unit suite_unit
	suite fuzz suite_fuzz
	for test in test/sandbox/check.sh test/pages/*.py test/e2e/run \
		test/abuse/run; do
		[[ ! -x $root/$test ]] || suite "$(tr / - <<<"${test#test/}")" \
			"$root/$test"
	done
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((failed == 0))
}
