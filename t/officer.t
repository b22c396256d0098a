#!/usr/bin/env perl

# What the data officer does, as docs/operations.md shows it: its own lines
# are run.  Export and erase a learner, retention, past results, results as
# CSV, who read and wrote what.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP qw(decode_json);
use Results::Test::Docs;
use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;
my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');

my ($format) = Results::Test::Nginx::_slurp(
    $t->root . '/examples/tls.conf') =~ /^\s+(log_format .*?;)$/ms;

my $nginx = $t->nginx(
    http   => $format,
    zone   => 'tokens:1m ttl=1s',
    server => Results::Test::OneRoster->servers
              . 'access_log results.log results;');

my $school = $t->fixtures->institution('North School');
my $other = $t->fixtures->institution('other');

$pg->do(q{INSERT INTO results.person (institution_id, id, role, given_name)
          VALUES ($1, 'p-1', 'student', 'Lee'), ($1, 'p-9', 'student', 'Jo'),
                 ($2, 'p-1', 'student', 'Lee')}, $school, $other);
$pg->do(q{INSERT INTO results.assignment (institution_id, learner_id,
              course_item_id, enrollment_id, course_id, module_id)
          VALUES (?, 'p-1', 'ci', 'e', 'c', 'm')}, $school);
$pg->do(q{SELECT results.create_client('North School', 'lms')});

my %client = map { $_ => $t->client(institution => $_) } 'North School',
    'other';
my ($lms, $elsewhere) = map {
    Results::Test::OneRoster->new($t, 'timeback', token => $t->token(
        client => $client{$_}))
} 'North School', 'other';
my $own = $t->token(institution => 'North School', person => 'p-1');


# exit code and output of a block of the page, with files of the test's
sub run {
    my ($heading, $language, $regex, %files) = @_;

    my $lines = $docs->block($heading, $language, $regex);

    for my $file (sort keys %files) {
        $lines =~ s/\Q$file\E/$files{$file}/ or die "no $file\n";
    }

    my ($code, $text) = $language eq 'sql' ? $pg->psql($lines)
                                           : $pg->shell($lines);

    is($code, 0, "the page's $regex") or diag($text);
    return $text;
}

sub put {
    my ($who, $id, $learner, %fields) = @_;

    is($who->put("results/$id", $who->result(
        student => { sourcedId => $learner }, %fields))->status
        =~ /^20[01]$/, 1, "PUT $id");
}

sub results {
    return $pg->value(q{
        SELECT coalesce(string_agg(id || ':' || version, ' ' ORDER BY id), '')
        FROM results.result WHERE institution_id = ?}, $_[0] // $school);
}

sub slurp { Results::Test::Nginx::_slurp($_[0]) }


subtest 'what is there' => sub {
    put($lms, 'one', 'p-1', score => 1);
    put($lms, 'one', 'p-1', score => 2);
    put($lms, 'two', 'p-1');
    put($lms, 'of-9', 'p-9', metadata => { seenBy => 'P-1' });
    put($elsewhere, 'one', 'p-1');

    is(results(), 'of-9:1 one:2 two:1', 'stored');
    is(results($other), 'one:1', 'and at the other institution');
};


subtest 'who wrote and read what' => sub {
    is($lms->get('results/one')->status, 200, 'a result is read');

    my $log = "$nginx->{prefix}/results.log";
    ok(wait_for(sub { slurp($log) =~ /"GET"/ }), 'and logged');

    my $wrote = run('Who wrote and read what', 'sql', qr/written_by_op/);
    is(scalar(() = $wrote =~ /\|put\|/g), 3, 'three versions were written');

    my $read = $docs->block('Who wrote and read what', 'sql', qr/FROM log l/);
    my $lines = $docs->block('Who wrote and read what', 'sh', qr/iconv/);

    $lines =~ s{/var/log/nginx/results.log}{$log} or die 'no log';
    $lines =~ s{^END$}{$read\nEND}m or die 'no end';

    my ($code, $text) = $pg->shell($lines);

    is($code, 0, 'the log') or diag($text);
    like($text, qr{\| GET +\| /\S+/results/one +\| ok}, 'who read');
    unlike($text, qr/ERROR/, 'no error');
    like($text, qr/^\(5 rows\)$/m,
         'all requests that name a result of the learner') or diag($text);
};


subtest 'export' => sub {
    my $file = $t->dir . '/p-1.json';

    run('What is known of a learner', 'sh', qr/export_learner/,
        '> p-1.json' => "> $file");

    my $all = decode_json(slurp($file));

    is($all->{person}{given_name}, 'Lee', 'the person');
    is($all->{assignments}[0]{course_item_id}, 'ci', 'assignments');
    is($all->{clients}[0]{person_id}, 'p-1', 'clients');
    is_deeply([map { "$_->{id}:$_->{version}:$_->{score}" }
               @{ $all->{results} }], [qw(one:1:1 one:2:2 two:1:87.5)],
              'every version');
    like($all->{results}[0]{detail}{comment}, qr/marker/, 'with its detail');

    like(run('What is known of a learner', 'sql', qr/mentions/),
         qr/\Aresult\|of-9\|1\|p-9\|\n\z/, 'who else names the learner');

    is(decode_json($pg->value(
           q{SELECT results.export_learner('North School', 'nobody')}))
       ->{person}, undef, 'nobody is nothing');
};


subtest 'erase' => sub {
    is(run('Erase a learner', 'sql', qr/erase_learner/), "2|1|1|1|1\n",
       'how many of each');

    is(results(), 'of-9:1', 'the results are gone');
    is($pg->value('SELECT count(*) FROM results.result_history
                   WHERE institution_id = ?', $school), 0, 'the history');
    is($pg->value('SELECT count(*) FROM results.person
                   WHERE institution_id = ?', $school), 1, 'the person');
    is($pg->value('SELECT count(*) FROM results.assignment'), 0,
       'assignments');
    is($pg->value(q{SELECT count(*) FROM results_api.lookup_tokens(
                        array[sha256(convert_to(?, 'UTF8'))])}, $own), 0,
       'their token');
    is($pg->value(q{SELECT count(*) FROM results.access_token t
                    JOIN results.api_client c ON c.id = t.client_id
                    WHERE c.disabled_at IS NOT NULL}), 0, 'not even its hash');
    is($pg->value(q{SELECT results.export_learner('North School', 'p-1')
                    - 'exported_at' @> '{"person": null, "clients": [],
                        "assignments": [], "results": []}'}), 1,
       'nothing is known any more');

    is(results($other), 'one:1', 'another institution keeps its own');
    is($pg->value('SELECT count(*) FROM results.person
                   WHERE institution_id = ?', $other), 1, 'and its person');

    is($lms->get('results/one')->status, 404, 'nginx has nothing');

    put($lms, 'one', 'p-1');
    is(results(), 'of-9:1 one:1', 'what comes later begins again');
    is(run('Erase a learner', 'sql', qr/erase_learner/), "1|0|0|0|0\n",
       'and is erased again');
};


subtest 'a learner whose id is a GUID, in another form' => sub {
    my $guid = '0000000a-0000-4000-8000-00000000000b';

    put($lms, 'guid', uc $guid);
    put($lms, 'names', 'p-9',
        metadata => { x => '{' . uc($guid =~ tr/-//dr) . '}' });

    is($pg->value(q{SELECT string_agg(id, ' ')
                    FROM results.mentions_of_learner('North School', ?)},
                  "{$guid}"), 'names', 'is found without hyphens');
    is($pg->value(q{SELECT results
                    FROM results.erase_learner('North School', ?)},
                  "urn:uuid:$guid"), 1, 'is erased');
    is(results(), 'names:1 of-9:1', 'and nothing else');
};


subtest 'what SQL has stored in escapes is found' => sub {
    my @details = (esc => '{"a":"caf\\u00e9"}', slash => '{"a":["p\\/\\u0037"]}',
                   none => '{"a":"x\\u0000caf"}');

    while (my ($id, $detail) = splice @details, 0, 2) {
        $pg->do(q{INSERT INTO results.result (institution_id, kind, id, status,
                      detail, payload_hash, version, op, client_id,
                      created_at, updated_at)
                  VALUES (?, 'result', ?, 'active', ?, 0, 1, 1, 1, now(),
                          now())}, $school, $id, $detail);
    }

    my $mentions = sub {
        $pg->value(q{SELECT string_agg(id, ' ' ORDER BY id)
                     FROM results.mentions_of_learner('North School', ?)}, @_);
    };

    is($mentions->("caf\x{e9}"), 'esc', 'a character');
    is($mentions->('P/7'), 'slash', 'a slash, and a digit');
    is($mentions->('xyz'), undef, 'beside a text that jsonb does not take');

    $pg->do(q{DELETE FROM results.result WHERE id IN ('esc', 'slash', 'none')});
};


subtest 'erased while a token is asked for' => sub {
    my $n = 0;

    # a client of a person who is to be erased; how it asks for a token
    my $asks = sub {
        my $who = 't-' . ++$n;

        $pg->do(q{INSERT INTO results.person (institution_id, id, role)
                  VALUES (?, ?, 'student')}, $school, $who);

        my $secret = $pg->value(q{SELECT secret FROM results.create_client(
            'North School', ?, '{}', ?)}, "client-$n", $who);

        return ($who, "SELECT status FROM results_api.issue_access_token("
            . "'client-$n', sha256('$secret'), '{}', sha256('$n'), 60, null)");
    };

    my $waits = sub {
        my ($dbh) = @_;

        wait_for(sub {
            $pg->value(q{SELECT count(*) FROM pg_stat_activity
                         WHERE pid = ? AND wait_event_type = 'Lock'},
                       $dbh->{pg_pid});
        });
    };

    my $tokens = sub {
        $pg->value(q{SELECT count(*) FROM results.access_token
                     WHERE token_sha256 = sha256(?)}, $n);
    };

    my $erase = 'SELECT clients FROM results.erase_learner'
                . "('North School', '%s')";
    my ($asking, $officer) = ($pg->connect(user => $pg->gateway), $pg->connect);

    my ($who, $ask) = $asks->();

    $asking->begin_work;
    is($asking->selectrow_array($ask), 'granted', 'a token, not stored yet');

    $officer->do(sprintf($erase, $who), { pg_async => DBD::Pg::PG_ASYNC() });
    ok($waits->($officer), 'the officer waits for it');
    $asking->commit;
    $officer->pg_result;
    is($tokens->(), 0, 'and erases it, too');

    ($who, $ask) = $asks->();

    $officer->begin_work;
    is($officer->selectrow_array(sprintf $erase, $who), 1, 'erased first');

    my $sth = $asking->prepare($ask, { pg_async => DBD::Pg::PG_ASYNC() });
    $sth->execute;
    ok($waits->($asking), 'who asks waits');
    $officer->commit;
    $sth->pg_result;
    is($sth->fetchrow_array, 'invalid_client', 'and gets none');
    $sth->finish;
    is($tokens->(), 0, 'nothing is left');

    $_->disconnect for $asking, $officer;
};


subtest 'erased while somebody writes' => sub {
    put($lms, 'busy', 'p-2');

    my ($writer, $officer) = map { $pg->connect } 1, 2;

    $writer->begin_work;
    $writer->do(q{UPDATE results.result SET version = 2, updated_at = now()
                  WHERE id = 'busy'});

    $officer->do(q{SELECT results.erase_learner('North School', 'p-2')},
                 { pg_async => DBD::Pg::PG_ASYNC() });

    ok(wait_for(sub {
        $pg->value(q{SELECT count(*) FROM pg_stat_activity
                     WHERE pid = ? AND wait_event_type = 'Lock'},
                   $officer->{pg_pid});
    }), 'waits for the writer');

    $writer->commit;
    $officer->pg_result;

    is($pg->value(q{SELECT count(*) FROM results.history_of_learner(
                        'North School', 'p-2')}), 0,
       'has what the writer left, the replaced version included');

    $_->disconnect for $writer, $officer;
};


subtest 'retention' => sub {
    put($lms, "r-$_", 'p-9') for 1 .. 6;
    put($lms, 'r-6', 'p-9', score => $_) for 1, 2;
    put($elsewhere, 'r-1', 'p-9');

    $pg->do(q{UPDATE results.result SET updated_at = now() - interval '8 years'
              WHERE id IN ('r-1', 'r-3', 'r-4')});
    $pg->do(q{UPDATE results.result_history
              SET replaced_at = now() - interval '8 years'
              WHERE id = 'r-6' AND version = 1});

    # a writer has one of them just now
    my $writer = $pg->connect;
    $writer->begin_work;
    $writer->do(q{SELECT FROM results.result
                  WHERE institution_id = ? AND id = 'r-4' FOR UPDATE},
                undef, $school);

    is(run('Remove what is too old', 'sql', qr/CALL/), "2|1\n", 'how many');
    is(results(), 'names:1 of-9:1 r-2:1 r-4:1 r-5:1 r-6:3',
       'what is old is gone, but for what is being written');

    $writer->rollback;
    $writer->disconnect;

    is(join('|', $pg->dbh->selectrow_array(
           q{CALL results.purge_results('North School', '7 years', 1)})), '1|0',
       'step by step');
    is(results(), 'names:1 of-9:1 r-2:1 r-5:1 r-6:3', 'gone');
    is(results($other), 'one:1 r-1:1', 'of this institution only');

    ok(!eval { $pg->do(q{CALL results.purge_results('North School', '0')}); 1 },
       'not everything');
};


my $backfill = 'Past results';

subtest 'past results' => sub {
    my $before = results();

    for my $time ('the first time', 'again') {
        my $text = run($backfill, 'sh', qr/load_results/);

        like($text, qr/^ invalid \|    2\n stored  \|    3$/m, $time);
        like($text, qr/^ +4 \| old-4 \| invalid \| not a number: "12,5"$/m,
             'a row that is wrong');
        like($text, qr/^ +5 \| old-5 \| .* zone: "2019-06-14"$/m, 'another');
    }

    is(results(), "$before" =~ s/ r-2/ old-1:1 old-2:1 old-3:1 r-2/r,
       'the others are there, once');

    my $old = $lms->get('results/old-1');

    is($old->status, 200, 'one is read');
    is($old->json->{result}{score}, 87.5, 'and is what it was')
        or diag($old->body);
    is($pg->value(q{SELECT updated_at = '2019-06-14T10:00:00Z'
                    FROM results.result WHERE id = 'old-1'}), 1, 'as old');
    is($pg->value(q{SELECT DISTINCT written_by FROM results.result_list
                    WHERE id LIKE 'old-%'}), 'lms', 'of its client');

    put($lms, 'old-1', 'p-9', score => 5);
    is($pg->value(q{SELECT version FROM results.result WHERE id = 'old-1'}),
       2, 'it can be replaced');
};


# what becomes of rows, as { column => value }
sub load {
    my ($strict, @rows) = @_;

    my $dbh = $pg->dbh;

    $dbh->begin_work;
    $dbh->do('SELECT results.stage_results()');

    for my $row (@rows) {
        my %row = (kind => 'result', %$row);
        my @columns = sort keys %row;

        $dbh->do('INSERT INTO past_results (' . join(', ', @columns)
                 . ') VALUES (' . join(', ', ('?') x @columns) . ')', {},
                 @row{@columns});
    }

    $dbh->do('SELECT results.load_results(?, ?)', {}, 'lms', $strict);

    my $answer = $dbh->selectall_arrayref(
        q{SELECT outcome, coalesce(problem, '') AS problem FROM past_results
          ORDER BY row}, { Slice => {} });

    $dbh->commit;
    return @$answer;
}


subtest 'what is refused' => sub {
    my @wrong = (
        [{ id => '' }, qr/^id /],
        [{ id => 'i' x 256 }, qr/^id /],
        [{ id => 'w', learner_id => 'i' x 256 }, qr/^learner_id /],
        [{ id => 'w', kind => 'quiz' }, qr/record_kind.*quiz/],
        [{ id => 'w', kind => '' }, qr/^kind is missing/],
        [{ id => 'w', status => 'gone' }, qr/record_status/],
        [{ id => 'w', completion => 'done' }, qr/completion/],
        (map { [{ id => 'w', score => $_ }, qr/number|range/] }
         qw(NaN Infinity 1e400 x 0x1)),
        (map { [{ id => 'w', time_spent => $_ }, qr/integer|range|negative/] }
         qw(-1 1.5 2147483648)),
        (map { [{ id => 'w', started_at => $_ }, qr/time|zone|range/] }
         qw(2023-02-30T00:00:00Z infinity now 2023-01-01T00:00:00
            10000-01-01T00:00:00Z 0000-01-01T00:00:00Z)),
        (map { [{ id => 'w', detail => $_ }, qr/./] }
         '{', '[]', '1', '{"a": "\u0000"}'),
        [{ id => "w\x{1}" }, qr/^id .*control/],
        [{ id => 'w', item_id => "i\x{9f}" }, qr/^item_id .*control/],
        [{ id => 'w', progress => 101 }, qr/percentage/],
        (map { [{ id => 'w', completed_at => $_ }, qr/years 1 to 9999/] }
         qw(0001-01-01T00:00:00+01:00 9999-12-31T23:59:59-05:00)),
        [{ id => 'w', completed_at => '2023-01-01T24:00:00Z' }, qr/zone/],
        [{ id => 'w', written_at => '0001-01-01T00:00:00+14' }, qr/years/],
        (map { [{ id => 'w', detail => $_->[0] }, $_->[1]] }
         ['{"a": 1e400}', qr/number out of range: "1e400"/],
         ['{"a": -1e309}', qr/range/], ['{"a": 1e-10000}', qr/range/],
         ['{"a": ' . '1' x 1025 . '}', qr/range/],
         ['{"a": ' . '[' x 3000 . ']' x 3000 . '}', qr/too many levels/],
         ['{"a": ' . '[' x 31 . ']' x 31 . '}', qr/too many levels/],
         ['{"a": 1, "b": {"c": 1, "c": 2}}', qr/twice/],
         ['{"a": "\ud800"}', qr/./],
         ['{"metadata": 7}', qr/^detail.metadata: expected an object/],
         ['{"comment": 7}', qr/^detail.comment: expected a string/],
         ['{"late": true}', qr/^detail.late: expected a string/],
         ['{"score": 7}', qr/^detail.score: expected nothing/],
         ['{"scoreStatus": "graded"}', qr/^detail.scoreStatus: expected/],
         ['{"scoreDate": "2023-02-30"}', qr/range/],
         ['{"scoreDate": "2023-02-28T24:00:00Z"}', qr/zone/],
         ['{"scoreScale": {}}', qr/^detail.scoreScale: expected an object/],
         ['{"class": {"sourcedId": "c"}}', qr/expected the id of its column/],
         ['{"learningObjectiveSet": [{"source": "case"}]}',
          qr/^detail.learningObjectiveSet: expected/]),
        [{ id => 'w', written_at => '2999-01-01T00:00:00Z' }, qr/future/],
    );

    my $before = results();
    my @answers = load(0, map { $_->[0] } @wrong);

    for my $i (0 .. $#wrong) {
        my ($name) = map { substr "$_ $wrong[$i][0]{$_}", 0, 30 }
            sort { ($a eq 'id') <=> ($b eq 'id') } keys %{ $wrong[$i][0] };

        is($answers[$i]{outcome}, 'invalid', $name);
        like($answers[$i]{problem}, $wrong[$i][1], 'why');
    }

    is(results(), $before, 'nothing of it is stored');

    is(join(' ', map { $_->{outcome} } load(0, { id => 'of-9', score => 1 },
        { id => 'of-9', kind => 'assessment_result' },
        { id => 'of-9', kind => 'module_result' })),
       'conflict stored invalid', 'an id that is there, and one twice');

    is(join(' ', map { $_->{outcome} } load(1,
        { id => 's-1', learner_id => 'p-9' },
        { id => 's-2', learner_id => 'nobody' },
        { id => 's-3', item_id => 'nothing' })),
       'stored unknown_learner unknown_item', 'strict');

    my $many = sub { map { { id => "many-$_" } } @_ };

    is((grep { $_->{outcome} eq 'stored' } load(0, $many->(1 .. 1100))), 1100,
       'many');
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id LIKE 'many-%'}), 1100, 'are there');
};


subtest 'detail has the form that the module gives it' => sub {
    my $guid = '0000000a-0000-4000-8000-00000000000b';

    # what a body may have beside its columns, as a file and as a client has it
    my @details = (
        [{}, '{ "comment" : "caf\u00e9 \/ \u0001\t\"" }'],
        [{}, '{"metadata":{"b":[1.50, -0.0, 1e2, 1E-9, 0.00001, 1e-400,'
             . '9007199254740993, 12345678901234567890, 1E+02, null],'
             . '"a":{"x": 123456.789012, "y":12345678, "z": true}}}'],
        [{}, '{"scoreScale": {"sourcedId": "s 1", "type": "scoreScale"},'
             . ' "textScore": null, "late": "true"}'],
        [{ lineItem => { sourcedId => '{' . uc($guid) . '}', x => 1 } },
         '{"lineItem": {"href": "http://h/", "sourcedId": "{' . uc($guid)
         . '}", "x": 1}}', item_id => $guid],
        [{}, '{"metadata": ' . '{"a":' x 29 . '1' . '}' x 29 . '}'],
        [{}, '{"learningObjectiveSet":[{"source":"case",'
             . '"learningObjectiveResults":[{"learningObjectiveId":"x",'
             . '"score":1.0}]}]}'],
    );

    for my $n (0 .. $#details) {
        my ($more, $detail, %columns) = @{ $details[$n] };

        # what the fixture and every body has; the rest is the detail's
        my $start = '"scoreStatus":"fully graded","scoreDate":"2023-11-07"';
        my $text = $detail =~ s/^\{/{$start,/r;

        is((load(0, { id => "form-$n", learner_id => 'p-9', item_id => 'i',
                      %columns, detail => $text }))[0]{outcome}, 'stored',
           "row $n");

        my $body = '{"result":{"lineItem":{"sourcedId":"i"},'
            . '"student":{"sourcedId":"p-9"},' . substr($text, 1) . '}';
        $body =~ s/"lineItem":\{"sourcedId":"i"\},// if $more->{lineItem};

        my $put = $lms->put("results/by-client-$n", $body);
        is($put->status, 201, "body $n") or diag($put->body);

        is(stored("form-$n"), stored("by-client-$n"), 'the same text');
    }

    $pg->do(q{DELETE FROM results.result
              WHERE id LIKE 'form-%' OR id LIKE 'by-client-%'});
};

sub stored {
    return $pg->value('SELECT detail FROM results.result WHERE id = ?', @_);
}


subtest 'results as CSV' => sub {
    my $file = $t->dir . '/results.csv';

    $pg->do(q{DELETE FROM results.result WHERE id LIKE 'many-%'});
    put($lms, 'odd', '=a,"b"', score => 0.1,
        metadata => { text => "x,\"y\"\n\x{e9}" });

    is((load(0, { id => 'full', learner_id => 'p-9', item_id => 'i',
                  course_id => 'c', status => 'tobedeleted', score => '1e-7',
                  score_max => 10, completion => 'declined', progress => 12.5,
                  time_spent => 61, started_at => '2020-01-01T00:00:00.5Z',
                  completed_at => '2020-01-01 02:00:00+01:00',
                  scored_at => '2020-01-02T00:00:00-11',
                  written_at => '2020-01-03T00:00:00Z',
                  detail => '{"a": null, "b": [1.50, "x"]}' }))[0]{outcome},
       'stored', 'a result with everything');
    is($pg->value(q{
           SELECT concat_ws(' ', learner_id, item_id, course_id, status, score,
                            score_max, completion, progress, time_spent,
                            extract(epoch FROM started_at),
                            extract(epoch FROM completed_at),
                            extract(epoch FROM scored_at),
                            extract(epoch FROM updated_at), detail)
           FROM results.result WHERE id = 'full'}),
       'p-9 i c tobedeleted 1e-07 10 declined 12.5 61 1577836800.500000 '
       . '1577840400.000000 1577962800.000000 1578009600.000000 '
       . '{"a":null,"b":[1.50,"x"]}', 'as the file said');

    run('Results as CSV', 'sh', qr/result_list/,
        'results.csv' => $file);

    my $list = slurp($file);

    like($list, qr/^institution,kind,id,learner_id,given_name,/, 'its head');
    like($list, qr/^North School,result,of-9,p-9,Jo,/m, 'a line');
    unlike($list, qr/^other,/m, 'none of another institution');

    # and back, into another one
    my ($head) = $list =~ /\A(.*)\n/;

    $pg->do(q{SELECT results.create_client('other', 'copy')});
    $pg->do(q{DELETE FROM results.result WHERE institution_id = ?}, $other);

    my ($code, $text) = $pg->shell(<<~"SHELL");
        psql -XqAt -v ON_ERROR_STOP=1 <<'END'
        SELECT results.stage_results();
        ALTER TABLE past_results ADD institution text, ADD given_name text,
            ADD family_name text, ADD item_title text, ADD version text,
            ADD written_by text, ADD created_at text;
        \\copy past_results ($head) FROM $file CSV HEADER
        SELECT outcome FROM results.load_results('copy');
        END
        SHELL

    is($code, 0, 'loaded') or diag($text);
    like($text, qr/^stored\n\z/m, 'all of it');

    my $columns = 'kind, id, learner_id, item_id, course_id, status, score,
        score_max, completion, progress, time_spent, started_at,
        completed_at, scored_at, detail, updated_at';
    my ($here, $there) = map { $pg->rows(
        "SELECT $columns FROM results.result WHERE institution_id = ?
         ORDER BY kind, id", $_) } $school, $other;

    is_deeply($there, $here, 'is the same again');
};


subtest 'results_reader' => sub {
    my $dbh = $pg->connect;
    $dbh->do('SET ROLE results_reader');

    for my $what ("results.export_learner('North School', 'p-9')",
                  "results.mentions_of_learner('North School', 'p-9')",
                  'results.result_list')
    {
        ok(eval { $dbh->do("SELECT * FROM $what"); 1 }, "reads $what")
            or diag($@);
    }

    ok(!eval { $dbh->do(
           "SELECT results.erase_learner('North School', 'p-9')"); 1 },
       'but does not erase');

    $dbh->disconnect;
};


my $gateway = $pg->connect(user => $pg->gateway);

for my $call ("SELECT results.erase_learner('North School', 'p-9')",
              "SELECT results.export_learner('North School', 'p-9')",
              "CALL results.purge_results('North School', '7 years', 1)",
              "SELECT results.load_results('lms')",
              'SELECT FROM results.result_list')
{
    ok(!eval { $gateway->do($call); 1 } && $@ =~ /permission denied/,
       'nginx may not ' . $call =~ s/\s+/ /gr);
}

$gateway->disconnect;

is($pg->value(q{SELECT count(*) FROM pg_proc
                WHERE pronamespace = 'results'::regnamespace
                      AND has_function_privilege('results_gateway', oid,
                                                 'EXECUTE')}), 0,
   'nor anything else of the schema');
