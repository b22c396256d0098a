#!/usr/bin/env perl

# POST contentItemResult: what is stored, the GUID that answers, who may, and
# every way to be refused.  After each 2xx the table is read.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::BadInput;
use Results::Test::Http;

my $STUDENT = 'e37e973c-f410-4ed5-9dfd-b1446441072b';
my $ITEM = 'af2f719c-f38a-4252-bf3a-c282ff6dbe80';
my $GUID = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

my $t = Results::Test->new;
my $pg = $t->pg;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

$pg->no_timeouts;

$t->nginx(server => <<'EOC');
        location = /contentItemResult {
            results_api  wse;
        }

        location /wse/ {
            results_api  wse;
        }
EOC

# id => [role, center, status]
my %people = (
    $STUDENT => ['student', 'center-1'],
    other    => ['student', 'center-1'],
    prospect => ['prospect_with_trial', 'center-1'],
    lone     => ['student', undef],
    staff    => ['staff', 'center-1'],
    elsewhere => ['staff', 'center-2'],
    nowhere  => ['staff', undef],
    admin    => ['account_admin', 'center-1'],
    blocked  => ['staff', 'center-1', 'blocked'],
    left     => ['student', 'center-1', 'terminated'],
    owner    => ['account_owner', 'center-1'],
);

my %id;
my $n = 0;

for my $name (sort keys %people) {
    my ($role, $center, $status) = @{ $people{$name} };

    $id{$name} = $name eq $STUDENT ? $name
        : sprintf '00000000-0000-4000-8000-%012d', ++$n;

    $pg->do(q{INSERT INTO results.person
                  (institution_id, id, role, center_id, status)
              VALUES (?, ?, ?, ?, ?)},
            $t->fixtures->institution, $id{$name}, $role, $center,
            $status || 'active');
}

my %token = map { $_ => $t->token(person => $id{$_}, scopes => []) }
    keys %people;


sub sample {
    my ($name) = @_;

    open my $file, '<', $t->root . "/t/data/$name.json" or die "$name: $!";
    local $/;
    return scalar <$file>;
}

# a good body, with the test's fields in place of the usual
sub body {
    return { StudentId => $STUDENT, ContentItemId => $ITEM,
             ContentItemStateName => $t->fixtures->marker, Score => 87.5, @_ };
}

# the bytes of a request; options: as (who), path, and those of headers()
sub request {
    my ($body, %opt) = @_;

    my $headers = $t->headers(token => $token{$opt{as} || $STUDENT}, %opt);

    return Results::Test::Http->format('POST', $opt{path}
        || '/contentItemResult', $headers,
        ref $body ? $json->encode($body) : $body);
}

sub post {
    my ($body, @opt) = @_;

    my $c = $t->http;
    $c->send(request($body, @opt));
    return $c->response('POST');
}

# the row of a 200
sub row {
    my ($response) = @_;

    my $row = $t->row($json->decode($response->body)) or return;
    $row->{detail} = JSON::PP->new->decode($row->{detail});

    return $row;
}

# the texts of a ModelState by field, the message as the field ''
sub model_state {
    my ($response) = @_;

    my $got = $response->json;

    return if ref $got ne 'HASH' || !$got->{Message};
    return { '' => [$got->{Message}] } if !$got->{ModelState};
    return $got->{ModelState};
}


subtest 'the page\'s sample' => sub {
    my $response = post(sample('wse-valid'));

    is($response->status, 200, 'taken') or diag($response->body);
    like($json->decode($response->body), $GUID, 'a bare GUID answers');
    is($response->header('Content-Type'), 'application/json; charset=utf-8',
       'as JSON');

    my $row = row($response);

    is($row->{kind}, 'content_item_result', 'stored');
    is($row->{learner_id}, $STUDENT, 'its student');
    is($row->{item_id}, $ITEM, 'its content item');
    is($row->{course_id}, undef, 'no course');
    is($row->{score}, 1, 'its score');
    is($row->{time_spent}, 1, 'its duration');
    is($row->{completion}, 'complete', 'completed');
    is($row->{started_at}, '2026-03-28 04:52:42.372766+00', 'its dates');
    is($row->{institution_id}, $t->fixtures->institution, 'of its tenant');
    is($row->{version}, 1, 'version 1');

    my $sent = $json->decode(sample('wse-valid'));
    delete @$sent{qw(StudentId ContentItemId Score Duration
                     ContentItemState)};
    is_deeply($row->{detail}, $sent, 'the rest is in the detail');

    my $again = post(sample('wse-valid'));
    is($again->status, 200, 'the same without a key is another result');
    isnt($again->body, $response->body, 'of another GUID');
    ok(row($again), 'stored as well');
};


subtest 'camelCase clients, below a location of any prefix' => sub {
    my $response = post(sample('wse-camel-case'),
                        path => '/wse/contentItemResult');

    is($response->status, 200, 'taken') or diag($response->body);

    my $row = row($response);

    is($row->{learner_id}, $STUDENT, 'studentid');
    is($row->{item_id}, $ITEM, 'contentItemId without hyphens');
    is($row->{score}, 87.5, 'score');
    is($row->{time_spent}, 90, 'duration');
    is($row->{completion}, 'in_progress', 'without DateCompleted');
    is_deeply($row->{detail}, {
        ContentItemId => 'af2f719cf38a4252bf3ac282ff6dbe80',
        ContentItemResultTypeId => '1' }, 'the rest');
};


subtest 'Accept' => sub {
    my %type = (
        'text/json' => 'text/json; charset=utf-8',
        '' => 'application/json; charset=utf-8',
        'application/json' => 'application/json; charset=utf-8',
        'text/html, text/json;q=0.9, */*;q=0.1' => 'text/json; charset=utf-8',
        'text/html' => 'application/json; charset=utf-8',
    );

    for my $accept (sort keys %type) {
        my $response = post(body(), more => [Accept => $accept],
                            type => 'text/json');

        is($response->header('Content-Type'), $type{$accept}, $accept);
        ok(row($response), 'stored');
    }
};


subtest 'dates as clients write them' => sub {
    # DateCompleted; completed_at, of which nothing is absent
    my %dates = (
        '2026-02-28T19:30Z' => '2026-02-28 19:30:00+00',
        '2026-02-28T16:30:00-0300' => '2026-02-28 19:30:00+00',
        '2026-02-28T19:30:00,5+00' => '2026-02-28 19:30:00.5+00',
        '20260228T193000Z' => '2026-02-28 19:30:00+00',
        '2026-02-28T19:30:00' => '2026-02-28 19:30:00+00',

        # .NET's, never set
        '0001-01-01T00:00:00' => undef,
        '0001-01-01T00:00:00Z' => undef,
        '0001-01-01T00:00:00.0000000+01:00' => undef,
        '0001-01-01T00:00:00-05:00' => undef,
    );

    for my $date (sort keys %dates) {
        my $response = post(body(DateCompleted => $date,
                                 DateStarted => $date));
        my $row = row($response);
        is($row->{completed_at}, $dates{$date}, "completed $date");
        is($row->{started_at}, $dates{$date}, '... and begun');
        is($row->{completion}, $dates{$date} ? 'complete' : 'in_progress',
           '... which it says');
        ok(!exists $row->{detail}{DateStarted}, '... and no more is kept')
            if !$dates{$date};
    }

    is(post(body(DateStarted => '0001-01-01'))->status, 200,
       'a date of that year is one');
};


subtest 'who may' => sub {
    # caller, student of the body, allowed
    my @cases = (
        [$STUDENT, $STUDENT, 1],
        [$STUDENT, 'other', 0],
        ['other', $STUDENT, 0],
        ['prospect', 'prospect', 1],
        ['prospect', $STUDENT, 0],
        ['lone', 'lone', 1],
        ['staff', $STUDENT, 1],
        ['staff', 'prospect', 1],
        ['staff', 'lone', 0],
        ['staff', 'staff', 0],
        ['elsewhere', $STUDENT, 0],
        ['nowhere', $STUDENT, 0],
        ['nowhere', 'lone', 0],
        ['staff', 'left', 1],
        ['staff', 'owner', 0],
        ['staff', 'admin', 0],
    );

    my (%texts, $rows);

    for my $case (@cases) {
        my ($as, $student, $may) = @$case;

        $rows = $t->rows;
        my $response = post(body(StudentId => $id{$student}), as => $as);

        is($response->status, $may ? 200 : 403, "$as for $student");

        if ($may) {
            ok(row($response), 'stored');
        } else {
            is($t->rows, $rows, 'nothing is stored');
            $texts{$response->body}++;
        }
    }

    is(post(body(), as => 'blocked')->status, 401,
       'who is blocked has no valid token');

    # who is not there
    my $response = post(body(StudentId => '00000000-0000-4000-8000-999999999999'),
                        as => 'staff');
    is($response->status, 403, 'a student nobody knows');
    $texts{$response->body}++;

    is(scalar keys %texts, 1, 'one answer to all of them: no oracle');
    like((keys %texts)[0], qr/^\{"Message":"The caller is neither .*\."\}$/,
         'which names the rule');

    for my $as ('admin', undef) {
        my $token = $as ? $token{$as} : $t->token;
        my $refused = post(body(), token => $token);

        is($refused->status, 403, ($as || 'nobody') . ' has no role for it');
        like($refused->json->{Message}, qr/StaffMember, Student or Prospect/,
             'as the message says');
    }
};


subtest 'Idempotency-Key' => sub {
    my $rows = $t->rows;
    my @key = (more => ['Idempotency-Key' => 'key-1']);
    my $first = post(body(), @key);

    is($first->status, 200, 'the first one');
    ok(row($first), 'is stored');

    for (1 .. 3) {
        my $again = post(body(), @key);
        is($again->status, 200, 'again');
        is($again->body, $first->body, 'with the same GUID');
    }

    is(post(sample('wse-valid') =~ s/\}$/,"X":1}/r,
            more => ['Idempotency-Key' => 'key-2'])->status, 200, 'another key');

    my $other = post(body(Score => 1), @key);
    is($other->status, 422, 'the same key with another body');
    like($other->json->{Message}, qr/Idempotency-Key/, 'which the text says');

    is($t->rows, $rows + 2, 'two rows in all');
    is(row($first)->{score}, 87.5, 'the first one is as it was');
    is(row($first)->{version}, 1, 'in version 1');

    my $staff = post(body(), as => 'staff', @key);
    is($staff->status, 200, 'another caller\'s key is another key');
    isnt($staff->body, $first->body, 'and another GUID');
    ok(row($staff), 'stored');

    # the roster changes between the request and its repetition
    $pg->do(q{UPDATE results.person SET center_id = 'center-2'
              WHERE id = ?}, $id{staff});
    is(post(body(), as => 'staff', @key)->body, $staff->body,
       'a replay is answered as the first time');
    is(post(body(), as => 'staff')->status, 403, 'while a new one is refused');
    $pg->do(q{UPDATE results.person SET center_id = 'center-1'
              WHERE id = ?}, $id{staff});

    # all at once
    my @responses = $t->many([map { request(body(), more =>
        ['Idempotency-Key' => 'key-3']) } 1 .. 40], connections => 20);

    my %bodies = map { ($_->status . ' ' . $_->body) => 1 } @responses;
    is(scalar keys %bodies, 1, 'forty at once get one answer');
    like((keys %bodies)[0], qr/^200 /, 'which is a 200');
    ok(row($responses[0]), 'of one row');
    is($t->rows, $rows + 4, 'and no other');

    for my $bad ('', 'a b', 'x' x 256, "\xc3\xa9", 'a, b') {
        my $refused = post(body(), more => ['Idempotency-Key' => $bad]);
        is($refused->status, 400, 'a key that is none');
        like($refused->json->{Message}, qr/Idempotency-Key/, 'is named');
    }

    is(post(body(), more => ['Idempotency-Key' => 'a',
                             'Idempotency-Key' => 'b'])->status, 400,
       'nor are two keys one');

    my $longest = post(body(), more => ['Idempotency-Key' => '~' x 255]);
    is($longest->status, 200, '255 characters are');
    ok(row($longest), 'stored');
};


subtest 'every bad field at once' => sub {
    my $response = post(sample('wse-invalid-types'));

    is($response->status, 400, 'refused');
    is($response->json->{Message}, 'The request is invalid.', 'the message');
    is_deeply([sort keys %{ $response->json->{ModelState} }],
              [map { "parameters.$_" } qw(ContentItemId Score StudentId)],
              'the fields');
};


subtest 'a database that can not be reached' => sub {
    my $lock = $pg->connect;

    $lock->begin_work;
    $lock->do('LOCK TABLE results.result IN EXCLUSIVE MODE');

    my @c = map { $t->http } 1 .. 2;
    $c[0]->send(request(body()));
    $c[1]->send(request(body(), more => ['Idempotency-Key' => 'down']));

    my @got = map { $_->response('POST') } @c;
    $lock->rollback;

    is($_->status, 503, 'no answer in time') for @got;
    ok($_->header('Retry-After'), 'with Retry-After') for @got;
    like($got[0]->json->{Message}, qr/twice/, 'no key: it may be there twice');
    like($got[1]->json->{Message}, qr/may be sent again/,
         'a key: it may be sent again');

    my $again = post(body(), more => ['Idempotency-Key' => 'down']);
    is($again->status, 200, 'and is');
    ok(row($again), 'stored');
    is($t->pg->value(q{SELECT count(*) FROM results.result WHERE id = ?},
                     $json->decode($again->body)), 1, 'once');
};


subtest 'errors in the API\'s shape' => sub {
    my $response = post(body(), token => undef);

    is($response->status, 401, 'no token');
    is($response->body, '{"Message":"Authorization has been denied for this '
       . 'request."}', 'in these words');
    like($response->header('WWW-Authenticate'), qr/^Bearer /, 'challenged');

    $response = $t->request('GET', '/contentItemResult',
                            $t->headers(token => $token{$STUDENT}));
    is($response->status, 405, 'GET');
    is($response->json->{Message}, 'The requested resource does not support '
       . 'http method \'GET\'.', 'in these words');
    is($response->header('Allow'), 'POST, OPTIONS', 'Allow');

    $response = post(body(), type => 'text/plain');
    is($response->status, 415, 'text/plain');
    is($response->json->{Message}, 'The request entity\'s media type '
       . '\'text/plain\' is not supported for this resource.',
       'in these words');

    $response = post(body(ContentItemStateName => 'x' x 1_100_000));
    is($response->status, 413, 'too large');
    ok($response->json->{Message}, 'has a message');

    is(post(body(), path => '/wse/other')->status, 404, 'no such resource');
};


subtest 'bad input' => sub {
    # where the stored value of a field is
    my %column = (Score => 'score', Duration => 'time_spent',
                  StudentId => 'learner_id', ContentItemId => 'item_id');

    Results::Test::BadInput->check(
        test => $t,
        body => \&body,
        others => [$t->encode($t->result),
                   '{"@context":"http://purl.imsglobal.org/ctx/caliper/v1p2",'
                   . '"object":{"totalTime":1}}'],
        fields => {
            Score => 'number',
            Duration => 'integer',
            DateStarted => 'time',
            DateCompleted => 'time',
            ContentItemId => 'id',
            StudentId => 'id',
            UserId => 'id',
            ContentItemStateName => 'id',
            StudyMode => 'word',
            ContentItemState => 'word',
        },
        send => sub { my ($body, %opt) = @_; return request($body, %opt) },
        error => \&model_state,
        named => sub {
            my ($texts, $path) = @_;
            return exists $texts->{"parameters.$path"};
        },
        stored => sub {
            my ($response, $path, $request) = @_;

            my $row = row($response) or return;

            # absent, which another test looks at
            return $1 if $path =~ /^Date/ && !defined $row->{
                    $path eq 'DateStarted' ? 'started_at' : 'completed_at' }
                && $request =~ /"$path":"(0001-01-01T00:00:00[^"]*)"/;

            my $column = $column{$path} // '';

            return $row->{detail}{$path} if exists $row->{detail}{$path};
            return $row->{$column};
        },
    );
};
