#!/usr/bin/env perl

# What SQL or a restored backup has put into the table, and no body can have
# had: a page shows what it can, leaves out what it can't, and the log has the
# key of that row.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;
my $school = $t->fixtures->institution('school');

my $nginx = $t->nginx(server => Results::Test::OneRoster->servers
    . 'location = /report { results_api ispring; }');

$pg->do(q{INSERT INTO results.person (institution_id, id, role)
          VALUES (?, 'admin', 'account_admin')}, $school);

my @dialects = map { Results::Test::OneRoster->new($t, $_) }
    qw(timeback oneroster);
my $admin = $t->token(institution => 'school', person => 'admin');


sub store {
    my ($id, %columns) = @_;

    %columns = (institution_id => $school, kind => 'result', id => $id,
                status => 'active', learner_id => 'p', item_id => "i-$id",
                payload_hash => 0, version => 1, op => 1, client_id => 1,
                created_at => '2024-01-01Z', updated_at => '2024-01-01Z',
                detail => '{"scoreStatus":"submitted",'
                          . '"scoreDate":"2024-01-01"}', %columns);

    my @names = sort keys %columns;

    $pg->do('INSERT INTO results.result (' . join(', ', @names) . ') VALUES ('
            . join(', ', ('?') x @names) . ')', @columns{@names});
}

sub detail { detail => sprintf '{"scoreStatus":"submitted",%s}', $_[0] }


# what is shown as far as it goes: each reply is held against the schema

my %shown = (
    good           => [],
    metadata       => [detail('"metadata":7')],
    comment        => [detail('"comment":[1],"textScore":{}')],
    flags          => [detail('"late":true,"missing":1,"inProgress":{}')],
    date           => [detail('"scoreDate":"0-0)-01-/0T"')],
    'date-number'  => [detail('"scoreDate":20240101')],
    word           => [detail => '{"scoreStatus":"graded"}'],
    'word-number'  => [detail => '{"scoreStatus":7}'],
    ref            => [detail('"student":"p","lineItem":{"sourcedId":7}')],
    scale          => [detail('"scoreScale":{"sourcedId":{}}')],
    objectives     => [detail('"learningObjectiveSet":[{}]')],
    'objectives-2' => [detail('"learningObjectiveSet":[{"source":"case",'
                              . '"learningObjectiveResults":[7]}]')],
    'objectives-3' => [detail('"learningObjectiveSet":7')],
    score          => [score => 'Infinity'],
    event          => [kind => 'learning_event', detail => '{"a":"\u0000"}'],
    completed      => [kind => 'module_result', detail => undef,
                       completed_at => 'infinity', started_at => '20000-01-01'],
    "control\x{1}" => [],
    '100%25'       => [],
);

# what is not, and why
my %left_out = (
    double   => [[detail('"metadata":{"n":1e400}')], qr/detail is no JSON/],
    levels   => [[detail('"metadata":{"n":' . '[' x 3000 . ']' x 3000 . '}')],
                 qr/detail is no JSON/],
    numeric  => [[detail('"metadata":{"n":1e400000}')], qr/detail is no JSON/],
    nul      => [[detail('"comment":"\u0000"')], qr/detail is no JSON/],
    half     => [[detail('"comment":"\ud800"')], qr/detail is no JSON/],
    array    => [[detail => '[7]'], qr/detail is no/],
    infinite => [[updated_at => 'infinity'], qr/its times/],
    ancient  => [[created_at => '0044-03-15 BC'], qr/its times/],
    version  => [[version => 0], qr/its columns/],
    "odd\n[error] x" => [[version => 0], qr/its columns/],
);

store($_, @{ $shown{$_} }) for sort keys %shown;
store($_, @{ $left_out{$_}[0] }) for sort keys %left_out;

my $all = keys(%shown) + keys(%left_out);
my $rows = 0;


for my $or (@dialects) {
    subtest $or->dialect => sub {
        my @queries = ('results', 'results?sort=scoreStatus',
            'results?sort=metadata.n', 'results?sort=comment',
            map { "results?filter=$_" }
            q{status%3D'active'}, q{metadata.n!%3D'1'}, q{comment!%3D'x'},
            q{scoreStatus!%3D'x'}, q{scoreDate>%3D'1999-01-01'});

        for my $query (@queries) {
            my $reply = $or->get($query
                . ($query =~ /\?/ ? '&' : '?') . 'limit=100');

            is($reply->status, 200, $query) or diag($reply->body);
            next if $reply->status != 200;

            my @ids = map { $_->{sourcedId} } @{ $reply->json->{results} };

            is($reply->header('X-Total-Count'), $all, 'all of them count')
                if $query !~ /scoreDate/;
            is_deeply([sort @ids], [sort keys %shown], 'and these are shown')
                if $query !~ /scoreDate/;

            # the filter by date finds all but the ancient one
            $rows += keys(%left_out) - ($query =~ /scoreDate/);
        }

        for my $id (grep { /^\w+\z/ } sort keys %left_out) {
            my $reply = $or->get("results/$id");

            is($reply->status, 500, "one by its id: $id");
            like($reply->body, qr/stored in a form that can not be shown/,
                 'says why');
            $rows++;
        }
    };
}

store('merge', kind => 'assessment_result', id_space => 2,
      @{ $left_out{double}[0] });
is($dialects[0]->patch('assessmentResults/merge',
       { assessmentResult => { comment => 'x' } })->status, 500,
   'what can not be read can not be merged into');
$rows++;

my $new = $dialects[0]->put('results/double', $dialects[0]->result);
is($new->status, 200, 'but it can be replaced') or diag($new->body);
is($dialects[0]->get('results/double')->status, 200, 'and then is shown');


my $report = $t->request('GET', '/report', [Authorization => "Bearer $admin",
    Accept => 'application/json']);

is($report->status, 200, 'the module report') or diag($report->body);
is(scalar(grep { $_->{userId} eq 'p' } @{ $report->json->{results} }),
   $all, 'has a row for each');


my $log = $nginx->log_text;

for my $id (sort keys %left_out) {
    my $logged = $id =~ s/[^!-~]/?/gr;
    my @lines = grep { /the result "\Q$logged\E" of institution $school is/ }
        split /^/, $log;

    cmp_ok(scalar @lines, '>', 2, "the log has the key of $logged");
    is((grep { !/\[error\].*left out: .*$left_out{$id}[1]/ } @lines), 0,
       'and why');
}

unlike($log, qr/1e400|\[\[\[/, 'and nothing that is in them');
is($t->status->{rows_left_out}, $rows, 'each is counted');
