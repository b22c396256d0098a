#!/usr/bin/env perl

# PUT, GET and DELETE of one result or assessment result, in both OneRoster
# dialects: what is stored, what is answered.  Every reply is checked against
# its dialect's schema, every 2xx is followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers);

my %client = map { $_ => Results::Test::OneRoster->new($t, $_) }
    qw(timeback oneroster);

# collection => [method of a body, kind]
my %collections = (
    results           => ['result', 'result'],
    assessmentResults => ['assessment_result', 'assessment_result'],
);


sub row { $client{timeback}->row(@_) }


for my $dialect (sort keys %client) {
    my $or = $client{$dialect};

    for my $collection (sort keys %collections) {
        my ($body, $kind) = @{ $collections{$collection} };

        subtest "$dialect: the life of one of $collection" => sub {
            my $id = "life-$dialect";
            my $path = "$collection/$id";

            is($or->get($path)->status, 404, 'there is none');
            is($or->code_minor($or->get($path)), 'unknownobject', 'by its word');
            like($or->description($or->get($path)),
                 qr/Unknown Object.*"$id"/, 'and its name');
            is($or->delete($path)->status, 404, 'none to delete');
            ok(!row($id, $kind), 'and no row');

            my $response = $or->put($path, $or->$body(score => 1));

            is($response->status, 201, 'PUT creates');
            is($response->body eq '', $or->strict,
               'a body is answered by Timeback only');
            is_deeply([@{ row($id, $kind) }{qw(version score op)}],
                      [1, 1, 1], 'stored');

            my $got = $or->get($path);

            is($got->status, 200, 'GET');
            is($got->body, $response->body, 'answers what PUT did')
                if !$or->strict;
            is($or->object($got)->{score}, 1, 'the score');
            is($or->object($got)->{sourcedId}, $id, 'the id');

            $response = $or->put($path, $or->$body(score => 2));

            is($response->status, $or->strict ? 201 : 200, 'PUT replaces');
            is_deeply([@{ row($id, $kind) }{qw(version score)}], [2, 2],
                      'stored');
            is($or->object($or->get($path))->{score}, 2, 'GET has it');

            $response = $or->delete($path);

            is($response->status, 204, 'DELETE');
            is($response->body, '', 'has no body');
            is_deeply([@{ row($id, $kind) }{qw(version score status)}],
                      [3, 2, 'tobedeleted'], 'a soft one');
            is($or->get($path)->status, 404, 'GET finds nothing');
            is($or->request('HEAD', $path)->status, 404, 'nor HEAD');

            is($or->delete($path)->status, 204, 'DELETE again');
            is(row($id, $kind)->{version}, 3, 'changes nothing');

            $response = $or->put($path, $or->$body(score => 3));

            is($response->status, $or->strict ? 201 : 200, 'PUT revives');
            is_deeply([@{ row($id, $kind) }{qw(version score status)}],
                      [4, 3, 'active'], 'stored');
            is($or->object($or->get($path))->{status}, 'active', 'GET');

            $response = $or->put($path, $or->$body(status => 'tobedeleted'));

            is($response->status, $or->strict ? 201 : 200,
               'a status of tobedeleted');
            is(row($id, $kind)->{status}, 'tobedeleted', 'deletes softly');
            is($or->get($path)->status, 404, 'GET finds nothing');
        };
    }


    subtest "$dialect: HEAD, slashes, bodies" => sub {
        $or->put('results/one', $or->result);
        ok(row('one', 'result'), 'stored');

        my $get = $or->get('results/one');
        my $head = $or->request('HEAD', 'results/one');

        is($head->status, 200, 'HEAD');
        is($head->body, '', 'has no body');
        is($head->header('Content-Length'), length $get->body,
           'but the length of one');
        is($or->get('results/one/')->body, $get->body,
           'a slash at the end is ignored');

        $get = $or->get('results/one', '{"a": 1}');
        is($get->status, 200, 'a GET may have a body');

        $get = $or->get('results/one', undef,
                        more => [Accept => 'text/plain']);
        is($get->status, 200, 'and any Accept');

        is($or->delete('results/one', '{"a": 1}')->status, 204,
           'a DELETE may have a body');
        is(row('one', 'result')->{status}, 'tobedeleted', 'stored');
    };


    subtest "$dialect: an id is a result and an assessment result" => sub {
        my $id = "both-$dialect";

        for my $collection (sort keys %collections) {
            my ($body, $kind) = @{ $collections{$collection} };
            is($or->put("$collection/$id", $or->$body)->status, 201,
               $collection);
            is(row($id, $kind)->{version}, 1, 'stored');
        }

        is($or->delete("results/$id")->status, 204, 'one is deleted');
        is(row($id, 'result')->{status}, 'tobedeleted', 'stored');
        is($or->get("assessmentResults/$id")->status, 200, 'the other is not');
        is(row($id, 'assessment_result')->{status}, 'active', 'nor stored');
    };


    subtest "$dialect: ids" => sub {
        $t->pg->do('TRUNCATE results.result');

        for my $id ('a/b', 'a b', 'a+b', '..', '%2F', 'a"b\\', '{a,b}', ';--',
                    "\x{1f600}", "\x{202e}\x{5e9}", 'a?b#c', 'x' x 255,
                    "\x{1f600}" x 255)
        {
            my $path = 'results/' . $or->segment($id);
            my $name = length $id > 40 ? 'one of 255' : $id;

            utf8::encode($name);

            is($or->put($path, $or->result)->status, 201, "$name: PUT");
            ok(row($id, 'result'), 'stored');
            is(eval { $or->object($or->get($path))->{sourcedId} }, $id, 'GET');
            is($or->delete($path)->status, 204, 'DELETE');
            is(row($id, 'result')->{status}, 'tobedeleted', 'stored');
            is($or->get($path)->status, 404, 'GET again');
        }

        for my $path ('x' x 256, 'a%0Ab', 'a%1Fb', 'a%7F', '%C3', '%C0%AF') {
            for my $method (qw(GET DELETE)) {
                my $response = $or->request($method, "results/$path");
                my $name = length $path > 40 ? '256 characters' : $path;

                is($response->status, 422, "$name: $method");
                like($or->description($response), qr/sourcedId/, 'names it');
            }
        }
    };


    subtest "$dialect: another institution sees nothing of it" => sub {
        my $other = $or->with(token =>
            $t->token(institution => "other-$dialect"));

        $or->put('results/ours', $or->result(score => 1));
        is(row('ours', 'result')->{score}, 1, 'stored');

        is($other->get('results/ours')->status, 404, 'GET');
        is($other->delete('results/ours')->status, 404, 'DELETE');
        is($other->put('results/ours', $or->result(score => 2))->status, 201,
           'PUT makes one of its own');

        is_deeply([map { $_->{score} } @{ $t->pg->rows(
                       'SELECT score FROM results.result WHERE id = ? '
                       . 'ORDER BY score', 'ours') }], [1, 2],
                  'both are there');
        is($or->object($or->get('results/ours'))->{score}, 1, 'ours stays');

        $t->pg->do(q{DELETE FROM results.result WHERE id = 'ours'});
    };


    subtest "$dialect: an id that a record of another API holds" => sub {
        my $id = "held-$dialect";

        $t->pg->do(q{
            INSERT INTO results.result (institution_id, kind, id, learner_id,
                item_id, status, payload_hash, version, op, client_id,
                created_at, updated_at)
            VALUES (?, 'learning_event', ?, 'l', 'i', 'active', 1, 1, 2, 1,
                    now(), now())
        }, $t->fixtures->institution, $id);

        my $put = $or->put("results/$id", $or->result);

        is($put->status, 409, 'PUT');
        like($or->description($put), qr/"$id"/, 'names it');
        is($or->code_minor($put), 'invaliddata', 'by a word');
        is($or->delete("results/$id")->status, 409, 'DELETE');
        is_deeply([$t->pg->value('SELECT count(*) FROM results.result '
                                 . 'WHERE id = ?', $id),
                   row($id, 'learning_event')->{version}], [1, 1],
                  'nothing is stored');
        is($or->get("results/$id")->status, 200, 'GET shows it');
    };
}


for my $or (values %client) {
    cmp_ok($or->checked, '>', 30, $or->checked . ' replies of '
           . $or->dialect . ' had the form of its schema');
}
