#!/usr/bin/env perl

# results_api.read_records(), called as the gateway may call it: also with
# what the module never sends.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $us = $t->fixtures->institution('us');
my $them = $t->fixtures->institution('them');

# of two institutions, all kinds, some deleted

$pg->do(q{
    INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
        course_id, status, score, completion, started_at, scored_at, detail,
        payload_hash, version, op, id_space, client_id, created_at, updated_at)
    SELECT i, k::results.record_kind, k || '-' || n, 'l' || n % 3,
           'i' || n % 2, CASE WHEN n % 4 > 0 THEN 'c' || n % 4 END,
           CASE WHEN n = 9 THEN 'tobedeleted' ELSE 'active'
           END::results.record_status,
           CASE WHEN n > 2 THEN n END, 'complete',
           timestamptz '2026-01-01' + n * interval '1 day',
           timestamptz '2026-01-01' + n * interval '1 day',
           CASE WHEN n % 3 > 0 THEN jsonb_build_object('a', n, 'b', 'x' || n,
               'c', jsonb_build_object('d', n % 2 = 0)) END,
           1, 1, 1, results.id_space(array_position(
               enum_range(null::results.record_kind),
               k::results.record_kind)::smallint),
           1, timestamptz '2026-01-01', timestamptz '2026-01-01'
               + n * interval '1 hour'
    FROM unnest(ARRAY[?, ?]::int[]) i,
         unnest(enum_range(null::results.record_kind)::text[]) k,
         generate_series(1, 10) n
}, $us, $them);

my $dbh = $pg->connect(user => $pg->gateway);

my @PARAMS = (
    [institution => 'int',           $us],
    [kind        => 'smallint',      1],
    [course      => 'text',          undef],
    [learner     => 'text',          undef],
    [item        => 'text',          undef],
    [deleted     => 'boolean',       0],
    [fields      => 'smallint[]',    []],
    [operators   => 'smallint[]',    []],
    [paths       => 'text[]',        []],
    [texts       => 'text[]',        []],
    [numbers     => 'numeric[]',     []],
    [lows        => 'timestamptz[]', []],
    [highs       => 'timestamptz[]', []],
    [any         => 'boolean',       0],
    [sort        => 'smallint',      1],
    [sort_path   => 'text',          undef],
    [descending  => 'boolean',       0],
    [limit       => 'int',           100],
    [offset      => 'bigint',        0],
);

my $n = 0;
my $CALL = 'SELECT * FROM results_api.read_records('
    . join(', ', map { '$' . ++$n . "::$_->[1]" } @PARAMS) . ')';


# the rows, or nothing where it fails
sub rows {
    my (%opt) = @_;

    return eval {
        $dbh->selectall_arrayref($CALL, { Slice => {} },
            map { exists $opt{$_->[0]} ? $opt{$_->[0]} : $_->[2] } @PARAMS);
    };
}

sub ids { join ' ', map { $_->{record_id} // '-' } @{ rows(@_) || [] } }


subtest 'pages' => sub {
    is(scalar @{ rows() }, 36, 'all kinds but assessment results are results');
    is(rows()->[0]{total}, 36, 'every row knows how many');
    is(scalar @{ rows(kind => 2) }, 9, 'assessment results are their own');
    is(scalar @{ rows(deleted => 1) }, 40, 'what is deleted, too');

    is(ids(kind => 2, limit => 2, offset => 1),
       'assessment_result-10 assessment_result-2', 'a page');
    is(ids(kind => 2, limit => 2, descending => 1),
       'assessment_result-8 assessment_result-7', 'from the end');

    for my $case ([100, 99], [0, 0], [0, 5], [-1, -1], [100, '4611686018427387904']) {
        my ($limit, $offset) = @$case;
        my $rows = rows(limit => $limit, offset => $offset);

        is(scalar @$rows, 1, "limit $limit, offset $offset: one row");
        is($rows->[0]{record_id}, undef, 'that is none');
        is($rows->[0]{total}, 36, 'but has the total');
    }

    is(rows(institution => 12345)->[0]{total}, 0, 'nobody has nothing');

    is(ids(learner => 'l1', kind => 2), join(' ', map {
        "assessment_result-$_" } 1, 10, 4, 7), 'of a learner');
    is(ids(learner => 'l1', item => 'i0', course => 'c2', kind => 2),
       'assessment_result-10', 'of an item and a course as well');
};


# Every number there is and some that are not.  A call is answered as it
# should be or refused; none goes beyond its institution.

subtest 'numbers' => sub {
    my (%answered, $wrong, $beyond);
    my @values = (paths => ['a', 'a'], texts => ['active', 'active'],
        numbers => [3, 3], lows => ['2026-01-02', '2026-01-02'],
        highs => ['2026-01-03', '2026-01-03']);

    for my $field (-1 .. 15) {
        for my $operator (-1 .. 9) {
            my $rows = rows(fields => [$field], operators => [$operator],
                            @values);
            $answered{$field} .= $operator if $rows;

            # together with a term that all records match
            for my $any (0, 1) {
                my $both = rows(fields => [1, $field], any => $any,
                    operators => [2, $operator], @values);

                $wrong++ if !$rows != !$both;
                $wrong++ if $both && $both->[0]{total}
                    != ($any ? 36 : $rows->[0]{total});
            }
        }
    }

    is($wrong // 0, 0, 'AND with all is the same, OR with all is all');
    is_deeply(\%answered, {
        (map { $_ => '1234567' } 1, 2, 3, 4, 9, 10, 12, 13),
        5 => '12', 6 => '1245', 7 => '1245', 8 => '123456', 11 => '123456',
    }, 'which fields know which operators');

    my $sorts = join ' ', grep {
        my $rows = rows(sort => $_, sort_path => 'a', deleted => 1);
        $wrong++ if $rows && (@$rows != 40 || $rows->[0]{total} != 40);
        $rows;
    } -1 .. 15;

    is($sorts, '1 2 3 4 5 6 7 8 9 10 11 12 13', 'every field sorts');
    is($wrong // 0, 0, 'and loses no row');
};


subtest 'texts' => sub {
    my @texts = ("'", "''", "' OR true --", "'; SELECT 1; --", '\\', "\\'",
        '$1', '($7)[1]', '%', '_', '"', '{', '}', "a\nb", ') OR (true',
        "\x{1f600}");
    my $refused = 0;

    for my $text (@texts) {
        for my $field (1, 9, 10, 12) {
            for my $operator (1 .. 7) {
                my $rows = rows(fields => [$field], operators => [$operator],
                    texts => [$text], paths => [$text], numbers => [undef],
                    sort => 12, sort_path => $text);
                $refused++ if !$rows;
            }
        }

        $refused++ if !rows(course => $text) || rows(course => $text)->[0]
            {total} || rows(learner => $text, item => $text)->[0]{total};
    }

    is($refused, 0, 'are texts and nothing else');
    is($pg->value('SELECT count(*) FROM results.result'), 100,
       'all rows are there');
    is(rows(fields => [5], operators => [1], texts => ['foo']), undef,
       'a word that is no status is refused');
    is($dbh->state, '22P02', 'as data');
};


subtest 'institutions' => sub {
    my $ids = ids(institution => $them, deleted => 1);

    # the same ids, so what is theirs shows in what changes
    $pg->do(q{UPDATE results.result SET score = 1000
              WHERE institution_id = ?}, $them);

    is(ids(institution => $them, deleted => 1), $ids, 'they have as many');

    for my $any (0, 1) {
        my $rows = rows(deleted => 1, any => $any, fields => [5, 5],
            operators => [1, 2], texts => ['active', 'active']);

        is(scalar(grep { ($_->{score} // 0) == 1000 } @$rows), 0,
           'nothing of theirs');
        is(scalar(grep { defined $_->{record_id} } @$rows), $any ? 40 : 0,
           'and all of ours');
    }
};


subtest 'what detail holds is found, whatever it holds' => sub {
    $pg->do(q{
        UPDATE results.result SET detail = jsonb_build_object('a',
            (ARRAY['1e308', '"1e999"', '1e999', 'true', 'null', '[1]', '{}',
                   '""', '-0', '0.1'])[split_part(id, '-', 2)::int]::jsonb)
        WHERE institution_id = ? AND kind = 'result'
    }, $us);

    for my $field (10, 11, 12) {
        for my $operator (1 .. ($field == 11 ? 6 : 7)) {
            ok(rows(fields => [$field], operators => [$operator],
                    paths => ['a'], texts => ['1'], numbers => [1],
                    sort => $field, sort_path => 'a'),
               "field $field, operator $operator");
        }
    }

    is(ids(fields => [12], operators => [1], paths => ['a'], texts => ['x'],
           numbers => ['0.10']), 'result-10', 'a number by its value');
    is(ids(fields => [12], operators => [3], paths => ['a'], texts => ['~'],
           numbers => ['1e300']), 'result-1 result-3', 'of any size');
};


subtest 'whom the fragments serve' => sub {
    for my $call ("field_sql(1, 'x')", 'term_sql(1, 1, 1)', 'score_word()') {
        ok(!eval { $dbh->do("SELECT results.$call"); 1 }, $call);
        is($dbh->state, '42501', 'is not for the gateway');
    }

    my ($config, $definer, $volatile) = $pg->dbh->selectrow_array(q{
        SELECT array_to_string(proconfig, ','), prosecdef, provolatile
        FROM pg_proc WHERE proname = 'read_records'
    });

    is($config, 'search_path=pg_catalog, pg_temp', 'its search path is fixed');
    ok($definer, 'it runs as the owner');
    is($volatile, 's', 'and writes nothing');
};

$dbh->disconnect;
