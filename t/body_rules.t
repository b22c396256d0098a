#!/usr/bin/env perl

# docs/api/bodies.md: each row of its tables is sent to the Timeback dialect,
# and the answer, what is stored and what comes back are what the row says.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers);

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $n = 0;


sub body {
    my ($metadata, $date) = @_;

    return '{"result":{"lineItem":{"sourcedId":"l"},"student":'
           . '{"sourcedId":"s"},"scoreStatus":"submitted","scoreDate":"'
           . ($date // '2026-03-01') . '","metadata":' . $metadata . '}}';
}


open my $file, '<', $t->root . '/docs/api/bodies.md' or die $!;
my $page = do { local $/; <$file> };

# the rows of the tables of that field: their cells without the backquotes
sub rows {
    my ($field) = @_;
    my ($within, @rows);

    for my $line (split /\n/, $page) {
        my @cells = map { ($_ // '') =~ s/^\s+|\s+$//gr }
            (split /\|/, $line, -1)[1 .. 4];

        $within = 0 if $line !~ /^\|/;
        push @rows, [ map { s/^`(.*)`$/$1/r } @cells ]
            if $within && $line !~ /^\|-/;
        $within = 1 if ($cells[1] // '') eq "sent as `$field`";
    }

    return @rows;
}


my @json = rows('metadata');
my @times = rows('scoreDate');

cmp_ok(@json, '>', 10, 'the page has rows about JSON');
cmp_ok(@times, '>', 10, 'and about times');

for my $row (@json) {
    my ($what, $sent, $status, $rest) = @$row;
    my $response = $t->put('r' . ++$n, body($sent));

    is($response->status, $status, "$what: $sent");

    if ($status == 201) {
        for my $text ($response->body, $tb->get("results/r$n")->body,
                      $t->row("r$n")->{detail})
        {
            like($text, qr/"metadata":\Q$rest\E/, 'comes back');
        }

    } else {
        like($tb->description($response),
             qr{^/result/metadata\b[^:]*: \Q$rest\E(?:, at line|$)}, $rest);
        ok(!$t->row("r$n"), 'nothing is stored');
    }
}

for my $row (@times) {
    my ($what, $sent, $status, $stored) = @$row;
    my $response = $t->put('r' . ++$n, body('{}', $sent));

    is($response->status, $status, "$what: $sent");

    if ($status == 201) {
        is($t->pg->value(q{SELECT scored_at AT TIME ZONE 'UTC'
                           FROM results.result WHERE id = ?}, "r$n"),
           $stored, "is $stored");

    } else {
        like($tb->description($response), qr{^/result/scoreDate: expected a },
             'refused');
        ok(!$t->row("r$n"), 'nothing is stored');
    }
}
