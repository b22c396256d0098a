-- What the application servers of this folder send for each request: the
-- record that the module stores, into the same table, with the same guard.

INSERT INTO results.result AS r (
    institution_id, kind, id, learner_id, item_id, course_id, status, score,
    completion, scored_at, detail, payload_hash, version, op, id_space,
    client_id, created_at, updated_at)
VALUES ($1, 'result', $2, $3, $4, $5, $6::text::results.record_status, $7,
        $8::text::results.completion, $9, $10, $11, 1, 1, 1, $12, $13, $13)
ON CONFLICT (institution_id, id_space, id) DO UPDATE SET
    learner_id = EXCLUDED.learner_id, item_id = EXCLUDED.item_id,
    course_id = EXCLUDED.course_id, status = EXCLUDED.status,
    score = EXCLUDED.score, completion = EXCLUDED.completion,
    scored_at = EXCLUDED.scored_at, detail = EXCLUDED.detail,
    payload_hash = EXCLUDED.payload_hash, version = r.version + 1,
    op = EXCLUDED.op, client_id = EXCLUDED.client_id,
    updated_at = EXCLUDED.updated_at
WHERE r.kind = EXCLUDED.kind AND r.updated_at <= EXCLUDED.updated_at
RETURNING version
