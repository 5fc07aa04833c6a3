// store.js: the portal's store, changed from outside: states that would need
// days to come by themselves.
'use strict';

const path = require('path');
const { execFileSync } = require('child_process');

const program = `
import json, sqlite3, sys
path, changes = json.load(sys.stdin)
with sqlite3.connect(path, timeout=30) as db:
    for sql, rows in changes:
        db.executemany(sql, rows)
db.close()
`;

// Each change is a statement and the rows that it is done with.
function changeStore(stack, ...changes) {
	execFileSync('python3', ['-c', program], { input: JSON.stringify(
		[path.join(stack.folder, 'portico.db'), changes]) });
}

module.exports = { changeStore };
