// PUT results/{id} of the timeback API, as a service in Node.js does it:
// Fastify with JSON schemas, and a pool of pg.

'use strict';

const cluster = require('node:cluster');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');

const SCOPE =
    'https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.createput';
const TTL = 30000;
const PROCESSES = 2;

if (cluster.isPrimary) {
    for (let i = 0; i < PROCESSES; i++) {
        cluster.fork();
    }
    return;
}

const { Pool } = require('pg');
const fastify = require('fastify')({
    bodyLimit: 1048576,
    // as its documentation has it for bodies that must not be changed
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
});

const pool = new Pool({ max: Math.max(1, process.env.POOL / PROCESSES) });
const put = readFileSync(process.env.PUT_SQL, 'utf8');
const tokens = new Map();

const completions = {
    'exempt': 'accepted',
    'fully graded': 'complete',
    'not submitted': 'not_started',
    'partially graded': 'pending',
    'submitted': 'pending',
};

const text = { type: 'string' };
const id = {
    type: 'string', minLength: 1, maxLength: 255,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
};
const reference = {
    type: 'object',
    properties: { sourcedId: id, href: text, type: text },
    required: ['sourcedId'],
};
const result = {
    type: 'object',
    properties: {
        sourcedId: id,
        status: { enum: ['active', 'tobedeleted'] },
        dateLastModified: { type: 'string', format: 'date-time' },
        metadata: { type: 'object', additionalProperties: true },
        lineItem: reference,
        student: reference,
        class: reference,
        scoreScale: reference,
        scoreStatus: { enum: Object.keys(completions) },
        scoreDate: {
            type: 'string',
            anyOf: [{ format: 'date-time' }, { format: 'date' }],
        },
        score: { type: 'number' },
        textScore: text,
        comment: text,
        learningObjectiveSet: {
            type: 'array',
            items: { type: 'object', additionalProperties: true },
        },
        inProgress: text,
        incomplete: text,
        late: text,
        missing: text,
    },
    required: ['lineItem', 'student', 'scoreStatus', 'scoreDate'],
};
const envelope = {
    type: 'object',
    properties: { result },
    required: ['result'],
};
const reply = {
    type: 'object',
    properties: {
        result: {
            ...result,
            required: [],
            properties: {
                ...result.properties,
                status: text, scoreStatus: text, scoreDate: text,
                dateLastModified: text,
            },
        },
    },
};

async function principal(header) {
    if (!header || !header.startsWith('Bearer ')) {
        return null;
    }

    const digest = createHash('sha256').update(header.slice(7)).digest();
    const key = digest.toString('latin1');
    const known = tokens.get(key);

    if (known && known.until > Date.now()) {
        return known;
    }

    const { rows } = await pool.query(
        'SELECT institution_id, client_id, scopes ' +
        'FROM results_api.lookup_tokens(ARRAY[$1::bytea])', [digest]);
    if (rows.length === 0) {
        return null;
    }

    const found = {
        institution: rows[0].institution_id,
        client: rows[0].client_id,
        mayPut: rows[0].scopes.split(' ').includes(SCOPE),
        until: Date.now() + TTL,
    };
    tokens.set(key, found);
    return found;
}

// the body is parsed as Fastify would, and its hash kept
fastify.addContentTypeParser('application/json', { parseAs: 'string' },
    (request, body, done) => {
        try {
            request.hash = createHash('sha256').update(body).digest()
                .readBigInt64BE(0);
            done(null, JSON.parse(body));
        } catch (error) {
            error.statusCode = 400;
            done(error);
        }
    });

fastify.decorateRequest('principal', null);
fastify.decorateRequest('hash', null);

fastify.put('/ims/oneroster/gradebook/v1p2/results/:id', {
    schema: {
        params: { type: 'object', properties: { id } },
        body: envelope,
        response: { '2xx': reply },
    },
    onRequest: async (request, response) => {
        const caller = await principal(request.headers.authorization);
        if (caller === null) {
            return response.code(401).send();
        }
        if (!caller.mayPut) {
            return response.code(403).send();
        }
        request.principal = caller;
    },
}, async (request, response) => {
    const r = request.body.result;
    const path = request.params.id;

    if (r.sourcedId !== undefined && r.sourcedId !== path) {
        return response.code(422).send();
    }

    const {
        sourcedId, status = 'active', dateLastModified, lineItem, student,
        class: course, score, ...detail
    } = r;
    const now = new Date();

    const { rows } = await pool.query({
        name: 'put',
        text: put,
        values: [
            request.principal.institution, path, student.sourcedId,
            lineItem.sourcedId, course?.sourcedId, status, score,
            completions[r.scoreStatus], r.scoreDate, JSON.stringify(detail),
            request.hash, request.principal.client, now,
        ],
    });
    if (rows.length === 0) {
        return response.code(503).send();
    }

    const host = `http://${request.headers.host}/ims/oneroster/`;
    const sent = (kind, service, collection, of) => of && {
        href: `${host}${service}/v1p2/${collection}/${of.sourcedId}`,
        sourcedId: of.sourcedId,
        type: kind,
    };

    return response.code(rows[0].version === 1 ? 201 : 200).send({
        result: {
            ...detail,
            sourcedId: path,
            status,
            dateLastModified: now.toISOString(),
            lineItem: sent('lineItem', 'gradebook', 'lineItems', lineItem),
            student: sent('user', 'rostering', 'users', student),
            class: sent('class', 'rostering', 'classes', course),
            score,
        },
    });
});

fastify.listen({ host: '127.0.0.1', port: Number(process.env.PORT),
                 backlog: 4096 });
