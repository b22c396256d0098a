#!/usr/bin/env perl

# POST grade2 and grade: the page's events, what is stored of them, the same
# event again, another one under its id, and every way to be refused.  After
# each 2xx the table is read.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::BadInput;
use Results::Test::Http;

my $CONTEXT = 'http://purl.imsglobal.org/ctx/caliper/v1p2';
my $NO_ID = 'urn:uuid:12c05c4e-253f-4073-9f29-5786f3ff3f36';
my $LEARNER = '0b0c1e5e-6a4b-4a56-9d2b-0d6f3a1d9c11';
my $ED_APP = '5f2c6d0a-1111-4222-8333-944455556666';
my $SCOPE = ['la-apiauthidentifier/authorization'];
my $UUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

my $t = Results::Test->new;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

$t->pg->no_timeouts;

$t->nginx(server => <<'EOC');
        location = /grade2 {
            results_api  educacional;
        }

        location /hub/ {
            results_api  educacional;
        }

        location = /results-status {
            results_status;
        }
EOC

my $token = $t->token(scopes => $SCOPE);
my $n = 0;


sub sample {
    my ($name) = @_;

    open my $file, '<', $t->root . "/t/data/educacional-$name"
        or die "$name: $!";
    local $/;
    return scalar <$file>;
}

sub urn { sprintf 'urn:uuid:00000000-0000-4000-8000-%012d', ++$n }

# a good event with an id of its own, and the test's members of `object`
sub event {
    my (%object) = @_;

    return {
        '@context' => $CONTEXT, id => urn(), type => 'GradeEvent',
        profile => 'GradingProfile', action => 'Graded',
        actor => { type => 'SoftwareApplication',
                   host => 'https://' . $t->fixtures->marker },
        object => {
            type => 'Attempt',
            assignee => { id => "urn:uuid:$LEARNER", type => 'Person' },
            assignable => { id => 3899, type => 'Activity',
                            skillCode => 'EF15LP01' },
            dateCreated => '2022-07-19T19:36:12.117Z',
            startedAtTime => '2022-07-19T19:30:00.000Z',
            totalTime => 372, %object },
        edApp => "urn:uuid:$ED_APP",
        generated => { type => 'Score', maxScore => 10, scoreGiven => 8.5 },
    };
}

# the bytes of a request; options: path, and those of headers()
sub request {
    my ($body, %opt) = @_;

    return Results::Test::Http->format('POST', $opt{path} || '/grade2',
        $t->headers(token => $token, %opt),
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

    my ($id) = ($response->json || {})->{id} =~ /^urn:uuid:($UUID)$/i
        or return;
    my $row = $t->row(lc $id) or return;
    $row->{detail} = JSON::PP->new->decode($row->{detail});

    return $row;
}

sub messages { ($_[0]->json || {})->{message} }


subtest 'the page\'s events' => sub {
    my %rows = (
        'grade-gradeevent.json'
            => [8.5, 10, 'complete', 25.91, '2022-07-19 19:36:12.117+00'],
        'grade2-view-sample-shape-repaired.json'
            => [undef, undef, undef, undef, undef],
        'grade2-view-table-shape.json'
            => [undef, undef, undef, undef, undef],
        'reading-and-grading-page-spelling.json'
            => [7, 10, undef, undef, undef],
        'reading-and-grading-table-spelling.json'
            => [7, 10, undef, undef, undef],
    );

    for my $name (sort keys %rows) {
        my $event = $json->decode(sample($name));
        my $response = post(sample($name),
            path => $name =~ /^grade-/ ? '/hub/grade' : '/grade2');

        is($response->status, 200, $name) or diag($response->body);
        is($response->json->{'@context'}, $CONTEXT, 'the context');
        is($response->header('Content-Type'), 'application/json', 'as JSON');

        if ($event->{id} eq $NO_ID) {
            like($response->json->{id}, qr/^urn:uuid:$UUID$/, 'an id');
            isnt($response->json->{id}, $NO_ID, 'which is not the page\'s');
        } else {
            is($response->json->{id}, $event->{id}, 'its own id');
        }

        my $row = row($response);

        is($row->{kind}, 'learning_event', 'stored');
        is($row->{learner_id}, $LEARNER, 'its learner');
        is($row->{item_id}, '3899', 'its activity');
        is($row->{time_spent}, 372, 'its time');
        is($row->{started_at}, '2022-07-19 19:30:00+00', 'its beginning');
        is_deeply([@$row{qw(score score_max completion progress
                            completed_at)}], $rows{$name}, 'the rest');
        is_deeply($row->{detail}, $event, 'and all of it as it came');
    }

    is($t->rows, 5, 'five events');

    for my $name (sort keys %rows) {
        my $before = $t->rows;
        my $response = post(sample($name), path => '/hub/grade2');

        is($response->status, 200, "$name again");
        is(row($response)->{version}, 1, 'is there');
        is($t->rows, $before, 'once');
    }
};


subtest 'what is missing, in the order of the page' => sub {
    my $rows = $t->rows;
    my $response = post(sample('invalid-missing-totalTime.json'));

    is($response->status, 400, 'one field');
    is($response->body, '{"message":["Field object.totalTime not informed"]}',
       'in the page\'s words');

    my $event = event(totalTime => '', startedAtTime => undef);
    delete @$event{qw(edApp action)};
    $event->{object}{type} = 'Test';

    $response = post($event);
    is($response->status, 400, 'several');
    is_deeply(messages($response), [
        'Field action not informed',
        'Field object.type invalid: expected one of Attempt, Reading, '
        . 'Reading/Listen',
        'Field object.startedAtTime not informed',
        'Field object.totalTime not informed',
        'Field edApp not informed'], 'in order');

    $response = post(sample('invalid-json-verbatim-from-doc.txt'));
    is($response->status, 400, 'the page\'s own text');
    is($response->body, '{"message":["Body is not JSON"]}', 'is not JSON');

    is($t->rows, $rows, 'nothing is stored');
};


subtest 'dates as clients write them' => sub {
    my %dates = (
        '2026-02-28T19:30Z' => '2026-02-28 19:30:00+00',
        '2026-02-28T16:30-03:00' => '2026-02-28 19:30:00+00',
        '2026-02-28T16:30:00-0300' => '2026-02-28 19:30:00+00',
        '2026-02-28T19:30:00+0000' => '2026-02-28 19:30:00+00',
        '2026-02-28T16:30:00-03' => '2026-02-28 19:30:00+00',
        '2026-02-28T19:30:00,25Z' => '2026-02-28 19:30:00.25+00',
        '20260228T193000Z' => '2026-02-28 19:30:00+00',
    );

    for my $date (sort keys %dates) {
        my $row = row(post(event(startedAtTime => $date,
                                 dateCreated => $date)));
        is($row->{started_at}, $dates{$date}, $date);
    }

    # what a Java client writes in a minute: one in sixty without ":00"
    for my $second (0, 1, 59) {
        my $date = '2026-02-28T19:30' . ($second ? sprintf ':%02dZ', $second
                                                 : 'Z');
        is(post(event(startedAtTime => $date))->status, 200, $date);
    }

    is(post(event(startedAtTime => '2026-02-28T19Z'))->status, 400,
       'an hour is no time');
};


subtest 'what is blank, and what is absent' => sub {
    for my $blank ('', ' ', "\t\r\n  ") {
        my $event = event(endedAtTime => $blank, completionType => $blank,
                          startedAtTime => $blank);
        $event->{actor}{host} = $blank;

        is_deeply(messages(post($event)),
                  ['Field actor.host not informed',
                   'Field object.startedAtTime not informed'],
                  'a required field that is blank is not informed');
    }

    my $row = row(post(event(endedAtTime => ' ', completionType => ' ')));
    is($row->{completed_at}, undef, 'nor is one that is not');
    is($row->{completion}, undef, '... of which nothing follows');
    is($row->{detail}{object}{assignable}{frequency_assigned}, 1,
       'frequency_assigned is 1 where it is absent');

    my $event = event();
    $event->{object}{assignable}{frequency_assigned} = ' ';
    is(row(post($event))->{detail}{object}{assignable}{frequency_assigned}, 1,
       'or blank');

    $event = event();
    $event->{object}{assignable}{frequency_assigned} = 3;
    is(row(post($event))->{detail}{object}{assignable}{frequency_assigned}, 3,
       'and what is there stays');

    $event = event(frequency_assigned => 2);
    my $first = post($event);
    is(row($first)->{detail}{object}{assignable}{frequency_assigned}, undef,
       'in the other place, too');
    is(row($first)->{detail}{object}{frequency_assigned}, 2, '... as it came');

    $event = event();
    is(post($event)->body, post($event)->body, 'the same event again is one');
};


subtest 'dates far from now' => sub {
    my $far = sub {
        my $json = $t->request('GET', '/results-status', undef,
                               undef)->json;
        return $json->{apis}{educacional}{far_dates};
    };
    my $date = sub {
        my @t = gmtime(time + $_[0] * 86400);
        return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900,
            $t[4] + 1, @t[3, 2, 1, 0];
    };

    my $before = $far->();

    # days from now, whether it counts
    for my $case ([0, 0], [-300, 0], [0.9, 0], [-400, 1], [2, 1],
                  [40_000, 1])
    {
        my ($days, $counts) = @$case;

        ok(row(post(event(dateCreated => $date->($days)))),
           "$days days: taken");
        $before += $counts;
        is($far->(), $before, $counts ? '... and counted' : '... as any');
    }

    post(event(dateCreated => $date->(-400), totalTime => 'x'));
    is($far->(), $before, 'what is refused is not');
};


subtest 'an id of its own' => sub {
    my $event = event();
    my $rows = $t->rows;
    my $first = post($event);

    is($first->status, 200, 'the event');
    is($first->json->{id}, $event->{id}, 'answered with its id');
    ok(row($first), 'is stored');

    is(post($event)->body, $first->body, 'again: the same answer');
    is(post($event, path => '/hub/grade')->body, $first->body,
       'also on the other path');
    is(post($event, token => $t->token(scopes => $SCOPE))->body,
       $first->body, 'also of another client');

    my $text = $json->encode($event);
    my $pretty = JSON::PP->new->utf8->pretty->encode($json->decode($text));
    is(post($pretty)->body, $first->body, 'however it is written');

    $event->{id} = uc($event->{id}) =~ s/^URN:UUID:/urn:uuid:/r;
    my $again = post($event);
    is($again->status, 200, 'the id in another case');
    is(row($again)->{version}, 1, 'is the same id');

    is($t->rows, $rows + 1, 'one row in all');

    my $other = { %$event, type => 'GradeViewEvent' };
    my $response = post($other);
    is($response->status, 400, 'another event under that id');
    is($response->body, '{"message":["Field id already used by a different '
       . 'event"]}', 'in the page\'s words');
    is(row($first)->{detail}{type}, 'GradeEvent', 'what is stored stays');

    # a bare UUID is not what the page asks for
    $event->{id} = $LEARNER;
    is(post($event)->status, 400, 'no URN');

    # the id of another institution is no business of this one
    my $elsewhere = event();
    is(post($elsewhere)->status, 200, 'an event here');
    my $there = post({ %$elsewhere, type => 'GradeViewEvent' },
        token => $t->token(scopes => $SCOPE, institution => 'elsewhere'));
    is($there->status, 200, 'and another one of its id in another tenant');
    is($t->pg->value('SELECT count(*) FROM results.result WHERE id = ?',
                     substr $elsewhere->{id}, 9), 2, 'both stored');
};


subtest 'the page\'s id means none' => sub {
    my %event = (%{ event() }, id => $NO_ID);
    my $rows = $t->rows;
    my $first = post(\%event);

    is($first->status, 200, 'an event');
    ok(row($first), 'stored');
    is(post(\%event)->body, $first->body, 'again: the same answer');
    is($t->rows, $rows + 1, 'stored once');

    my $other = post({ %event, type => 'GradeViewEvent' });
    is($other->status, 200, 'another event');
    isnt($other->json->{id}, $first->json->{id}, 'has another id');
    ok(row($other), 'and is stored');

    my $client = post(\%event, token => $t->token(scopes => $SCOPE));
    is($client->status, 200, 'of another client');
    isnt($client->json->{id}, $first->json->{id}, 'it is another event');
    ok(row($client), 'stored');

    my @responses = $t->many([map { request({ %event, object => {
        %{ $event{object} }, totalTime => 1 } }) } 1 .. 40],
        connections => 20);
    my %bodies = map { ($_->status . $_->body) => 1 } @responses;
    is(scalar keys %bodies, 1, 'forty at once get one answer');
    ok(row($responses[0]), 'of one row');
    is($t->rows, $rows + 4, 'and no other');
};


subtest 'Idempotency-Key' => sub {
    my %event = (%{ event() }, id => $NO_ID);
    my @key = (more => ['Idempotency-Key' => 'key-1']);
    my $without = post(\%event);
    my $rows = $t->rows;
    my $first = post(\%event, @key);

    is($first->status, 200, 'an event without an id');
    isnt($first->json->{id}, $without->json->{id}, 'gets one of the key');
    ok(row($first), 'stored');
    ok(row($without), 'as is the one without a key');
    is(post(\%event, @key)->body, $first->body, 'again: the same answer');
    is($t->rows, $rows + 1, 'stored once');

    my $other = post({ %event, type => 'GradeViewEvent' }, @key);
    is($other->status, 422, 'the key with another event');
    like(messages($other)->[0], qr/Idempotency-Key/, 'which the text says');

    my $own = event();
    my $response = post($own, @key);
    is($response->status, 200, 'an id of its own');
    is($response->json->{id}, $own->{id}, 'goes before the key');
    ok(row($response), 'stored');

    is(post($own, more => ['Idempotency-Key' => 'a b'])->status, 400,
       'a key that is none');
};


subtest 'who may' => sub {
    my $rows = $t->rows;
    my $response = post(event(), token => undef);

    is($response->status, 401, 'no token');
    is($response->body, '{"message":"Unauthorized"}', 'in these words');
    is(post(event(), token => 'x' x 43)->status, 401, 'an unknown one');

    $response = post(event(), token => $t->token(scopes => ['other']));
    is($response->status, 403, 'one without the scope');
    like(messages($response)->[0], qr/scope/, 'which the text says');
    like($response->header('WWW-Authenticate'),
         qr{scope="la-apiauthidentifier/authorization"}, 'and the challenge');

    is($t->rows, $rows, 'nothing is stored');

    $response = post(event(), token => undef,
                     more => [Authorization => $token]);
    is($response->status, 200, 'a token without the word Bearer');
    ok(row($response), 'stored');

    my $bound = $t->token(scopes => $SCOPE, ed_app => $ED_APP);
    $response = post(event(), token => $bound);
    is($response->status, 200, 'a client of this edApp');
    ok(row($response), 'stored');

    $response = post({ %{ event() }, edApp => 'urn:uuid:' . uc $ED_APP },
                     token => $bound);
    is($response->status, 200, 'in another case');
    ok(row($response), 'stored');

    $response = post({ %{ event() }, edApp => "urn:uuid:$LEARNER" },
                     token => $bound);
    is($response->status, 403, 'and of another one');
    like(messages($response)->[0], qr/edApp/, 'which the text says');
};


subtest 'a database that does not answer' => sub {
    my $lock = $t->pg->connect;
    my @events = (event(), { %{ event() }, id => $NO_ID });

    $lock->begin_work;
    $lock->do('LOCK TABLE results.result IN EXCLUSIVE MODE');

    my @c = map { $t->http } @events;
    $c[$_]->send(request($events[$_])) for 0, 1;
    my @got = map { $_->response('POST') } @c;
    $lock->rollback;

    for my $i (0, 1) {
        is($got[$i]->status, 503, 'no answer in time');
        ok($got[$i]->header('Retry-After'), 'with Retry-After');
        like(messages($got[$i])->[0], qr/may be sent again/, 'sent again');

        my $again = post($events[$i]);
        is($again->status, 200, 'and taken');

        my $row = row($again);
        is($t->pg->value('SELECT count(*) FROM results.result WHERE id = ?',
                         $row->{id}), 1, 'once');
    }
};


subtest 'errors in the API\'s shape' => sub {
    my $response = $t->request('GET', '/grade2', $t->headers(token => $token));
    is($response->status, 405, 'GET');
    is($response->header('Allow'), 'POST, OPTIONS', 'Allow');
    is(ref messages($response), 'ARRAY', 'a message');

    $response = post(event(), type => 'text/plain');
    is($response->status, 415, 'text/plain');
    is(ref messages($response), 'ARRAY', 'a message');

    $response = post(event(x => 'x' x 1_100_000));
    is($response->status, 413, 'too large');
    is(ref messages($response), 'ARRAY', 'a message');

    is(post(event(), path => '/hub/grade3')->status, 404, 'no such path');
};


subtest 'bad input' => sub {
    # where the stored value of a field is
    my %column = ('object.totalTime' => 'time_spent',
                  'object.percentReading' => 'progress',
                  'generated.scoreGiven' => 'score',
                  'object.assignable.id' => 'item_id');

    Results::Test::BadInput->check(
        test => $t,
        body => \&event,
        others => [$t->encode($t->result),
                   '{"StudentId":"e37e973c-f410-4ed5-9dfd-b1446441072b",'
                   . '"ContentItemId":"af2f719c-f38a-4252-bf3a-c282ff6dbe80"}'
                   ],
        fields => {
            id => 'id',
            type => 'word',
            profile => 'word',
            action => 'word',
            'actor.host' => 'id',
            'object.type' => 'word',
            'object.assignee.id' => 'id',
            'object.assignable.id' => 'id',
            'object.assignable.skillCode' => 'id',
            'object.assignable.isPartOf.type' => 'word',
            'object.dateCreated' => 'time',
            'object.startedAtTime' => 'time',
            'object.endedAtTime' => 'time',
            'object.totalTime' => 'number',
            'object.percentReading' => 'number',
            'object.completionType' => 'word',
            'object.finished' => 'word',
            'generated.scoreGiven' => 'number',
            'generated.trys' => 'integer',
        },
        send => sub { my ($body, %opt) = @_; return request($body, %opt) },
        error => sub {
            my $messages = messages($_[0]);
            return ref $messages eq 'ARRAY' && @$messages ? $messages : undef;
        },
        named => sub {
            my ($texts, $path) = @_;
            return grep { /^Field \Q$path\E (?:not informed|invalid: .)/ }
                @$texts;
        },
        stored => sub {
            my ($response, $path) = @_;

            my $row = row($response) or return;
            my $value = $row->{detail};
            $value = $value->{$_} for split /\./, $path;

            # the column says the same; seconds are whole there
            my $column = $column{$path};
            return $value if !$column || ref $value || !defined $value
                || ($value eq '' && !defined $row->{$column});

            my $sent = $column eq 'time_spent' ? int $value : $value;
            my $same = $column eq 'item_id' ? $row->{item_id} eq $sent
                : $row->{$column} == $sent;

            return $same ? $value : "$value, $column $row->{$column}";
        },
    );
};
