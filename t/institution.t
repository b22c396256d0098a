#!/usr/bin/env perl

# results_institution: a place that serves one institution refuses the tokens
# of any other.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Wait qw(patience);

my $t = Results::Test->new;

$t->nginx(
    zone   => 'tokens:1m ttl=2s',
    http   => 'results_institution school;',
    server => <<'EOC',
        results_institution  "Nörth School";

        location /inherited/  { results_api timeback; }
        location /own/        { results_api timeback;
                                results_institution elsewhere; }
        location /any/        { results_api timeback;
                                results_institution elsewhere;
                                satisfy any; allow all; }
        location /if/         { results_api timeback;
                                results_institution elsewhere;
                                if ($arg_x) { set $y 1; } }
        location /methods/    { results_api timeback;
                                results_institution elsewhere;
                                limit_except GET { allow all; } }
        location /outer/      { results_institution elsewhere;
                                location /outer/inner/ {
                                    results_api timeback; } }
        location /nobody/     { results_api timeback;
                                results_institution nobody; }
        location /fails/      { error_page 403 = /own/results/page;
                                deny all; }
EOC
);

my %tokens = map { $_ => $t->token(institution => $_) }
    ('school', 'elsewhere', 'elsewhere2', 'elsewher', "N\x{f6}rth School");


sub put {
    my ($uri, $token, $method) = @_;

    return $t->request($method // 'PUT', $uri,
        ['Content-Type' => 'application/json',
         defined $token ? (Authorization => "Bearer $token") : ()],
        $t->encode($t->result));
}

sub refused {
    my ($response, $name) = @_;

    is($response->status, 403, $name);
    is($response->json->{imsx_CodeMinor}{imsx_codeMinorField}[0]
         {imsx_codeMinorFieldValue}, 'forbidden', 'in the shape of the API');
    like($response->json->{imsx_description}, qr/of another institution/,
         'that says why');
    ok(!$response->header('WWW-Authenticate'),
       'and challenges nobody: no other scope would help');
}


for my $place ('inherited', 'own', 'any', 'if', 'methods', 'outer/inner',
               'nobody')
{
    my $serves = $place eq 'inherited' ? "N\x{f6}rth School"
                 : $place eq 'nobody'  ? '' : 'elsewhere';

    for my $institution (sort keys %tokens) {
        my $id = "$place-$institution" =~ s/[^a-z0-9]/-/gr;
        my $uri = "/$place/results/$id?x=1";
        my $token = $tokens{$institution};

        if ($institution eq $serves) {
            is(put($uri, $token)->status, 201, "$place serves its own");
            is($t->row($id)->{institution_id},
               $t->fixtures->institution($institution), 'which has it');
            next;
        }

        my $name = $institution =~ s/[^ -~]/?/gr;

        # looked up, and from the cache
        refused(put($uri, $token), "$place refuses $name") for 1, 2;
        ok(!$t->row($id), 'nothing is stored');
    }
}

is(put('/own/results/nobody')->status, 401, 'no token at all: 401');
is(put('/own/results/x', $tokens{school}, 'OPTIONS')->status, 204,
   'OPTIONS tells the methods to everybody');
refused(put('/own/results/x', $tokens{school}, 'DELETE'), 'any method');
refused(put('/fails/x', $tokens{school}), 'by way of an error_page');
ok(!$t->row('page'), 'nothing is stored');


subtest 'a token that is revoked' => sub {
    my $token = $t->token(institution => 'elsewhere');

    is(put('/own/results/before', $token)->status, 201, 'is good');
    ok($t->pg->value(q{SELECT results.revoke_token(encode(sha256(
                           convert_to(?, 'UTF8')), 'hex'))}, $token), 'revoked');

    my $revoked = time;
    my $n = 0;

    wait_for(sub {
        my $status = put('/own/results/after-' . $n++, $token)->status;
        return $status == 401;
    }) or die "a revoked token works for ever\n";

    cmp_ok(time - $revoked, '<=', 2 + patience(3), 'it works no longer than ttl more');
    is(put('/own/results/again', $token)->status, 401, 'and never again');
    ok(!$t->row('again'), 'nothing is stored');
};
