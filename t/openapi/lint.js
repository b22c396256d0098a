// node lint.js FILE: lints an OpenAPI document.  What is wrong goes to
// stderr, one line each, and makes it fail; else the document goes to stdout
// as JSON, with the operations in their order, which not every reader of JSON
// keeps.  An example called "invalid" has to be.  Run by t/openapi.t, with
// NODE_PATH naming the packages of package-lock.json.

'use strict';

const core = require('@redocly/openapi-core');

// the APIs take members that the document does not name
const example = { severity: 'error', allowAdditionalProperties: true };

const rules = {
    'no-invalid-media-type-examples': example,
    'no-invalid-parameter-examples': example,
    'no-invalid-schema-examples': example,
    'operation-tag-defined': 'error',
};

const methods = ['post', 'put', 'get', 'patch', 'delete'];


// the pointers of all examples that are called "invalid"
function* invalid(value, pointer) {
    for (const [name, member] of Object.entries(value || {})) {
        const escaped = name.replace(/~/g, '~0').replace(/\//g, '~1');
        const inner = `${pointer}/${escaped}`;

        if (inner.endsWith('/examples/invalid')) {
            yield inner;

        } else if (typeof member === 'object') {
            yield* invalid(member, inner);
        }
    }
}


async function main(file) {
    const config = await core.createConfig({
        extends: ['recommended-strict'],
        rules,
    });

    const resolver = new core.BaseResolver(config.resolve);
    const { parsed } = await resolver.resolveDocument(null, file, true);

    const problems = await core.lint({ ref: file, config });
    const wrong = new Set(invalid(parsed, '#'));
    const met = new Set();

    for (const problem of problems) {
        const pointer = problem.location[0].pointer || '';
        const known = [...wrong].find(p => pointer.startsWith(`${p}/`));

        if (known) {
            met.add(known);

        } else {
            process.exitCode = 1;
            console.error(`${pointer}: ${problem.message} ` +
                          `(${problem.ruleId})`);
        }
    }

    for (const pointer of wrong) {
        if (!met.has(pointer)) {
            process.exitCode = 1;
            console.error(`${pointer}: is valid`);
        }
    }

    if (process.exitCode) {
        return;
    }

    const order = [];

    for (const [path, item] of Object.entries(parsed.paths)) {
        for (const method of Object.keys(item)) {
            if (methods.includes(method)) {
                order.push([method, path]);
            }
        }
    }

    console.log(JSON.stringify({ document: parsed, order }));
}


main(process.argv[2]);
