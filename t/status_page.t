#!/usr/bin/env perl

# The status page in a browser: it loads with a clean console, asks no other
# host for anything, its numbers move under load, and it says when something
# is wrong.  With RESULTS_SCREENSHOTS set to a directory, what it looks like
# is left there.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Browser;

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(
    store => 'connections 1;',
    server => 'location /page { results_status; }');

my $url = 'http://127.0.0.1:' . $nginx->port . '/page';
my $browser = Results::Test::Browser->new(dir => $t->dir);

sub text { $browser->value("document.querySelector('$_[0]')?.textContent") }

# the number of a plot, and those of its key by their names
sub now { text("#plots section:nth-child($_[0]) .now") =~ s/\s.*//r }

sub key {
    my ($plot) = @_;

    my $items = $browser->value("Array.from(document.querySelectorAll("
        . "'#plots section:nth-child($plot) .key li'), (li) => "
        . "[li.firstChild.textContent.trim(), "
        . "li.querySelector('b').textContent])");

    return { map { @$_ } @$items };
}

sub cell {
    my ($at) = @_;
    return text("td[data-at=\\'[$at]\\']");
}

# that the console is empty, but for lines like this
sub console_is_clean {
    my ($name, $allowed) = @_;

    my @lines = map { $_->{message} } $browser->console;
    @lines = grep { $_ !~ $allowed } @lines if $allowed;

    is("@lines", '', "$name: the console is clean");
}

sub load {
    my ($n) = @_;

    my @requests = map { ($t->put_request("r$_", $t->result)) x 3,
                         $t->put_request("r$_", '{'),
                         $t->put_request("r$_", '{}', token => 'x' x 43)
    } 1 .. $n;

    $t->many(\@requests);
}

sub screenshot {
    my ($name) = @_;

    my $png = $browser->screenshot;
    like($png, qr/^\x89PNG/, "$name: a picture");

    my $dir = $ENV{RESULTS_SCREENSHOTS} or return;
    open my $file, '>', "$dir/$name.png" or die "$dir/$name.png: $!";
    print $file $png;
    close $file;
}


subtest 'it loads' => sub {
    $t->put('before', $t->result);
    $browser->open($url);

    is($browser->value('document.title'), 'nginx results', 'title');
    ok(wait_for(sub { $browser->value(
           'document.querySelectorAll("#plots canvas").length') == 6 }),
       'six plots');
    ok(wait_for(sub { ($browser->value('document.body.className') // '')
                      eq 'up' }), 'up');
    like(text('#about'), qr/^module \d\S*, nginx \d\S*, 1 worker, up /,
         'says what it is of');
    is(cell('"stores","main","rows"'), 1, 'the row that was written');
    is($browser->value('document.querySelectorAll("#troubles li").length'),
       0, 'no trouble');
    console_is_clean('it loads');

    my $hosts = $browser->value('JSON.stringify(Array.from(new Set('
        . 'performance.getEntriesByType("resource")'
        . '.map((entry) => new URL(entry.name).host))))');
    is($hosts, '["127.0.0.1:' . $nginx->port . '"]', 'from one host alone');
};


subtest 'the numbers move' => sub {
    my $before = cell('"stores","main","rows"');

    load(50);

    ok(wait_for(sub { cell('"stores","main","rows"') == $before + 150 }),
       'rows');
    is(cell('"requests","invalid"') // cell(
        '"apis","timeback","requests","invalid"'), 50, 'requests');

    ok(wait_for(sub { load(5); now(1) ne '0' && now(1) ne "\x{2013}" }),
       'accepted per second');
    ok(wait_for(sub { load(5); now(2) =~ /^[\d.]+$/ && now(2) > 0 }),
       'commit time');
    ok(wait_for(sub { load(5); now(5) =~ /^[\d.]+$/ && now(5) > 50 }),
       'tokens from the cache');
    ok(wait_for(sub { load(5); key(6)->{invalid} > 0 }),
       'errors by kind');
    is(key(6)->{unavailable}, 0, 'of one kind and not the other');
    is(key(4)->{idle} + key(4)->{busy}, now(4), 'connections');

    console_is_clean('under load');
};


subtest 'waiting rows' => sub {
    my $c = $t->http;
    my @more = map { $t->http } 1 .. 3;

    $pg->with_lock('results.result', 'SHARE', sub {
        $c->send($t->put_request('first', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        my $i = 0;
        $_->send($t->put_request('q' . $i++, $t->result)) for @more;
        ok(wait_for(sub { now(3) eq '3' }), 'are seen');
    });

    $_->response('PUT') for $c, @more;
    ok(wait_for(sub { now(3) eq '0' }), 'until they are written');
};


subtest 'a reload, and another nginx' => sub {
    my $rows = cell('"stores","main","rows"');

    $nginx->reload(wait => 1);
    ok(wait_for(sub { text('#about') =~ /1 worker,/ }), 'goes on');
    is(cell('"stores","main","rows"'), $rows, 'with the same numbers');

    $nginx->quit;
    ok(wait_for(sub { (text('#troubles li') // '')
                      =~ /^nginx has not answered for / }), 'says it is away');
    is($browser->value('document.body.className'), 'down', 'in red');

    $nginx->start;
    ok(wait_for(sub { cell('"stores","main","rows"') eq '0' }),
       'begins anew with the next one');
    is($browser->value('document.body.className'), 'up', 'in green');

    console_is_clean('away and back', qr/Failed to load resource|ERR_/);
};


subtest 'the database is away' => sub {
    $pg->stop('fast');

    ok(wait_for(sub { (text('#troubles li') // '')
                      =~ /^main: no (?:writer|reader): / }), 'says so');
    is($browser->value('document.body.className'), 'down', 'in red');
    like($browser->value('document.title'), qr/^!/, 'also in the title');
    ok(wait_for(sub { now(4) eq '0' }), 'no connection');

    $pg->start;
    ok(wait_for(sub { $browser->value('document.body.className') eq 'up' }),
       'and when it is back');

    console_is_clean('without a database');
};


subtest 'looks' => sub {
    load(20);

    for my $look (['light', 1280, 900], ['dark', 1280, 900],
                  ['phone', 390, 844]) {
        my ($name, $width, $height) = @$look;

        $browser->size($width, $height, scale => 1,
                       mobile => $name eq 'phone');
        $browser->scheme($name eq 'dark' ? 'dark' : 'light');

        ok(wait_for(sub {
            $browser->value('document.documentElement.clientWidth') == $width
            && $browser->value('Array.from(document.querySelectorAll("canvas")'
                . ').every((c) => c.getBoundingClientRect().right <= '
                . 'document.documentElement.clientWidth)')
        }), "$name: the plots fit");
        cmp_ok($browser->value('document.documentElement.scrollWidth'), '<=',
               $width, "$name: nothing to scroll sideways");
        screenshot($name);
    }

    is($browser->value('getComputedStyle(document.body).backgroundColor'),
       'rgb(246, 247, 249)', 'light');
    $browser->scheme('dark');
    is($browser->value('getComputedStyle(document.body).backgroundColor'),
       'rgb(17, 21, 27)', 'and dark');
};


subtest 'without scripts' => sub {
    my $html = $t->request('GET', '/page', [Accept => 'text/html'])->body;

    like($html, qr/<td data-at="[^"]*">\d+</, 'the numbers are there');
    unlike($html, qr/\son\w+=|\sstyle=/, 'and no inline code or style');
    unlike($html =~ s/<script>.*?<\/script>//sr, qr/https?:/,
           'and no address of another host');
};
