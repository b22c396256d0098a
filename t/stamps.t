#!/usr/bin/env perl

# A stored row that is dated far ahead of the clock: it can still be written,
# nothing else is dated by it, in no worker, and the operator is told.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $store = 'connections 1; write_timeout 60s; read_timeout 60s;';
my $nginx = $t->nginx(workers => 2, store => $store);


# seconds that a row is ahead of PostgreSQL's clock
sub ahead {
    my ($id) = @_;

    return $pg->value(q{SELECT extract(epoch FROM updated_at
        - clock_timestamp()) FROM results.result WHERE id = ?}, $id);
}


sub date {
    my ($id, $when) = @_;
    $pg->do('UPDATE results.result SET updated_at = ? WHERE id = ?', $when,
            $id);
}


# PUTs to every worker, and to each several times
sub others {
    my ($name) = @_;

    my @statuses = map { $_->status } $t->many([map {
        $t->put_request("$name-$_", $t->result) } 1 .. 40], connections => 20);

    is(scalar(grep { $_ == 201 } @statuses), 40, 'others are stored');
    is($pg->value(q{SELECT count(*) FROM results.result WHERE id LIKE ?
        AND abs(extract(epoch FROM updated_at - clock_timestamp())) < 60},
        "$name-%"), 40, 'dated by the clock');
}


sub again { $t->status->{groups}{superseded} }


subtest 'a row of 2099' => sub {
    is($t->put('future', $t->result(score => 1))->status, 201, 'a result');
    date('future', '2099-01-01');

    my $response = $t->put('future', $t->result(score => 2));

    is($response->status, 200, 'it is replaced');
    is($t->row('future')->{score}, 2, 'stored');
    like($response->json->{result}{dateLastModified}, qr/^2099-01-01T00:00/,
         'dated above what it was');
    others('future-others');

    my @statuses = map { $_->status } $t->many([
        (map { $t->put_request('future', $t->result(score => $_)) } 1 .. 20),
        map { $t->put_request("future-beside-$_", $t->result) } 1 .. 20
    ], connections => 8);

    is(scalar(grep { $_ == 200 } @statuses), 20, 'again and again');
    is($t->row('future')->{version}, 22, 'each is a version');
    like($t->row('future')->{updated_at}, qr/^2099-01-01 00:0/,
         'no further ahead than it must');
    others('future-later');

    my $status = $t->status;
    cmp_ok($status->{groups}{ahead}, '>=', 21, 'counted');

    my @lines = $nginx->log_text
        =~ /(a result of institution \d+ is dated \d+ s ahead of the clock)/g;
    ok(@lines >= 1 && @lines <= 2, 'told once by each worker');
};


subtest 'as docs/troubleshooting.md mends it' => sub {
    $pg->do(q{UPDATE results.result SET updated_at = now()
              WHERE updated_at > now() + interval '5 minutes'});

    my $before = again();

    is($t->put('future', $t->result)->status, 200, 'replaced');
    cmp_ok(abs(ahead('future')), '<', 60, 'and dated by the clock');
    is(again(), $before, 'at the first time');
};


subtest 'a row that is a minute ahead: skew' => sub {
    is($t->put('skew', $t->result)->status, 201, 'a result');
    $pg->do(q{UPDATE results.result SET updated_at
              = clock_timestamp() + interval '1 minute' WHERE id = 'skew'});

    my $before = $t->status->{groups}{ahead};

    is($t->put('skew', $t->result)->status, 200, 'it is replaced');
    cmp_ok(ahead('skew'), '>', 50, 'dated above it');
    is($t->status->{groups}{ahead}, $before, 'that is no news');
    others('skew-others');
};


$nginx->set(workers => 1);
$nginx->reload(wait => 1);

for my $when ('infinity', '9999-12-31 23:59:59.999999+00',
              '20000-01-01 00:00:00+00')
{
    subtest "a row after which there is nothing: $when" => sub {
        my ($id) = $when =~ /^(\w+)/;

        $t->put("end-$id", $t->result);
        date("end-$id", $when);

        # a statement that has others, too: while another one is in flight
        my ($first, @clients) = map { $t->http } 0 .. 6;

        $pg->with_lock('results.result', 'SHARE', sub {
            $first->send($t->put_request("first-$id", $t->result));
            $pg->wait_for_blocked(1) or die "nothing is in flight\n";

            for my $i (0 .. $#clients) {
                $clients[$i]->send($t->put_request(
                    $i == 3 ? "end-$id" : "beside-$id-$i", $t->result));
            }

            wait_for(sub { $t->status->{queue}{rows} == @clients })
                or die "they are not queued\n";
        });

        my @responses = map { $_->response('PUT') } @clients;
        my ($refused) = splice @responses, 3, 1;

        is($refused->status, 422, 'is refused at once');
        like($refused->json->{imsx_description}, qr/22008/, 'and why');
        is(join(' ', map { $_->status } @responses), '201 201 201 201 201',
           'those beside it are stored');

        ok(defined $pg->value(q{SELECT results.precondition_holds('<1;', 1,
                                'active', ?)}, $when),
           'preconditions can be asked of it');
        is($t->put("end-$id", $t->result, 'If-Match' => '*')->status, 422,
           'so is one with a precondition');
        is($t->put("beside-$id-0", $t->result, 'If-Match' => '*')->status,
           200, 'and others go on');

        $pg->do('DELETE FROM results.result WHERE id = ?', "end-$id");
    };
}
