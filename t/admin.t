#!/usr/bin/env perl

# What operators do at a psql prompt, as docs/operations.md shows it: its own
# lines are run, and nginx has to agree.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use MIME::Base64 qw(encode_base64);
use Results::Test::Docs;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(
    zone   => 'tokens:1m ttl=1s',
    server => 'location = /token { results_token_endpoint; }
               location = /wse { results_api wse; }',
);

my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');


# what psql prints of a block of the page that has such a line
sub run {
    my ($section, $regex) = @_;

    my ($code, $text) = $pg->psql($docs->block($section, 'sql', $regex));

    is($code, 0, "the page's $regex") or diag($text);
    return split /\n/, $text;
}

sub secret { push @{ $t->fixtures->{tokens} }, @_; return $_[0] }

sub ask {
    my ($client, $secret) = @_;

    my $response = $t->request('POST', '/token', [
        'Content-Type' => 'application/x-www-form-urlencoded',
        Authorization => 'Basic ' . encode_base64("$client:$secret", '')],
        'grant_type=client_credentials');

    secret($response->json->{access_token}) if $response->status == 200;
    return $response;
}

sub put { $t->put($_[0], $t->result, token => $_[1])->status }


my $people = 'An institution and its people';
my $clients = 'Clients and tokens';

run($people, qr/create_institution/);
run('By plain SQL', qr/results\.person/);

is($pg->value(q{SELECT count(*) FROM results.person}), 3, 'people');


subtest 'a client' => sub {
    my ($row) = run($clients, qr/create_client.*'lms'/);
    my ($id, $secret) = split /\|/, $row;

    secret($secret);
    is($id, 'lms', 'has an id');

    my $response = ask($id, $secret);
    is($response->status, 200, 'gets a token');
    is(put('granted', $response->json->{access_token}), 201, 'that is good');
    ok($t->row('granted'), 'and what it wrote is there');

    my ($token) = run($clients, qr/issue_token\('lms'/);
    secret($token);

    is(put('by-hand', $token), 201, 'a token by hand is good, too');
    ok($t->row('by-hand'), 'and what it wrote is there');

    my ($second, $slots) = run($clients, qr/add_secret/);
    secret($second);

    is($slots, '{1,2}', 'it has two secrets, of which the first is retired');
    is(ask($id, $secret)->status, 401, 'the first is good no longer');
    is(ask($id, $second)->status, 200, 'the second is');
    is(put('kept', $token), 201, 'what the first got stays');

    like(join("\n", run($clients, qr/results\.clients;/)),
         qr/^North School\|lms\|.*\{2\}$/m, 'it is in the list');

    run($clients, qr/revoke_tokens/);

    ok(wait_for(sub { put('revoked', $token) == 401 }),
       'revoked, the token is good no longer');
    is(put('revoked-again', $token), 401, 'for good');
    ok(!$t->row('revoked-again'), 'and stores nothing');
    is(ask($id, $second)->status, 401, 'and there is no new one');
};


subtest 'one token is revoked by its hash' => sub {
    my $token = secret($pg->value(
        q{SELECT results.create_client('North School', 'one', '{}');
          SELECT results.issue_token('one')}));
    my $lines = $docs->block($clients, 'sh', qr/revoke_token\(/);

    $lines =~ s/^IFS= read .*$/TOKEN='$token'/m or die 'no line asks for it';
    $lines =~ s/psql /psql -XqAt / or die 'no psql';

    is(valid($token), 1, 'it is good');
    is(($pg->shell($lines))[1], "t\n", "the page's lines");
    is(valid($token), 0, 'it is good no longer');
};

sub valid {
    return $pg->value(q{SELECT count(*) FROM results_api.lookup_tokens(
                            array[sha256(convert_to(?, 'UTF8'))])}, @_);
}


subtest 'a client of a person' => sub {
    my @lines = run($clients, qr/tutor-app/);
    my $token = secret($lines[-1]);

    secret((split /\|/, $lines[0])[1]);

    is($pg->value(q{SELECT person_id || ' ' || role
                    FROM results_api.lookup_tokens(
                        array[sha256(convert_to(?, 'UTF8'))])}, $token),
       'p-2 staff', 'acts as that person');
};


subtest 'every other line of the page' => sub {
    run($clients, qr/purge_tokens/);
};
