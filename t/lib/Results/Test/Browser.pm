package Results::Test::Browser;

# A headless Chromium, driven by chromedriver (W3C WebDriver).  Ends with the
# object.

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(decode_base64);

use Results::Test::Port qw(free_port);
use Results::Test::Process;
use Results::Test::Wait qw(wait_for);


# options: dir (for its files), width, height
sub new {
    my ($class, %opt) = @_;

    my $self = bless { port => free_port(), width => 1280, height => 800,
                       http => HTTP::Tiny->new(timeout => 60), %opt }, $class;

    mkdir "$self->{dir}/browser";

    $self->{driver} = Results::Test::Process->spawn(
        ['chromedriver', "--port=$self->{port}"],
        env => { HOME => "$self->{dir}/browser",
                 TMPDIR => "$self->{dir}/browser" },
        out => "$self->{dir}/browser/log");

    wait_for(sub { eval { $self->_call('GET', '/status')->{ready} } },
             timeout => 30) or die "chromedriver does not start\n";

    $self->{session} = $self->_call('POST', '/session', { capabilities => {
        alwaysMatch => {
            browserName => 'chrome',
            'goog:loggingPrefs' => { browser => 'ALL' },
            'goog:chromeOptions' => { args => [
                '--headless=new', '--no-sandbox', '--disable-gpu',
                '--disable-dev-shm-usage', '--hide-scrollbars',
                '--no-proxy-server', "--user-data-dir=$self->{dir}/browser/d",
                "--window-size=$self->{width},$self->{height}",
            ] },
        },
    } })->{sessionId};

    return $self;
}


sub open { $_[0]->_session('POST', 'url', { url => $_[1] }) }


# what an expression is on the page
sub value {
    my ($self, $expression) = @_;

    return $self->_session('POST', 'execute/sync',
                           { script => "return $expression", args => [] });
}


# what the console was told since the last call
sub console {
    my ($self) = @_;
    return @{ $self->_session('POST', 'se/log', { type => 'browser' }) };
}


# a command of the DevTools protocol
sub devtools {
    my ($self, $command, %params) = @_;

    return $self->_session('POST', 'goog/cdp/execute',
                           { cmd => $command, params => \%params });
}


# 'light' or 'dark'
sub scheme {
    my ($self, $scheme) = @_;

    $self->devtools('Emulation.setEmulatedMedia', features => [
        { name => 'prefers-color-scheme', value => $scheme }]);
}


sub size {
    my ($self, $width, $height, %opt) = @_;

    $self->devtools('Emulation.setDeviceMetricsOverride', width => $width,
        height => $height, deviceScaleFactor => $opt{scale} || 1,
        mobile => $opt{mobile} ? JSON::PP::true : JSON::PP::false);
}


# as PNG
sub screenshot { decode_base64($_[0]->_session('GET', 'screenshot')) }


sub _session {
    my ($self, $method, $path, $data) = @_;
    return $self->_call($method, "/session/$self->{session}/$path", $data);
}


sub _call {
    my ($self, $method, $path, $data) = @_;

    my $response = $self->{http}->request($method,
        "http://127.0.0.1:$self->{port}$path",
        $data ? { content => encode_json($data),
                  headers => { 'Content-Type' => 'application/json' } } : {});

    my $answer = eval { decode_json($response->{content}) };

    die "$method $path: $response->{status} $response->{content}\n"
        if !$response->{success} || !$answer;

    return $answer->{value};
}


sub DESTROY {
    my ($self) = @_;
    local ($@, $?);

    eval { $self->_call('DELETE', "/session/$self->{session}") }
        if $self->{session};
    $self->{driver}->end('TERM', 10) if $self->{driver};
    $self->{driver}->kill_group if $self->{driver};
}


1;
