#!/usr/bin/env perl

# POST of one object in the dialect `timeback`: which id it gets, and what a
# repeated request comes to.  Every 2xx is followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers);

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $GUID = qr/^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

my %collections = (
    results           => ['result', 'result'],
    assessmentResults => ['assessment_result', 'assessment_result'],
);


# the ids of a reply
sub pair {
    my ($response) = @_;
    my $pairs = ($response->json || {})->{sourcedIdPairs} || {};
    return [@$pairs{qw(suppliedSourcedId allocatedSourcedId)}];
}


sub rows { $t->pg->value('SELECT count(*) FROM results.result') }
sub key { (more => ['Idempotency-Key' => @_]) }


subtest 'the body of Timeback\'s page' => sub {
    open my $file, '<', $t->root . '/t/data/post-assessment-result.json'
        or die $!;
    my $body = do { local $/; <$file> };

    for my $time (1, 2) {
        my $response = $tb->post('assessmentResults/', $body);

        is($response->status, 201, "created, time $time");
        is_deeply($response->json, { sourcedIdPairs => {
            suppliedSourcedId => '<string>',
            allocatedSourcedId => '<string>' } }, 'the pair');
    }

    is($tb->row('<string>', 'assessment_result')->{version}, 1, 'stored once');

    # what was sent comes back; of the date of change the server's

    my $sent = JSON::PP->new->decode($body)->{assessmentResult};
    my $got = $tb->object($tb->get('assessmentResults/%3Cstring%3E'));

    for my $object ($sent, $got) {
        delete $object->{dateLastModified};
        delete @{ $object->{$_} }{qw(href type)}
            for qw(assessmentLineItem student scoreScale);
    }

    is_deeply($got, $sent, 'comes back as it went in');
    is($or->get('assessmentResults/%3Cstring%3E')->status, 200,
       'and is a valid one of the standard');
};


for my $collection (sort keys %collections) {
    my ($body, $kind) = @{ $collections{$collection} };

    subtest "$collection: a supplied id" => sub {
        my $before = rows();
        my $first = $tb->$body(sourcedId => 'sup', score => 1);

        is_deeply(pair($tb->post($collection, $first)), ['sup', 'sup'],
                  'is allocated');
        is($tb->row('sup', $kind)->{op}, 2, 'stored');

        is_deeply(pair($tb->post("$collection/", $first)), ['sup', 'sup'],
                  'the same body again: the same pair');

        my $later = $tb->$body(sourcedId => 'sup', score => 1,
                               dateLastModified => '2030-01-01T00:00:00Z');
        is_deeply(pair($tb->post($collection, $later)), ['sup', 'sup'],
                  'dateLastModified makes no other body');
        is($tb->row('sup', $kind)->{version}, 1, 'stored once');

        my $other = $tb->post($collection, $tb->$body(sourcedId => 'sup',
                                                      score => 2));
        is($other->status, 409, 'another body');
        like($tb->description($other), qr/"sup"/, 'names the id');
        is($tb->row('sup', $kind)->{score}, 1, 'is not stored');

        $tb->put("$collection/put", $tb->$body(score => 1));
        is($tb->row('put', $kind)->{version}, 1, 'a PUT is stored');
        is_deeply(pair($tb->post($collection, $tb->$body(sourcedId => 'put',
            score => 1))), ['put', 'put'], 'the body of a PUT is taken, too');

        is($tb->delete("$collection/sup")->status, 204, 'deleted');
        is_deeply(pair($tb->post($collection, $first)), ['sup', 'sup'],
                  'the same body gets its first answer');
        is($tb->row('sup', $kind)->{status}, 'tobedeleted',
           'and revives nothing');
        $tb->put("$collection/sup", $tb->$body(score => 9));
        is_deeply(pair($tb->post($collection, $first)), ['sup', 'sup'],
                  'also where another body has replaced it');
        is($tb->row('sup', $kind)->{score}, 9, 'which stays');
        is(rows(), $before + 2, 'two rows in all');
    };

    subtest "$collection: no id" => sub {
        my @ids;

        for my $fields ({}, {}, { sourcedId => undef }) {
            my $response = $tb->post($collection, $tb->$body(%$fields));
            my $pair = pair($response);

            is($response->status, 201, 'is given one');
            like($pair->[1], $GUID, $pair->[1]);
            is($pair->[0], $pair->[1], 'which counts as supplied');
            is($tb->row($pair->[1], $kind)->{version}, 1, 'stored');
            is($tb->get("$collection/$pair->[1]")->status, 200, 'readable');
            push @ids, $pair->[1];
        }

        is(keys %{{ map { $_ => 1 } @ids }}, 3, 'another each time');
        is_deeply(\@ids, [sort @ids], 'in the order of time');
    };

    subtest "$collection: an Idempotency-Key" => sub {
        my $before = rows();
        my @same = map { pair($tb->post($collection, $tb->$body(score => 7),
                                        key('key-1'))) } 1 .. 3;

        like($same[0][1], $GUID, "gives an id: $same[0][1]");
        is_deeply([@same[1, 2]], [@same[0, 0]], 'the same each time');
        is($tb->row($same[0][1], $kind)->{version}, 1, 'stored');
        is(rows(), $before + 1, 'once');

        my $other = $tb->post($collection, $tb->$body(score => 8),
                              key('key-1'));
        is($other->status, 422, 'another body');
        like($tb->description($other), qr/Idempotency-Key/, 'names the key');
        is(rows(), $before + 1, 'is not stored');

        my $stranger = $tb->with(token => $t->token(scopes => undef));
        isnt(pair($stranger->post($collection, $tb->$body(score => 7),
                                  key('key-1')))->[1], $same[0][1],
             'the key of another client is another key');
        isnt(pair($tb->post($collection, $tb->$body(score => 7),
                            key('key-2')))->[1], $same[0][1],
             'another key, another id');
        is(rows(), $before + 3, 'stored');

        is_deeply(pair($tb->post($collection,
            $tb->$body(sourcedId => 'keyed'), key('key-1'))),
            ['keyed', 'keyed'], 'an id of the body counts more');
        is($tb->row('keyed', $kind)->{version}, 1, 'stored');

        for my $bad ('', ' ', 'a b', "\xe9", 'x' x 256) {
            is($tb->post($collection, $tb->$body, key($bad))->status, 400,
               length $bad > 10 ? '256 characters' : "\"$bad\" is none"
                   =~ s/\xe9/\\xe9/r);
        }

        is_deeply(pair($tb->post($collection, $tb->$body(score => 9),
                                 key('x' x 255)))->[0] =~ $GUID ? 1 : 0, 1,
                  '255 characters are one');
    };
}


subtest 'the same key serves both collections' => sub {
    my $result = pair($tb->post('results', $tb->result, key('both')));
    my $other = pair($tb->post('assessmentResults', $tb->assessment_result,
                               key('both')));

    isnt($result->[1], $other->[1], 'with an id for each');
    ok($tb->row($result->[1])
       && $tb->row($other->[1], 'assessment_result'), 'stored');
};


subtest 'many of one key at once' => sub {
    my $before = rows();
    my $body = $t->encode($tb->result(score => 77));
    my $bytes = Results::Test::Http->format('POST', $tb->base . '/results',
        $t->headers(more => ['Idempotency-Key' => 'race']), $body);

    my @responses = $t->many([($bytes) x 40], connections => 20);

    is_deeply([map { $_->status } @responses], [(201) x 40], 'all succeed');
    is(keys %{{ map { $_->body => 1 } @responses }}, 1, 'with one answer');
    is(rows(), $before + 1, 'and one row');
};


subtest 'what the standard does not have' => sub {
    for my $collection (sort keys %collections) {
        my $response = $or->post($collection, $or->result);

        ok($response->status == 405 || $response->status == 404,
           "no POST on $collection");
    }

    my $response = $tb->post('lineItems/l/results', { results => [] });
    is($response->status, 404, 'nor has Timeback the bulk ones');
};


cmp_ok($tb->checked, '>', 50, $tb->checked . ' replies had the form of the '
       . 'schema');
