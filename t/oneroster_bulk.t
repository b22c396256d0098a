#!/usr/bin/env perl

# The standard's two POSTs of many results: all or nothing, a pair of ids for
# each, every problem named, at most a batch.  Every 2xx is followed by a look
# into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers, store => 'batch 50;',
          workers => 2);

my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $GUID8 = qr/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

my $LINE_ITEM = 'lineItems/line-item-1/results';
my $SESSION = 'classes/class-1/academicSessions/term-1/results';


sub bulk { my ($path, @members) = @_; return $or->post($path,
               { results => \@members }) }

sub rows { $t->pg->value('SELECT count(*) FROM results.result') }


# supplied => allocated
sub pairs {
    my ($response) = @_;
    my $pairs = ($response->json || {})->{sourcedIdPairs} || [];
    return { map { @$_{qw(suppliedSourcedId allocatedSourcedId)} } @$pairs };
}


for my $path ($LINE_ITEM, $SESSION) {
    my $name = $path =~ /^lineItems/ ? 'line-item' : 'session';

    subtest "$name: ids that are free" => sub {
        my @ids = map { "$name-$_" } 1 .. 20;
        my @members = map { $or->member($_, score => length $_) } @ids;

        for my $time (1, 2) {
            my $response = bulk($path, @members);

            is($response->status, 201, "created, time $time");
            is_deeply([map { $_->{suppliedSourcedId} }
                       @{ $response->json->{sourcedIdPairs} }], \@ids,
                      'a pair for each, in their order');
            is_deeply(pairs($response), { map { $_ => $_ } @ids },
                      'which are allocated');
        }

        is($t->pg->value(q{SELECT count(*) FROM results.result
               WHERE id LIKE ? AND version = 1 AND score = length(id)},
               "$name-%"), 20, 'all stored, once');
        is($or->object($or->get("results/$name-7"))->{score}, length $ids[6],
           'readable');
    };

    subtest "$name: an id that another body has" => sub {
        my $before = rows();
        my @again = ($or->member("$name-1", score => 100),
                     $or->member("$name-new"),
                     $or->member("$name-2", score => 100));

        my $response = bulk($path, @again);
        my $pairs = pairs($response);

        is($response->status, 201, 'created');
        like($pairs->{"$name-$_"}, $GUID8, "a new id for the one of $_")
            for 1, 2;
        is($pairs->{"$name-new"}, "$name-new", 'not for the one that is free');
        isnt($pairs->{"$name-1"}, $pairs->{"$name-2"}, 'of its own');

        isnt($or->row("$name-1")->{score}, 100, 'the one there was stays');
        is($or->row($pairs->{"$name-1"})->{score}, 100, 'beside the new one');
        is(rows(), $before + 3, 'three rows more');

        is_deeply(pairs(bulk($path, @again)), $pairs, 'again: the same pairs');
        is_deeply(pairs(bulk($path, $again[0])), {
            "$name-1" => $pairs->{"$name-1"} }, 'also alone');
        is(rows(), $before + 3, 'and no more rows');

        my $third = pairs(bulk($path, $or->member("$name-1", score => 101)));
        isnt($third->{"$name-1"}, $pairs->{"$name-1"},
             'a third body, a third id');
        is($or->row($third->{"$name-1"})->{score}, 101, 'stored');

        $or->put("results/$name-3", $or->result(score => 102));
        is_deeply(pairs(bulk($path, $or->member("$name-3",
            score => length "$name-3"))), { "$name-3" => "$name-3" },
            'what was posted and replaced is no other body');
        is($or->row("$name-3")->{score}, 102, 'and stays replaced');

        my $other = $or->with(token => $t->token(scopes => undef));
        isnt(pairs($other->post($path, { results => [$again[0]] }))
             ->{"$name-1"}, $pairs->{"$name-1"},
             'another client\'s is another');
    };
}


subtest 'the class of the path' => sub {
    is(bulk($SESSION, $or->member('c-none'), $or->member('c-same',
        class => { sourcedId => 'class-1' }))->status, 201, 'created');

    is($or->row($_)->{course_id}, 'class-1', "$_: stored")
        for qw(c-none c-same);
    is($or->object($or->get('results/c-none'))->{class}{sourcedId}, 'class-1',
       'the result has it');
    is_deeply($tb->object($tb->get('results/c-none'))->{academicSession},
              { sourcedId => 'term-1' },
              'the session is kept, where unknown fields are shown');

    my $response = bulk($SESSION, $or->member('c-other',
        class => { sourcedId => 'class-2' }));
    is($response->status, 422, 'another class');
    like($or->description($response),
         qr{^/results/0/class/sourcedId: differs}, 'is named');

    my $guid = '6F9619FF-8B86-D011-B42D-00C04FC964FF';
    is(bulk("lineItems/\L$guid/results", $or->member('c-guid',
        lineItem => { sourcedId => "{$guid}" }))->status, 201,
       'a GUID is one in every spelling');
    is($or->row('c-guid')->{item_id}, lc $guid, 'stored');
};


subtest 'one bad member, and nothing is stored' => sub {
    my $before = rows();
    my $good = $or->member('good');

    my %bad = (
        score       => [$or->member('bad', score => '1'), '/score'],
        scoreStatus => [$or->member('bad', scoreStatus => 'x'),
                        '/scoreStatus'],
        unknown     => [$or->member('bad', extra => 1), '/extra'],
        null        => [$or->member('bad', comment => undef), '/comment'],
        id          => [$or->member(''), '/sourcedId'],
        'no id'     => [do { my $m = $or->member('x');
                             delete $m->{sourcedId}; $m }, '/sourcedId'],
        'id twice'  => [$good, '/sourcedId'],
        'line item' => [$or->member('bad', lineItem => { sourcedId => 'x' }),
                        '/lineItem/sourcedId'],
        student     => [$or->member('bad', student => {}),
                        '/student/sourcedId'],
        'no object' => ['x', ''],
        null_member => [undef, ''],
    );

    for my $name (sort keys %bad) {
        my ($member, $path) = @{ $bad{$name} };
        my $response = bulk($LINE_ITEM, $good, $member);

        is($response->status, 422, $name);
        like($or->description($response), qr{^/results/1\Q$path\E: [^;]+$},
             'is named, and nothing else');
    }

    my $text = $or->description(bulk($LINE_ITEM, map {
        $or->member("b$_", score => 'x', comment => 1) } 0 .. 9));

    like($text, qr{/results/$_/score: .*/results/$_/comment: },
         "both errors of member $_") for 0 .. 9;

    $text = $or->description(bulk($LINE_ITEM, ({}) x 50));
    is(() = $text =~ m{/results/\d+/\w+: required}g, 250,
       'all that is wrong with 50 of them');

    for my $body ({ results => [] }, {}, { results => {} },
                  { results => undef }, { result => $good }, [$good],
                  { results => [$good], more => 1 })
    {
        my $response = $or->post($LINE_ITEM, $body);
        is($response->status, 422, 'refused: ' . substr $t->encode($body), 0,
           30);
    }

    is(rows(), $before, 'nothing is stored');
};


subtest 'the database refuses one, and nothing is stored' => sub {
    my $before = rows();

    $t->pg->do(q{ALTER TABLE results.result ADD CONSTRAINT no_13
                 CHECK (score <> 13)});

    is(bulk($LINE_ITEM, map { $or->member("refused-$_", score => $_) }
            11 .. 15)->status, 422, 'refused');
    is(rows(), $before, 'nothing is stored');

    $t->pg->do('ALTER TABLE results.result DROP CONSTRAINT no_13');
};


subtest 'as many as a batch' => sub {
    my $before = rows();

    is(bulk($LINE_ITEM, map { $or->member("size-$_") } 1 .. 50)->status, 201,
       '50 results');
    is(rows(), $before + 50, 'stored');

    my $response = bulk($LINE_ITEM, map { $or->member("more-$_") } 1 .. 51);
    is($response->status, 413, '51 results');
    like($or->description($response), qr/51\b.*\b50\b/, 'says how many');
    is(rows(), $before + 50, 'not stored');
};


subtest 'groups of the same ids at once' => sub {
    my $before = rows();

    my @requests = map {
        my $shift = $_;
        Results::Test::Http->format('POST', $or->base . "/$LINE_ITEM",
            $t->headers, $t->encode({ results => [
                map { $or->member('at-once-' . ($_ + $shift) % 30,
                                  score => ($_ + $shift) % 30) } 0 .. 19] }))
    } 0 .. 29;

    my @responses = $t->many(\@requests, connections => 10);

    is_deeply([map { $_->status } @responses], [(201) x 30], 'all succeed');
    is(rows(), $before + 30, 'each id is there once');
    is($t->pg->value(q{SELECT count(*) FROM results.result
           WHERE id LIKE 'at-once-%' AND version = 1
                 AND score = split_part(id, '-', 3)::int}), 30,
       'as it was sent');
};


subtest 'the new id of one is the id of another' => sub {
    bulk($LINE_ITEM, $or->member('meet', score => 1));

    # whoever posts the second body alone is told the id it gets
    my $new = pairs(bulk($LINE_ITEM, $or->member('meet', score => 2)))->{meet};
    $t->pg->do('DELETE FROM results.result WHERE id = ?', $new);

    my $before = rows();
    my $superseded = $t->status->{groups}{superseded};

    for my $case (['before', [qw(first meet)], [$new]],
                  ['behind', [$new], [qw(meet last)]])
    {
        my ($name, $first, $last) = @$case;
        my @ids = (@$first, $last->[0], $last->[1] // ());
        my ($at) = grep { $ids[$_] eq 'meet' } 0 .. $#ids;
        my ($other) = grep { $ids[$_] eq $new } 0 .. $#ids;

        my $response = bulk($LINE_ITEM, map { $or->member($_, score => 2) }
                            @ids);

        is($response->status, 422, "the moved one is $name the other: 422");
        like($or->description($response),
             qr{^/results/$at/sourcedId: .* that of /results/$other$},
             'both are named');
        is(rows(), $before, 'nothing is stored');
    }

    is($t->status->{groups}{superseded}, $superseded, 'nor written again');
    is($t->status->{queue}{rows}, 0, 'and nothing waits');

    my $alone = pairs(bulk($LINE_ITEM, $or->member($new, score => 2)));
    is_deeply($alone, { $new => $new }, 'alone, the other gets its id');
    is_deeply(pairs(bulk($LINE_ITEM, $or->member('meet', score => 2))),
              { meet => $new }, 'which is also that of the moved one');
};


subtest 'an id that a record of another API holds' => sub {
    $t->pg->do(q{
        INSERT INTO results.result (institution_id, kind, id, status,
            payload_hash, version, op, client_id, created_at, updated_at)
        VALUES (?, 'content_item_result', 'held', 'active', 1, 1, 2, 1,
                now(), now())
    }, $t->fixtures->institution);

    my $pairs = pairs(bulk($LINE_ITEM, $or->member('held')));
    like($pairs->{held}, $GUID8, 'is not free');
    is($or->row($pairs->{held})->{version}, 1, 'stored under a new one');
};


subtest 'references' => sub {
    is($or->post('lineItems/' . 'x' x 256 . '/results',
                 { results => [$or->member('a')] })->status, 422,
       'an id in the path that is none');
    is($or->post($LINE_ITEM, { results => [$or->member('a')] },
                 more => ['Idempotency-Key' => 'k k'])->status, 400,
       'an Idempotency-Key that is none');
    is($or->get($LINE_ITEM)->status, 405, 'no GET here');
};


cmp_ok($or->checked, '>', 40, $or->checked . ' replies had the form of the '
       . 'schema');
