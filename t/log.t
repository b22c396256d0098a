#!/usr/bin/env perl

# What the error log says: one line when something goes wrong, one when it is
# over, however many requests meet it; which store and server, and what the
# module does next.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(store => 'connections 1; write_timeout 5s;');

my $n = 0;
my $server = ($pg->conninfo =~ /host=(\S+)/)[0] . ':' . $pg->port;


# the lines of ours that are worse than a notice, and notices, since then
sub lines {
    my ($after) = @_;

    return grep { /results: / && /\[(?:notice|warn|error|alert|emerg)\]/ }
        split /^/, substr $nginx->log_text, $after;
}

# that a failure is told once, and its end
sub told_once {
    my ($name, $break, $repair, $good, $request, $error, $again) = @_;

    subtest $name => sub {
        is($request->()->status, $good, 'before');

        my $size = $nginx->log_size;
        $pg->do($break);

        ok(wait_for(sub { $request->()->status == 503 }), 'it fails');
        $request->() for 1 .. 10;

        my @lines = lines($size);
        is(scalar @lines, 1, 'one line') or diag(@lines);
        like($lines[0], qr/\[error\] .*results: store "main": $error$/,
             'which says it all');

        $size = $nginx->log_size;
        $pg->do($repair);

        ok(wait_for(sub { $request->()->status == $good }), 'after');
        $request->() for 1 .. 10;

        @lines = lines($size);
        is(scalar @lines, 1, 'one line more') or diag(@lines);
        like($lines[0], qr/\[notice\] .*results: store "main": $again$/,
             'it is over');
    };
}


$t->put('r', $t->result);

my $fail = q{
    CREATE FUNCTION results.fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$;

    CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON results.result
    FOR EACH ROW EXECUTE FUNCTION results.fail()
};

told_once('writes', $fail, 'DROP FUNCTION results.fail() CASCADE', 200,
          sub { $t->put('r', $t->result) },
          qr/writes fail: SQLSTATE 53100; answered 503/,
          qr/writes work again after \d+ s/);

told_once('reads', 'ALTER TABLE results.result RENAME TO hidden',
          'ALTER TABLE results.hidden RENAME TO result', 200,
          sub { $t->request('GET', $t->uri('r'), $t->headers) },
          qr/reads fail: SQLSTATE 42P01; answered 503/,
          qr/reads work again after \d+ s/);

told_once('token lookups', 'ALTER TABLE results.access_token RENAME TO hidden',
          'ALTER TABLE results.hidden RENAME TO access_token', 401,
          sub { $t->put('r', $t->result, token => 'x' . ++$n . 'x' x 42) },
          qr/token lookups fail: SQLSTATE 42P01; answered 503/,
          qr/token lookups work again after \d+ s/);


subtest 'a read that the database refuses' => sub {
    my $size = $nginx->log_size;

    $pg->do(q{
        ALTER TABLE results.result RENAME TO hidden;
        CREATE VIEW results.result AS
            SELECT * FROM results.hidden WHERE 1 / (version - version) = 0;
        GRANT SELECT ON results.result TO results_owner
    });

    my $response;
    $response = $t->request('GET', $t->uri('r'), $t->headers) for 1 .. 3;

    is($response->status, 400, 'is not asked again');
    like($response->body, qr/SQLSTATE 22012/, 'the client is told why');

    my @lines = lines($size);
    is(scalar @lines, 1, 'the log is once') or diag(@lines);
    like($lines[0], qr/\[warn\] .*: reads are refused for their data: SQLSTATE 22012$/,
         'of its code');

    $pg->do('DROP VIEW results.result; '
            . 'ALTER TABLE results.hidden RENAME TO result');
    is($t->request('GET', $t->uri('r'), $t->headers)->status, 200, 'after');
};


subtest 'writes that the database refuses' => sub {
    my $size = $nginx->log_size;

    for my $code ('22003', '23514') {
        $pg->do($fail =~ s/53100/$code/r);
        is($t->put('r', $t->result)->status, 422, "$code: refused") for 1 .. 3;
        $pg->do('DROP FUNCTION results.fail() CASCADE');
        is($t->put('r', $t->result)->status, 200, 'then not');
    }

    # the first is not told again because there was another
    $pg->do($fail =~ s/53100/22003/r);
    is($t->put('r', $t->result)->status, 422, 'the first again');
    $pg->do('DROP FUNCTION results.fail() CASCADE');

    is(join(' ', map { /\[warn\] .*writes are refused for their data: SQLSTATE (\d+)$/ }
            lines($size)), '22003 23514', 'a line for each code');
    is(scalar lines($size), 2, 'and no other');
};


subtest 'the database is away' => sub {
    my $size = $nginx->log_size;

    $pg->stop('fast');

    ok(wait_for(sub { lines($size) >= 2 }), 'told');

    my @clients = map { $t->http } 1 .. 50;
    $_->send($t->put_request('away', $t->result)) for @clients;
    $_->response('PUT') for @clients;

    my @lines = sort { $a =~ /writer/ <=> $b =~ /writer/ } lines($size);

    is(scalar @lines, 2, 'a line for readers, and one for writers')
        or diag(@lines);

    for my $i (0, 1) {
        my $what = (qw(reader writer))[$i];
        like($lines[$i], qr/\[error\] .*results: store "main": no $what: .+ /,
             "$what: why");
        like($lines[$i], qr/ \(at "\Q$server\E"\); trying again$/,
             'where, and what is done');
    }

    $size = $nginx->log_size;
    $pg->start;

    ok(wait_for(sub { lines($size) >= 2 }), 'told again');
    is($t->put('back', $t->result)->status, 201, 'and it is back');

    @lines = sort { $a =~ /writer/ <=> $b =~ /writer/ } lines($size);
    is(scalar @lines, 2, 'a line each') or diag(@lines);

    for my $i (0, 1) {
        my $what = (qw(reader writer))[$i];
        like($lines[$i], qr/\[notice\] .*results: store "main": $what /, $what);
        like($lines[$i],
             qr/ connected again after \d+ ms \(at "\Q$server\E"\)$/,
             'where, and after how long');
    }
};
