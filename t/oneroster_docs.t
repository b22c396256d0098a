#!/usr/bin/env perl

# Every request of docs/api/oneroster.md, run by curl as it stands there and
# in its order, is answered as the page says.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::Docs;
use Results::Test::OneRoster;
use Results::Test::Process;

my $SAM = 'a1d4f6e0-0001-4000-8000-000000000001';

my $t = Results::Test->new;

my $nginx = $t->nginx(server => Results::Test::OneRoster->servers
                      . ' location = /contentItemResult { results_api wse; }');

$t->pg->do(q{INSERT INTO results.person (institution_id, id, role)
             VALUES (?, ?, 'student')}, $t->fixtures->institution, $SAM);

my %env = (
    BASE_URL      => 'http://127.0.0.1:' . $nginx->port,
    TOKEN         => $t->token,
    TOKEN_STUDENT => $t->token(person => $SAM, scopes => []),
    PATH          => $ENV{PATH},
);

my @blocks = @{ Results::Test::Docs->new($t->root, 'docs/api/oneroster.md')
                ->{blocks} };
my $n = 0;

while (my $block = shift @blocks) {
    next if $block->{language} ne 'sh';

    my $answer = shift @blocks;
    my ($rc, $output) = run($block->{text});
    my ($line) = $block->{text} =~ m{\$BASE_URL(\S+)"};

    is($answer->{language}, 'http', "$block->{heading}: has an answer");
    is($rc, 0, "curl of $line") or diag($output);

    my ($got, $told) = map { answer($_) } $output, $answer->{text};

    is_deeply($got, $told, "answers as the page says: $told->{status}")
        or diag($output);
    $n++;
}

cmp_ok($n, '>', 15, "$n requests");

# what the 2xx among them left

is($t->pg->value(q{SELECT string_agg(concat_ws(' ', kind, id, status, version),
                                     ', ' ORDER BY kind, id)
                   FROM results.result WHERE id NOT LIKE '%-%-%-%-%'}),
   'result r-1 tobedeleted 3, result unit-1-pat active 1, '
   . 'result unit-1-sam active 1, assessment_result ar-1 active 2, '
   . 'assessment_result placement-2026-c3c2e1a0 active 1',
   'the table has what was put');
is($t->pg->value(q{SELECT count(*) FROM results.result
                   WHERE id LIKE '%-%-%-%-%'}), 3,
   'and what was posted without an id that was free');


sub run {
    my ($command) = @_;

    $command =~ s/curl -i/curl -s -i/g;

    return Results::Test::Process->run(
        ['bash', '-ec', 'cd "$0"; ' . $command, $t->root], env => \%env);
}


# a response as a structure, without what is another each time
sub answer {
    my ($text) = @_;

    $text =~ s/\r//g;
    $text =~ s/127\.0\.0\.1:\d+/HOST/g;
    $text =~ s/[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[0-9a-f-]{17}/NEW/g;
    $text =~ s/("dateLastModified": ?)"[^"]+"/$1"NOW"/g;
    $text =~ s/^(ETag: "\w+-)\d+/$1NOW/m;
    $text =~ s/^(Last-Modified: ).*/$1NOW/m;

    my ($head, $body) = split /\n\n/, $text, 2;
    my ($status, @headers) = split /\n/, $head;

    return {
        status  => $status =~ s/\s+$//r,
        headers => [sort grep { !/^(?:Server|Date|Connection|Content-Length):/ }
                    @headers],
        body    => ($body // '') =~ /\S/ ? JSON::PP->new->decode($body) : undef,
    };
}
