# settings.awk: customer-params.json.sample as the manual page of the settings.
# Comments before a key become its text; those before the first brace the
# introduction; keys of a group carry its name.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	gsub(/"/, "\\(dq", text)
	sub(/^[.']/, "\\\\\\&&", text)
	return text
}

# The comment lines that have been read; an indented one is an example.
function flush_about(   i, n, line, literal) {
	n = split(about, line, "\n")
	for (i = 1; i < n; i++) {
		if (line[i] ~ /^    /) {
			if (!literal)
				print ".Bd -literal -offset indent"
			literal = 1
			sub(/^ +/, "", line[i])
		} else if (literal) {
			print ".Ed"
			literal = 0
		}
		print line[i] == "" ? ".Pp" : escape(line[i])
	}
	if (literal)
		print ".Ed"
	about = ""
}

BEGIN {
	print ".Dd November 28, 2026\n.Dt CUSTOMER-PARAMS.JSON 5\n.Os\n.Sh NAME"
	print ".Nm customer-params.json\n.Nd settings of portico\n.Sh DESCRIPTION"
}

/^ *\/\// {
	sub(/^ *\/\/ ?/, "")
	if (NR > 2)
		about = about $0 "\n"
	next
}

/^{/ {
	flush_about()
	print ".Sh SETTINGS\n.Bl -tag -width Ds"
	next
}

/^ *"[A-Za-z]+": *{$/ {
	split($0, part, "\"")
	group = part[2]
	print ".It Va " group
	last = group
	flush_about()
	next
}

/^ *"[A-Za-z]+":/ {
	split($0, part, "\"")
	value = $0
	sub(/^[^:]*: */, "", value)
	sub(/,$/, "", value)
	print ".It Va " (/^    / ? group "." : "") part[2] " No (" escape(value) ")"
	if (about == "")
		about = "With " last ", above.\n"
	else
		last = part[2]
	flush_about()
}

END {
	print ".El\n.Sh FILES\n.Bl -tag -width Ds"
	print ".It Pa /etc/portico/customer-params.json"
	print ".It Pa /etc/portico/brands/NAME/customer-params.json"
	print ".It Pa /usr/share/doc/portico/customer-params.json.sample"
	print ".El\n.Sh SEE ALSO\n.Xr portico 1"
}
