#!/usr/bin/env perl

# Filters and sorting of collections: what is found is what the objects show.
# The objects themselves say what that is: every filter is worked out here a
# second time, on what the server shows of all of them.

use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(decode_utf8 encode_utf8);
use Results::Test;
use Results::Test::OneRoster;

my $t = Results::Test->new(timeout => 240);

$t->nginx(server => Results::Test::OneRoster->servers);

my %or = map { $_ => Results::Test::OneRoster->new($t, $_) }
    qw(oneroster timeback);
my $seed = $ENV{TEST_RESULTS_SEED} // time;

srand $seed;
note("TEST_RESULTS_SEED=$seed");


# what an object shows of a field; bytes of UTF-8, or a number
sub shown {
    my ($object, $field) = @_;

    $field =~ s/^(student|lineItem|assessmentLineItem|class)SourcedId$
               /$1.sourcedId/x;

    for (split /\./, $field) {
        return undef if ref $object ne 'HASH';
        $object = $object->{$_};
    }

    return undef if !defined $object || ref $object eq 'HASH';
    return $object ? 'true' : 'false' if JSON::PP::is_bool($object);
    return '[]' if ref $object;
    return encode_utf8($object);
}


my %TYPES = (score => 'number', scorePercentile => 'number',
             scoreDate => 'day', dateLastModified => 'time',
             status => 'word');

sub type {
    my ($field) = @_;
    return $field =~ /^metadata/ ? 'any' : $TYPES{$field} || 'text';
}

sub is_number { $_[0] =~ /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\z/ }


# -1, 0 or 1
sub compare {
    my ($field, $shown, $value, $object) = @_;

    my $type = type($field);

    return $shown <=> $value if $type eq 'number';
    return substr($shown, 0, 10) cmp $value if $type eq 'day';

    if ($type eq 'any') {
        my $raw = $object;
        $raw = $raw->{$_} for split /\./, $field;

        # a number in JSON
        return $shown <=> $value
            if is_number($value) && JSON::PP->new->allow_nonref->encode($raw)
                                    !~ /^["tf\[]/;
    }

    return $shown cmp $value;
}


sub matches {
    my ($object, $field, $op, $value) = @_;

    my $shown = shown($object, $field);

    return $op eq '!=' if !defined $shown;
    return index(lc $shown, lc $value) >= 0 if $op eq '~';

    my $order = compare($field, $shown, $value, $object);

    return $op eq '='  ? $order == 0 : $op eq '!=' ? $order != 0
         : $op eq '>'  ? $order > 0  : $op eq '>=' ? $order >= 0
         : $op eq '<'  ? $order < 0  : $order <= 0;
}


sub escape { $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }

sub ids {
    my ($response, $path) = @_;
    my $json = $response->json || {};
    return map { $_->{sourcedId} } @{ $json->{$path} || [] };
}


# results with and without each field, of values that are near each other

my @texts = ('Good', 'good work', "it's", '100% _ok_', 'a\\b', '"quoted"',
             "\x{e4}\x{df}\x{20ac}", "\x{1f600}", '', ' ', 'Z', 'a', '10', '9',
             "two\nlines", '{a,b}', 'null', '$1', '--');
my @days = ('2026-01-31', '2026-02-01', '2026-02-28', '2026-03-01');
my @scores = (0, -1.5, 9.5, 10, 10.25, 99.9999, 100, 1e6, 5e-324);
my @statuses = ('exempt', 'fully graded', 'not submitted', 'partially graded',
                'submitted');

# some characters of bytes of UTF-8
sub part {
    my $text = decode_utf8($_[0]);
    return encode_utf8(substr $text, rand length $text, 1 + rand 5);
}

sub one { return $_[rand @_] }
sub maybe { my ($name, @of) = @_; return rand() < .6 ? ($name => one(@of)) : () }

my $n = 60;
my @requests;

for my $path (qw(results assessmentResults)) {
    for my $i (1 .. $n) {
        my %fields = (
            scoreStatus => one(@statuses),
            scoreDate => one(@days) . (rand() < .5 ? '' : 'T12:30:00Z'),
            score => undef,
            comment => undef,
            student => { sourcedId => 'student-' . int rand 4 },
            maybe(score => @scores),
            maybe(textScore => @texts),
            maybe(comment => @texts),
            maybe(late => 'true', 'false'),
            maybe(inProgress => 'true', 'false'),
            maybe(scoreScale => map { { sourcedId => "scale-$_" } } 1, 2),
            maybe(metadata => map { { a => $_, b => { c => one(1, 'x') } } }
                  1, 2, 10, 9.5, '10', '9', 'x', 'X', JSON::PP::true, []),
            $path eq 'results'
            ? (lineItem => { sourcedId => 'item-' . int rand 4 },
               maybe(class => map { { sourcedId => "class-$_" } } 1 .. 3))
            : (lineItem => undef,
               assessmentLineItem => { sourcedId => 'item-' . int rand 4 },
               maybe(scorePercentile => 0, 50.5, 99)),
            $i == 1 ? (comment => '100% _ok_', metadata => { a => 10 }) : (),
        );

        my $body = $or{timeback}->result(%fields)->{result};

        delete $body->{$_} for grep { !defined $body->{$_} } keys %$body;

        push @requests, Results::Test::Http->format('PUT',
            $or{timeback}->base . "/$path/id-$i", $t->headers,
            $t->encode({ $path =~ s/s$//r => $body }));
    }
}

my @responses = $t->many(\@requests);

is(scalar(grep { $_ && $_->status == 201 } @responses), 2 * $n,
   'the results are stored');
is($t->rows, 2 * $n, '... and are there');

# some of them deleted, and some stored by other APIs, whose detail is no
# business of these

for my $path (qw(results assessmentResults)) {
    is($or{timeback}->delete("$path/id-$_")->status, 204, "$path/id-$_ deleted")
        for 7, 14;
}

$t->pg->do(q{
    INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
        course_id, status, score, completion, completed_at, detail,
        payload_hash, version, op, client_id, created_at, updated_at)
    SELECT institution_id, k::results.record_kind, 'other-' || k || '-' || n,
           'student-' || n % 4, 'item-' || n % 4, 'class-1', 'active',
           CASE WHEN n % 2 = 0 THEN 10 END,
           CASE WHEN n > 0
                THEN (enum_range(null::results.completion))[n] END,
           CASE WHEN n % 3 = 0 THEN timestamptz '2026-02-01 10:00Z' END,
           '{"scoreStatus": "exempt", "comment": "Good", "late": "true",
             "scoreDate": "2026-03-01", "metadata": {"a": 1}}',
           1, 1, 1, client_id, '2026-02-28 23:59:59.9995Z',
           '2026-02-28 23:59:59.9995Z'
    FROM (SELECT institution_id, client_id FROM results.result LIMIT 1) r,
         unnest('{content_item_result,learning_event,module_result}'::text[])
             k, generate_series(0, 9) n
});

is($t->rows, 2 * $n + 30, 'and results of other APIs');


for my $dialect (qw(oneroster timeback)) {
for my $path (qw(results assessmentResults)) {
    my $or = $or{$dialect};
    my $all = $or->get("$path?limit=10000&filter="
        . escape("status='active' OR status='tobedeleted'"))->json->{$path};
    my @active = grep { $_->{status} eq 'active' } @$all;

    is(scalar @$all, $n + ($path eq 'results' ? 30 : 0),
       "$dialect: all of $path, deleted ones too");
    is(@$all - @active, 2, '... two of them');

    my @fields = (qw(sourcedId status dateLastModified student.sourcedId
        studentSourcedId scoreStatus scoreDate score textScore comment late
        inProgress scoreScale.sourcedId metadata.a metadata.b.c
        metadata.nothing),
        $path eq 'results'
            ? qw(lineItem.sourcedId lineItemSourcedId class.sourcedId)
            : qw(assessmentLineItemSourcedId scorePercentile));

    my ($wrong, $found) = (0, 0);
    my @filters;

    for my $i (1 .. 400) {
        my @terms;

        for (1 .. 1 + (rand() < .5)) {
            my $field = one(@fields);
            my $type = type($field);
            my $op = one($type eq 'word' ? qw(= !=)
                         : $type =~ /number|day|time/ ? qw(= != > >= < <=)
                         : qw(= != > >= < <= ~));

            # a value that is there, mostly
            my $value = shown(one(@$all), $field) // one(map { encode_utf8 $_ }
                                                         @texts);

            $value = $type eq 'number' ? one(@scores)
                : $type eq 'day' ? one(@days)
                : $type eq 'time' ? one(@$all)->{dateLastModified}
                : $type eq 'word' ? one(qw(active tobedeleted))
                : part($value)
                if $op eq '~' || $type =~ /number|day|time|word/;

            push @terms, [$field, $op, $value];
        }

        my $any = rand() < .5;
        my $text = join $any ? ' OR ' : ' AND ', map {
            "$_->[0]$_->[1]'" . $_->[2] =~ s/'/''/gr . "'" } @terms;
        my $named = grep { $_->[0] =~ /^(?:status|dateLastModified)$/ } @terms;

        my @expected = sort map { $_->{sourcedId} } grep {
            my $object = $_;
            my $hits = grep { matches($object, @$_) } @terms;
            $any ? $hits : $hits == @terms;
        } $named ? @$all : @active;

        push @filters, [$text, "@expected"];
    }

    my @responses = $t->many([map { Results::Test::Http->format('GET',
        $or->base . "/$path?limit=10000&fields=sourcedId&filter="
        . escape($_->[0]), $t->headers(type => undef)) } @filters]);

    for my $i (0 .. $#filters) {
        my ($text, $expected) = @{ $filters[$i] };
        my $response = $responses[$i];
        my @ids = ids($response, $path);

        $found += @ids;

        next if $response->status == 200 && "@ids" eq $expected
            && $response->header('X-Total-Count') == @ids;

        $wrong++;
        diag("$text: ", $response->status, " @ids\nexpected $expected")
            if $wrong <= 3;
    }

    is($wrong, 0, "$dialect: 400 filters of $path find what they have to");
    cmp_ok($found, '>', 400, '... and many find some');

    $wrong = 0;

    for my $field (@fields) {
    for my $order ('asc', 'desc') {

        # by jsonb's rules are values of several types
        next if $field =~ /^metadata/;

        my @with = grep { defined shown($_, $field) } @active;
        my @without = grep { !defined shown($_, $field) } @active;
        my $way = $order eq 'asc' ? 1 : -1;
        my $by_id = sub { $way * ($_[0]{sourcedId} cmp $_[1]{sourcedId}) };
        my $by = sub {
            my ($x, $y) = map { shown($_, $field) } @_;
            return $by_id->(@_) if $field eq 'scoreDate' || $field =~ /Modif/;
            return $way * (type($field) eq 'number' ? $x <=> $y : $x cmp $y)
                || $by_id->(@_);
        };

        my @expected = map { $_->{sourcedId} } (sort { $by->($a, $b) } @with),
            (sort { $by_id->($a, $b) } @without);
        my $response = $or->get("$path?limit=10000&sort=$field"
            . "&orderBy=$order");
        my @ids = ids($response, $path);

        if ($field =~ /^scoreDate$|Modified$/) {
            # shown with less than they are stored with
            my @dates = map { $_->{$field} } @{ $response->json->{$path} };
            my @days = map { substr $_, 0, $field eq 'scoreDate' ? 10 : 24 }
                @dates;
            my @sorted = sort { $way * ($a cmp $b) } @days;
            @ids = @days;
            @expected = @sorted;
        }

        next if "@ids" eq "@expected";
        $wrong++;
        diag("$field $order: @ids\nexpected @expected");
    } }

    is($wrong, 0, "$dialect: $path is sorted by every field");
} }


# what the objects do not tell

my @cases = (
    # filter, results, in timeback (in oneroster the same)
    ["metadata.a='10.0'", 'a number is one number, however it is written',
     "metadata.a='1e1'", 1],
    ["student.sourcedId~'STUDENT'", 'contains: upper and lower case are one',
     "student.sourcedId~'student'", 1],
    ["student.sourcedId='STUDENT-1'", 'equals: they are two',
     "student.sourcedId='student-1'", 0],
    ["scoreDate='2026-02-01'", 'a day has all its moments',
     "scoreDate>='2026-02-01T00:00:00Z' AND scoreDate<'2026-02-02'", 1],
    ["dateLastModified>'2026-02-28'", 'a date is its midnight, here',
     "dateLastModified>'2026-02-28T00:00:00Z'", 1],
    ["dateLastModified='2026-02-28T23:59:59.999Z'",
     'a moment is the millisecond that is shown',
     "dateLastModified>='2026-02-28T23:59:59.999Z' AND "
     . "dateLastModified<'2026-03-01'", 1],
    ["dateLastModified='2026-03-01T00:59:59.999+01:00'", 'of any zone',
     "dateLastModified='2026-02-28T23:59:59.999Z'", 1],
    ["status='inactive'", 'the word of 1.1', "status='tobedeleted'", 1],
    ["studentSourcedId='student-1'", 'the short name of a reference',
     "student.sourcedId='student-1'", 1],
    ["comment='Good' OR comment!='Good'", 'what is absent is another value',
     "sourcedId>'' AND sourcedId>''", 1],
    ["comment>='' OR comment<''", '... but in no order to any',
     "sourcedId>'' AND sourcedId>''", 0],
    ["comment~'%'", 'contains knows no wildcards', "comment~'100% _ok_'", 1],
    ["comment~''", 'all that is there contains nothing', "comment>=''", 1],
);

for my $case (@cases) {
    my ($filter, $name, $other, $same) = @$case;

    for my $or (map { $or{$_} } qw(oneroster timeback)) {
        my ($first, $second) = map {
            my $response = $or->get('results?limit=10000&filter=' . escape($_));
            is($response->status, 200, $_);
            join ' ', ids($response, 'results');
        } $filter, $other;

        ok(($first eq $second) == $same, $name)
            or diag("$filter: $first\n$other: $second");
        isnt("$first$second", '', '... and something is found');
    }
}


# an "ext:" word is shown, and found, where the dialect has it

is($or{oneroster}->put('results/ext', $or{oneroster}->result(
    scoreStatus => 'ext:later', score => 5))->status, 201, 'an ext: word');
is($t->row('ext')->{status}, 'active', '... is stored');

for my $case (['oneroster', 'ext:later', 'fully graded'],
              ['timeback', 'fully graded', 'ext:later']) {
    my ($dialect, $word, $none) = @$case;
    my $filter = "sourcedId='ext' AND scoreStatus=";

    is(join(' ', ids($or{$dialect}->get('results?filter='
        . escape("$filter'$word'")), 'results')), 'ext', "$dialect: $word");
    is(join(' ', ids($or{$dialect}->get('results?filter='
        . escape("$filter'$none'")), 'results')), '', "$dialect: not $none");
}


# a GUID is found in each of its forms

my $guid = '087fc371-4fee-4dcb-a82f-3e0bf27fc33e';

is($or{timeback}->put('results/guid', $or{timeback}->result(
    student => { sourcedId => "{\U$guid}" }))->status, 201, 'a GUID');
is($t->row('guid')->{learner_id}, $guid, '... is stored in one form');

is(join(' ', ids($or{timeback}->get('results?filter='
    . escape("student.sourcedId='$_'")), 'results')), 'guid', $_)
    for $guid, "\U$guid", "{\U$guid}", "urn:uuid:$guid";
