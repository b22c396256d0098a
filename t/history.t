#!/usr/bin/env perl

# What a result was before it was replaced or deleted: kept in the statement
# that replaces, shown by results.history_of_result() and _of_learner(), off
# where an institution says so.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::OneRoster->servers);

# two clients of one institution
my %who = map { $_ => $t->client } 1, 2;
my %name = map { $_ => $pg->value(
    'SELECT client_id FROM results.api_client WHERE id = ?', $who{$_}) } 1, 2;

my ($one, $two) = map {
    Results::Test::OneRoster->new($t, 'timeback',
                                  token => $t->token(client => $who{$_}))
} 1, 2;


# the versions as text, one a line
sub history {
    my ($function, @args) = @_;

    my $rows = $pg->rows("SELECT * FROM results.$function(?, ?)", @args);

    return [map {
        my $row = $_;
        join ' ', map { $row->{$_} // '-' } qw(id version status score
            learner_id written_by written_by_op replaced_by replaced_by_op)
    } @$rows];
}


sub of_result { history('history_of_result', 'school', @_) }
sub of_learner { history('history_of_learner', 'school', @_) }


subtest 'replaced, deleted, revived' => sub {
    is($one->put('results/h', $one->result(score => 1))->status, 201, 'PUT');
    is_deeply(of_result('h'), ["h 1 active 1 student-1 $name{1} put - -"],
              'one version, which is the current one');

    is($two->put('results/h', $two->result(score => 2))->status, 200,
       'another client replaces it');
    is($two->delete('results/h')->status, 204, 'and deletes it');
    is($two->delete('results/h')->status, 204, 'again, which is no change');
    is($one->put('results/h', $one->result(score => 3))->status, 200,
       'the first revives it');
    is($one->row('h')->{version}, 4, 'stored');

    is_deeply(of_result('h'), [
        "h 1 active 1 student-1 $name{1} put $name{2} put",
        "h 2 active 2 student-1 $name{2} put $name{2} delete",
        "h 3 tobedeleted 2 student-1 $name{2} delete $name{1} put",
        "h 4 active 3 student-1 $name{1} put - -",
    ], 'every version, who wrote it, who wrote the next');

    is($pg->value(q{SELECT bool_and(replaced_at = next) FROM (
            SELECT replaced_at, lead(written_at) OVER (ORDER BY version) AS next
            FROM results.history_of_result('school', 'h')) AS v
        WHERE next IS NOT NULL}), 1, 'each until the next');
    like($pg->value(q{SELECT detail ->> 'comment'
                      FROM results.history_of_result('school', 'h')
                      WHERE version = 1}), qr/^comment /, 'with its detail');
};


subtest 'a patch' => sub {
    $one->put('assessmentResults/h', $one->assessment_result(score => 1));
    is($two->patch('assessmentResults/h',
                   { assessmentResult => { score => 2 } })->status, 200,
       'PATCH');
    is($one->row('h', 'assessment_result')->{score}, 2, 'stored');

    is_deeply([grep { /assess|replace/ } @{ of_result('h') }],
              ["h 1 active 1 student-1 $name{1} put $name{2} replace",
               "h 2 active 2 student-1 $name{2} replace - -"],
              'an assessment result of the same id stands behind it');
};


subtest 'a learner' => sub {
    my $guid = '6f9619ff-8b86-d011-b42d-00c04fc964ff';

    $one->put('results/l1', $one->result(student => { sourcedId => $guid }));
    $one->put('results/l2', $one->result(student => { sourcedId => $guid }));
    $one->put('results/l1', $one->result(score => 1,
              student => { sourcedId => 'somebody-else' }));

    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id IN ('l1', 'l2')}), 2, 'stored');

    for my $text ($guid, uc $guid, "urn:uuid:$guid") {
        is_deeply(of_learner($text), [
            "l1 1 active 87.5 $guid $name{1} put $name{1} put",
            "l2 1 active 87.5 $guid $name{1} put - -",
        ], "all that was $text\'s, also what is another\'s now");
    }

    is(scalar @{ of_learner('somebody-else') }, 1, 'which that one has');
    is_deeply(of_learner('nobody'), [], 'nobody');
};


subtest 'another institution' => sub {
    is_deeply(history('history_of_result', 'elsewhere', 'h'), [],
              'has no part in it');

    my $other = Results::Test::OneRoster->new($t, 'oneroster',
        token => $t->token(institution => 'elsewhere'));

    $pg->do(q{UPDATE results.institution SET keep_history = false
              WHERE name = 'elsewhere'});

    is($other->put('results/h', $other->result(score => $_))->status, 201,
       "PUT $_") for 1, 2;
    is($other->delete('results/h')->status, 204, 'DELETE');
    is($pg->value(q{SELECT string_agg(version || score::text, ' ')
                    FROM results.history_of_result('elsewhere', 'h')}), '32',
       'that keeps no history has its results');

    $pg->do(q{UPDATE results.institution SET keep_history = true
              WHERE name = 'elsewhere'});
    $other->put('results/h', $other->result(score => 4));
    is($pg->value(q{SELECT string_agg(version::text, ' ' ORDER BY version)
                    FROM results.history_of_result('elsewhere', 'h')}), '3 4',
       'and its history from when it wants one');
};


subtest 'what an operator removed comes again' => sub {
    $one->put('results/again', $one->result(score => $_)) for 1, 2;
    $pg->do(q{DELETE FROM results.result WHERE id = 'again'});

    is($one->put('results/again', $one->result(score => 3))->status, 201,
       'as a new one');
    is($one->put('results/again', $one->result(score => 4))->status, 200,
       'which may be replaced');
    is($one->row('again')->{version}, 2, 'stored');
    is_deeply([map { (split)[1, 3] } @{ of_result('again') }],
              [1, 1, 1, 3, 2, 4], 'and keeps what was');
};


subtest 'in the same statement' => sub {
    my $lock = $pg->connect;
    my $http = $t->http;
    my $request = $t->put_request('h', $one->result(score => 5));

    $lock->begin_work;
    $lock->do('LOCK TABLE results.result_history IN ACCESS EXCLUSIVE MODE');

    $http->send($request);
    ok($pg->wait_for_blocked(1), 'a write waits for its history');
    is($one->row('h')->{score}, 3, 'and is not there before');

    $lock->rollback;
    is($http->response('PUT')->status, 200, 'both are');
    is($one->row('h')->{score}, 5, 'stored');
    is(scalar @{ $pg->rows(q{SELECT 1 FROM results.result_history
           WHERE id = 'h' AND kind = 'result' AND score = 3}) }, 1,
       'and kept');
};


subtest 'who may look' => sub {
    my $reader = $pg->connect;

    $reader->do('SET ROLE results_reader');
    ok($reader->selectrow_array(
           q{SELECT count(*) FROM results.history_of_result('school', 'h')}),
       'a reader may');
    ok(!eval { $pg->connect(user => $pg->gateway)->do(
           q{SELECT results.history_of_result('school', 'h')}); 1 },
       'the gateway may not');
};
