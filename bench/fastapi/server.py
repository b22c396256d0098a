"""PUT results/{id} of the timeback API, as a service in Python does it:
FastAPI with a pydantic model, and a pool of asyncpg; uvicorn runs it."""

import hashlib
import json
import os
import time
from datetime import date, datetime, timezone
from typing import Any, Dict, List, Literal, Optional, Union

import asyncpg
from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import (BaseModel, StrictFloat, StrictInt, StrictStr, constr,
                      validator)

SCOPE = 'https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.createput'
TTL = 30
PROCESSES = 2
ID = r'^[^\x00-\x1f\x7f]+$'

COMPLETIONS = {
    'exempt': 'accepted', 'fully graded': 'complete',
    'not submitted': 'not_started', 'partially graded': 'pending',
    'submitted': 'pending',
}

with open(os.environ['PUT_SQL']) as f:
    PUT = f.read()

app = FastAPI(openapi_url=None)
tokens = {}


class Reference(BaseModel):
    sourcedId: constr(strict=True, regex=ID, max_length=255)
    href: Optional[StrictStr]
    type: Optional[StrictStr]


class Result(BaseModel):
    sourcedId: Optional[StrictStr]
    status: Literal['active', 'tobedeleted'] = 'active'
    dateLastModified: Optional[datetime]
    metadata: Optional[Dict[str, Any]]
    lineItem: Reference
    student: Reference
    class_: Optional[Reference]
    scoreScale: Optional[Reference]
    scoreStatus: Literal['exempt', 'fully graded', 'not submitted',
                         'partially graded', 'submitted']
    scoreDate: Union[datetime, date]
    score: Optional[Union[StrictInt, StrictFloat]]
    textScore: Optional[StrictStr]
    comment: Optional[StrictStr]
    learningObjectiveSet: Optional[List[Dict[str, Any]]]
    inProgress: Optional[StrictStr]
    incomplete: Optional[StrictStr]
    late: Optional[StrictStr]
    missing: Optional[StrictStr]

    # pydantic would make an object of an empty array
    @validator('metadata', pre=True)
    def is_object(cls, value):
        if not isinstance(value, dict):
            raise ValueError('not an object')
        return value

    class Config:
        fields = {'class_': 'class'}


class Envelope(BaseModel):
    result: Result


NOT_DETAIL = {'sourcedId', 'status', 'dateLastModified', 'lineItem',
              'student', 'class', 'score'}


@app.on_event('startup')
async def startup():
    app.pool = await asyncpg.create_pool(
        min_size=1, max_size=max(1, int(os.environ['POOL']) // PROCESSES))


@app.on_event('shutdown')
async def shutdown():
    await app.pool.close()


async def principal(header):
    if not header or not header.startswith('Bearer '):
        return None

    digest = hashlib.sha256(header[7:].encode()).digest()
    known = tokens.get(digest)

    if known is None or known[3] < time.monotonic():
        row = await app.pool.fetchrow(
            'SELECT institution_id, client_id, scopes '
            'FROM results_api.lookup_tokens(ARRAY[$1::bytea])', digest)
        if row is None:
            return None
        known = (row[0], row[1], SCOPE in row[2].split(),
                 time.monotonic() + TTL)
        tokens[digest] = known

    return known


def reference(kind, path, of):
    return {'href': path + of['sourcedId'], 'sourcedId': of['sourcedId'],
            'type': kind}


@app.put('/ims/oneroster/gradebook/v1p2/results/{id}')
async def put_result(request: Request, body: Envelope,
                     id: str = Path(regex=ID, max_length=255)):
    caller = await principal(request.headers.get('authorization'))
    if caller is None:
        return Response(status_code=401)
    if not caller[2]:
        return Response(status_code=403)

    result = body.result
    if result.sourcedId not in (None, id):
        return Response(status_code=422)

    # starlette keeps the body that the model was made of
    raw = await request.body()
    sent = json.loads(raw)['result']
    scored = result.scoreDate
    if not isinstance(scored, datetime):
        scored = datetime(scored.year, scored.month, scored.day)
    if scored.tzinfo is None:
        scored = scored.replace(tzinfo=timezone.utc)
    now = datetime.now(timezone.utc)

    version = await app.pool.fetchval(
        PUT, caller[0], id, result.student.sourcedId,
        result.lineItem.sourcedId, result.class_ and result.class_.sourcedId,
        result.status, result.score, COMPLETIONS[result.scoreStatus], scored,
        json.dumps({name: value for name, value in sent.items()
                    if name not in NOT_DETAIL}),
        int.from_bytes(hashlib.sha256(raw).digest()[:8], 'big', signed=True),
        caller[1], now)
    if version is None:
        return Response(status_code=503)

    host = 'http://%s/ims/oneroster/' % request.headers['host']
    sent['sourcedId'] = id
    sent['status'] = result.status
    sent['dateLastModified'] = now.isoformat(timespec='milliseconds')
    sent['lineItem'] = reference(
        'lineItem', host + 'gradebook/v1p2/lineItems/', sent['lineItem'])
    sent['student'] = reference(
        'user', host + 'rostering/v1p2/users/', sent['student'])
    if result.class_:
        sent['class'] = reference(
            'class', host + 'rostering/v1p2/classes/', sent['class'])

    return JSONResponse({'result': sent}, 201 if version == 1 else 200)
