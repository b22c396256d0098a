#!/usr/bin/env perl

# The letter of the standard in the dialect `oneroster`, and what of it the
# dialect `timeback` takes all the same: words, nulls, unknown fields, dates,
# references.  Every 2xx is followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers);

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');

my $GUID = '6F9619FF-8B86-D011-B42D-00C04FC964FF';
my $SETS = 'learningObjectiveSet';
my $n = 0;


sub set {
    my ($source, %objective) = @_;
    return [{ source => $source, learningObjectiveResults =>
              [{ learningObjectiveId => 'x', %objective }] }];
}


# field, value, whether oneroster takes it, whether timeback does, path
my @cases = (
    (map { [scoreStatus => $_, 1, 1] } 'exempt', 'fully graded',
     'not submitted', 'partially graded', 'submitted'),
    (map { [scoreStatus => $_, 1, 0] } 'ext:a', 'ext:A.b-C_9'),
    (map { [scoreStatus => $_, 0, 0] } 'graded', '', 'Exempt', 'ext:',
     'ext:a b', "ext:\x{e9}", 'xext:a', 'ext:a/b', undef, 1),

    (map { my $field = $_;
           ((map { [$field => $_, 1, 1] } 'true', 'false'),
            (map { [$field => $_, 0, 1] } '', 'yes', 'TRUE', undef),
            (map { [$field => $_, 0, 0] } JSON::PP::true, 1, [])) }
     qw(inProgress incomplete late missing)),

    (map { [status => $_, 1, 1] } qw(active tobedeleted inactive)),
    (map { [status => $_, 0, 0] } qw(deleted Active), '', 1),
    [status => undef, 0, 1],

    (map { [scoreDate => $_, 1, 1] } '2024-02-29', '2023-11-07T05:31:56Z',
     '2023-11-07T05:31:56.123+02:00'),
    (map { [scoreDate => $_, 0, 0] } '2023-02-29', '2023-11-07T05:31:56',
     '2023-11-07T24:00:00Z', 'today', undef, 20231107),

    (map { [dateLastModified => $_, 1, 1] } '2023-11-07T05:31:56Z'),
    (map { [dateLastModified => $_, 0, 0] } '2023-11-07', 'now', 1),
    [dateLastModified => undef, 0, 1],

    (map { [score => $_, 1, 1] } 0, -1, 0.1, 300, 1e300),
    (map { [score => $_, 0, 0] } '1', [], JSON::PP::true),
    [score => undef, 0, 1],

    (map { my $field = $_; ([$field => 'x', 1, 1], [$field => '', 1, 1],
            [$field => undef, 0, 1], [$field => 1, 0, 0]) }
     qw(textScore comment)),

    [metadata => {}, 1, 1],
    [metadata => { a => undef, b => [{}] }, 1, 1],
    [metadata => undef, 0, 1],
    [metadata => [], 0, 0],
    [metadata => 'x', 0, 0],

    [unknown => 1, 0, 1],
    [academicSession => { sourcedId => 's' }, 0, 1],

    (map { my $field = $_;
           ([$field => { sourcedId => 'x' }, 1, 1],
            [$field => { sourcedId => '' }, 0, 0, "$field/sourcedId"],
            [$field => { sourcedId => 'x' x 256 }, 0, 0, "$field/sourcedId"],
            [$field => {}, 0, 0, "$field/sourcedId"],
            [$field => 'x', 0, 0],
            [$field => { sourcedId => 'x', more => 1 }, 0, 1, "$field/more"],
            [$field => { sourcedId => 'x', href => undef }, 0, 1,
             "$field/href"],
            [$field => { sourcedId => 'x', type => 'org' }, 0, 0,
             "$field/type"]) }
     qw(lineItem student class scoreScale)),
    [student => { sourcedId => 'x', type => 'user', href => 'http://x/' },
     1, 1],
    (map { [$_ => undef, 0, 0] } qw(lineItem student)),
    (map { [$_ => undef, 0, 1] } qw(class scoreScale)),

    [$SETS => [], 1, 1],
    [$SETS => set('unknown'), 1, 1],
    [$SETS => set('/state9', score => 1, textScore => 'x'), 1, 1],
    [$SETS => set('case', learningObjectiveId => $GUID), 1, 1],
    [$SETS => set('case'), 0, 1,
     "$SETS/0/learningObjectiveResults/0/learningObjectiveId"],
    (map { [$SETS => set($_), 0, 1, "$SETS/0/source"] } 'state', '/case',
     '/unknown', '/', '/A', ''),
    [$SETS => set('unknown', score => undef), 0, 1,
     "$SETS/0/learningObjectiveResults/0/score"],
    [$SETS => set('unknown', more => 1), 0, 1,
     "$SETS/0/learningObjectiveResults/0/more"],
    [$SETS => set('unknown', score => '1'), 0, 0,
     "$SETS/0/learningObjectiveResults/0/score"],
    [$SETS => [{ source => 'unknown', learningObjectiveResults => [] }],
     0, 0, "$SETS/0/learningObjectiveResults"],
    [$SETS => [{ learningObjectiveResults => [] }], 0, 0, "$SETS/0/source"],
    [$SETS => [1], 0, 0, "$SETS/0"],
    [$SETS => undef, 0, 1],
    [$SETS => {}, 0, 0],
);

for my $case (@cases) {
    my ($field, $value, $strict, $loose, $path) = @$case;

    my $text = JSON::PP->new->canonical->allow_nonref->encode($value);
    my $name = "$field: " . (length $text > 50 ? substr($text, 0, 50) : $text);

    utf8::encode($name);

    for my $pair ([$or, $strict], [$tb, $loose]) {
        my ($client, $taken) = @$pair;

        my $id = 'case-' . ++$n;
        my $response = $client->put("results/$id",
            $client->result($field => $value));

        if ($taken) {
            is($response->status, 201, $client->dialect . " takes $name")
                or diag($response->body);
            ok($client->row($id), 'and stores it');

            my $got = $client->get("results/$id");
            next if ($value // '') =~ /^(?:tobedeleted|inactive)$/;
            is($got->status, 200, 'and gives it back');

            # a date by the standard, a time by Timeback
            my $sent = sent($field, $value);
            $sent =~ s/T.*// if $field eq 'scoreDate' && $client->strict;
            $sent =~ s/^.{10}\z/$&T00:00:00.000Z/
                if $field eq 'scoreDate' && !$client->strict;

            is_deeply(back($client->object($got), $field), $sent,
                      'equal') if !($client->strict && ref $value
                                    && $field eq $SETS && !$strict);
            next;
        }

        is($response->status, 422, $client->dialect . " refuses $name");
        is($client->code_minor($response), 'invaliddata', 'as invalid');

        my $named = '/result/' . ($path // $field);
        like($client->description($response), qr/\Q$named\E: /,
             'and names it');
        ok(!$client->row($id), 'and stores nothing');
    }
}


# what of a field the server sets itself is left out
sub back {
    my ($object, $field) = @_;

    my $value = $object->{$field};

    return 'set' if $field eq 'dateLastModified' && defined $value;
    return $value if ref $value ne 'HASH' || !$value->{href};

    $value = { %$value };
    delete @$value{qw(href type)};
    return $value;
}


sub sent {
    my ($field, $value) = @_;

    return 'set' if $field eq 'dateLastModified';
    return 'active' if $field eq 'status';

    if ($field eq $SETS && ref $value) {
        my $text = $t->encode($value) =~ s/,"score":null//r;
        return JSON::PP->new->utf8->decode($text);    # null is absent
    }

    return $value if ref $value ne 'HASH' || !exists $value->{sourcedId};

    return { map { $_ => $value->{$_} } grep { !/^(?:href|type)$/ }
             keys %$value };
}


subtest 'an assessment result is no result' => sub {
    is($or->put('assessmentResults/ar', $or->assessment_result(
        scorePercentile => 99.5))->status, 201, 'its own fields');
    ok($or->row('ar', 'assessment_result'), 'are stored');
    is($or->object($or->get('assessmentResults/ar'))->{scorePercentile}, 99.5,
       'and come back');

    for my $case ([assessmentResults => assessment_result => class =>
                   { sourcedId => 'c' }],
                  [assessmentResults => assessment_result => lineItem =>
                   { sourcedId => 'l' }],
                  [results => result => scorePercentile => 1],
                  [results => result => assessmentLineItem =>
                   { sourcedId => 'l' }])
    {
        my ($collection, $body, $field, $value) = @$case;
        my $response = $or->put("$collection/x", $or->$body($field => $value));

        is($response->status, 422, "$collection have no $field");
        like($or->description($response), qr{/$field: unknown field},
             'it says');
        is($tb->put("$collection/y-$field", $tb->$body($field => $value))
             ->status, 201, 'timeback keeps it');
        is_deeply($tb->object($tb->get("$collection/y-$field"))->{$field},
                  $value, 'and gives it back');
    }

    is($or->put('assessmentResults/x', $or->result)->status, 422,
       'the envelope tells what it is');
    is($or->put('results/x', { %{ $or->result }, more => 1 })->status, 422,
       'and holds nothing else');
    ok(!$or->row('x') && !$or->row('x', 'assessment_result'),
       'nothing is stored');
};


subtest 'a body need not say what the path and the server say' => sub {
    my $body = $or->result;
    delete $body->{result}{$_} for qw(sourcedId status dateLastModified);

    is($or->put('results/bare', $body)->status, 201, 'neither id nor status');
    is($or->row('bare')->{status}, 'active', 'active');
    is($or->put('results/bare', $or->result(sourcedId => 'bare'))->status,
       201, 'the id of the path');
    is($or->row('bare')->{version}, 2, 'stored');

    my $response = $or->put('results/bare', $or->result(sourcedId => 'b'));
    is($response->status, 422, 'another id');
    like($or->description($response), qr{/result/sourcedId: differs},
         'is named');
    is($or->row('bare')->{version}, 2, 'nothing is stored');
};


for my $client ($or, $tb) {
    cmp_ok($client->checked, '>', 100, $client->checked . ' replies of '
           . $client->dialect . ' had the form of its schema');
}
