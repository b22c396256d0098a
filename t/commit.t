#!/usr/bin/env perl

# A 2xx is durable: it is answered when the commit is done, not when the
# statement is, and only if nothing was said against it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->do(q{
    CREATE FUNCTION results.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.item_id = 'fails' THEN
            RAISE EXCEPTION 'too late' USING ERRCODE = '23503';
        ELSIF NEW.item_id = 'warns' THEN
            RAISE WARNING 'not replicated';
        END IF;
        RETURN NULL;
    END $$
});
$pg->do(q{
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE
    ON results.result DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION results.at_commit()
});

$pg->do('CREATE TABLE results.always_warn ()');
$pg->do('GRANT SELECT ON results.always_warn TO PUBLIC');
$pg->do(q{
    CREATE FUNCTION results.warn() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM results.always_warn) THEN
            RAISE WARNING 'not replicated';
        END IF;
        RETURN NULL;
    END $$
});
$pg->do(q{
    CREATE TRIGGER warn BEFORE INSERT ON results.result
    FOR EACH STATEMENT EXECUTE FUNCTION results.warn()
});

my $nginx = $t->nginx(store => 'write_timeout 2s;');


subtest 'a constraint that fails at the commit' => sub {
    my $response = $t->put('fails',
        $t->result(lineItem => { sourcedId => 'fails' }));

    is($response->status, 422, 'is no 2xx');
    ok(!$t->row('fails'), 'and no row');
    is($t->put('fails', $t->result)->status, 201, 'the next one is fine');
};


subtest 'a warning at the commit' => sub {
    my $response = $t->put('warns',
        $t->result(lineItem => { sourcedId => 'warns' }));

    is($response->status, 201, 'the write is run again, without one');
    is($t->row('warns')->{version}, 1, 'and changes nothing');
    cmp_ok($t->status->{groups}{rerun}, '>=', 1, 'as is counted');
};


subtest 'a warning every time' => sub {
    $pg->do('INSERT INTO results.always_warn DEFAULT VALUES');

    my $response = $t->put('unsure', $t->result);

    is($response->status, 503, 'is no 2xx');
    ok($response->header('Retry-After'), 'but may be sent again');

    $pg->do('DELETE FROM results.always_warn');

    is($t->put('unsure', $t->result)->status / 100 | 0, 2, 'and then is one');
};


subtest 'the machine stops right after the answer' => sub {
    is($t->put('killed', $t->result(score => 1))->status, 201, 'created');
    is($t->put('killed', $t->result(score => 2))->status, 200, 'replaced');

    $nginx->kill_all;
    $pg->stop('kill');
    $pg->start;
    $nginx->start;

    my $row = $t->row('killed');

    is($row->{version}, 2, 'both are there');
    is($row->{score}, 2, 'the last one last');
    is($t->put('killed', $t->result)->status, 200, 'and it goes on');
};


# The row of a write may come although the write is rolled back: nothing of it
# may be believed, least of all by the next run of it.

subtest 'a replace that is rolled back behind its row' => sub {
    my $uri = "$Results::Test::BASE/assessmentResults/patched";
    my $LOCK = 1013;

    my $put = sub {
        return $t->request('PUT', $uri, $t->headers, $t->encode({
            assessmentResult => {
                assessmentLineItem => { sourcedId => 'item' },
                student => { sourcedId => 'student' },
                scoreStatus => 'fully graded', scoreDate => '2026-03-02',
                @_,
            } }));
    };

    # The first replace fails at its commit, as a transaction that is ended
    # for another's sake does; the second one waits before it has begun.
    $pg->do('CREATE SEQUENCE results.replaces');
    $pg->do(q{
        CREATE FUNCTION results.replace_fails() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF NEW.op = 4 AND currval('results.replaces') = 1 THEN
                RAISE EXCEPTION 'ended' USING ERRCODE = '40001';
            END IF;
            RETURN NULL;
        END $$
    });
    $pg->do(q{
        CREATE CONSTRAINT TRIGGER replace_fails AFTER UPDATE
        ON results.result DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION results.replace_fails()
    });
    $pg->do(qq{
        CREATE FUNCTION results.replace_waits() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER AS \$\$
        BEGIN
            IF NEW.op = 4 AND nextval('results.replaces') = 2 THEN
                PERFORM pg_advisory_xact_lock($LOCK);
            END IF;
            RETURN NEW;
        END \$\$
    });
    $pg->do(q{
        CREATE TRIGGER replace_waits BEFORE INSERT ON results.result
        FOR EACH ROW EXECUTE FUNCTION results.replace_waits()
    });

    is($put->(score => 1)->status, 201, 'there is one');
    $pg->do("SELECT pg_advisory_lock($LOCK)");

    my $http = $t->http;

    $http->send($http->format('PATCH', $uri, $t->headers,
        $t->encode({ assessmentResult => { comment => 'late' } })));

    wait_for(sub {
        $pg->value(q{SELECT count(*) FROM pg_locks
                     WHERE locktype = 'advisory' AND NOT granted});
    });

    is($put->(score => 2)->status, 200, 'another client replaces it');
    $pg->do("SELECT pg_advisory_unlock($LOCK)");

    is($http->response('PATCH')->status, 200, 'the replace comes, too');

    my $row = $t->row('patched');

    is($row->{score}, 2, 'upon what was acknowledged');
    like($row->{detail}, qr/late/, 'and with its own');
    is($row->{version}, 3, 'no version was skipped');
};
