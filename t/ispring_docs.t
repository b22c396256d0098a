#!/usr/bin/env perl

# Every request of docs/api/ispring.md, run by curl on the demo data as it
# stands there and in its order, is answered as the page says.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::Docs;
use Results::Test::Report;
use XML::LibXML;

my $GUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

my $t = Results::Test->new;
my $pg = $t->pg;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

my ($rc, $demo) = $pg->shell("psql -d results -qAt -f sql/demo.sql");
is($rc, 0, 'the demo data') or diag($demo);

my $nginx = $t->nginx(server => Results::Test::Report::server()
    . ' location = /contentItemResult { results_api wse; }');

my %env = (BASE_URL => 'http://127.0.0.1:' . $nginx->port,
           $demo =~ /^([A-Z_]+)=(.*)$/mg);


# status, type and content of a response's text
sub answer {
    my ($text) = @_;

    # another one each time
    $text =~ s{(<nextPageToken>)[\w-]{200,}(?=<)}{$1A TOKEN};

    my ($head, $body) = split /\r?\n\r?\n/, $text, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($type) = $head =~ /^Content-Type: ([^\r\n]*)/mi;

    return [$status, $type, $type =~ /xml/
        ? XML::LibXML->load_xml(string => $body, no_blanks => 1)
              ->documentElement->toStringC14N
        : $json->encode($json->decode($body)) =~ s/^"$GUID"\z/a GUID/r];
}


my @blocks = @{ Results::Test::Docs->new($t->root, 'docs/api/ispring.md')
                ->{blocks} };
my $n = 0;

while (my $block = shift @blocks) {
    next if $block->{language} ne 'sh';

    my $answer = shift @blocks;
    my $variables = join '', map { "$_='$env{$_}'\n" } sort keys %env;
    my ($code, $output) = $pg->shell("$variables$block->{text}" =~
                                     s/curl -i/curl -s -S -i/r);

    is($answer->{language}, 'http', "$block->{heading}: has an answer");
    is($code, 0, 'curl') or diag($output);
    is_deeply(answer($output), answer($answer->{text}),
              'answers as the page says') or diag($output);

    $env{NEXT} = $1 if $output =~ /<nextPageToken>([\w-]+)</;
    $n++;
}

cmp_ok($n, '>=', 6, "$n requests");
is($pg->value(q{SELECT time_spent FROM results.result
                WHERE item_id LIKE 'd4a7c913-%'}), 540,
   'what the page writes is stored');
