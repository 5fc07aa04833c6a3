# shellcheck shell=bash
# suites.sh: what ./dev test runs, sourced by it. A suite is a command that
# says 'N passed, N failed' on its last line; one that does not has failed.
# What passes takes one line; of what fails, the lines that begin with FAILED
# are shown and what follows them, or the end of the log.
# shellcheck disable=SC2154  # root and build are dev's

passed=0 failed=0

# Of no higher priority than what gives way to others: the mirror of rate tables
# (fcgi/mirror.c) would hardly run beside four suites.
(($(nice) >= 10)) || renice -n 10 -p $$ >/dev/null

# run_suite NAME COMMAND...: leaves its log, and in a file beside it how it
# ended and the seconds that it took.
run_suite() {
	local log=$build/test/$1.log start=$SECONDS status=0
	shift
	"$@" >"$log" 2>&1 </dev/null || status=$?
	echo "$status $((SECONDS - start))" >"$log.end"
}

# tell_suite NAME: of one that has run.
tell_suite() {
	local name=$1 log=$build/test/$1.log counts status seconds good=0 bad=0
	read -r status seconds <"$log.end"
	rm "$log.end"
	counts=$(tail -n 1 "$log" | tr -d '\r')
	if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
		((bad > 0 || status == 0)) || bad=1
	else
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	printf '%-24s %5d passed, %d failed  (%d s)\n' \
		"$name" "$good" "$bad" "$seconds"
	((bad == 0)) || {
		{ grep -A8 '^FAILED' "$log" || cat "$log"; } | tail -n 100 |
			sed 's/^/    /'
		printf '    (whole log: %s)\n' "$log"
	}
}

# suite NAME COMMAND...
suite() {
	run_suite "$@"
	tell_suite "$1"
}

name_of() { tr / - <<<"${1#"$root/test/"}"; }

# suites_together FILE...: four at a time, since one or the other waits for a
# deadline, each with a sandbox and ports of its own. They are told of in this
# order; the longest begin first.
suites_together() {
	local files=("$@") running=0 file
	local waiting=("$root"/test/{e2e/run,pages/{walk,mirror,payment_cases}_test.py})
	local long=" ${waiting[*]} "
	for file; do
		[[ $long == *" $file "* ]] || waiting+=("$file")
	done
	while ((${#files[@]})); do
		while ((running < 4 && ${#waiting[@]})); do
			run_suite "$(name_of "${waiting[0]}")" "${waiting[0]}" &
			waiting=("${waiting[@]:1}") running=$((running + 1))
		done
		wait -n || true
		running=$((running - 1))
		while ((${#files[@]})) &&
			[[ -e $build/test/$(name_of "${files[0]}").log.end ]]; do
			tell_suite "$(name_of "${files[0]}")"
			files=("${files[@]:1}")
		done
	done
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

# The program as it ships; with sanitizers and crash points, for all suites; and a second
# compiler's opinion. -k 0: what compiles is tested even if something does not.
suite_build() {
	tally_good=0 tally_bad=0
	tally compile "$build" -- -k 0 portico sandbox bench-floor
	tally compile "$build/asan" -DSANITIZE=ON -DCRASH_POINTS=ON -- -k 0 portico sandbox tests
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

# What is kept of each driver, and some inputs made of it, always the same.
suite_fuzz() {
	local driver name folder folders runs
	tally_good=0 tally_bad=0
	for driver in "$root"/test/fuzz/fuzz_*.c; do
		name=$(basename "$driver" .c)
		name=${name#fuzz_}
		folders=()
		for folder in "$root"/test/fuzz/{corpus,crashes}/"$name"; do
			[[ ! -d $folder ]] || folders+=("$folder")
		done
		case $name in
		page | table | conf | profile) runs=300 ;;
		*) runs=3000 ;;
		esac
		tally "$build/asan/replay_$name" "$runs" \
			"$build/test/fuzz-$name.input" "${folders[@]}"
	done
	print_tally
}

all_suites() {
	say "logs are in $build/test/"
	export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
	# Short memory of what was freed and from where: half the time.
	ASAN_OPTIONS+=:quarantine_size_mb=8:malloc_context_size=6
	export UBSAN_OPTIONS=print_stacktrace=1
	export PYTHONDONTWRITEBYTECODE=1
	mkdir -p "$build/test"
	rm -f "$build"/test/*.log.end
	# For the suites: the program with sanitizers. The sandbox has them where
	# it is tested itself.
	export PORTICO_BIN=$build/asan/portico SANDBOX_BIN=$build/sandbox

	lock_build
	fetch_bootstrap || die "npm could not fetch Bootstrap"
	make_share
	suite build suite_build
	unlock_build
	# What mostly waits runs beside what mostly computes.
	run_suite lint "$root/test/lint/run" &
	suite unit suite_unit
	suite fuzz suite_fuzz
	suite bench "$root/test/bench/check"
	suite sandbox-check.sh "$root/test/sandbox/check.sh" "$build/asan/sandbox"
	wait
	tell_suite lint
	suite package-short "$root/test/package/short"
	suites_together "$root"/test/{postgres,abuse}/run \
		"$root"/test/pages/*_test.py "$root/test/e2e/run"
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((failed == 0))
}
