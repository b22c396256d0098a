package Results::Test::Docs;

# A page of the documentation as its tests read it: the blocks of code, by the
# heading they stand under.

use strict;
use warnings;


sub new {
    my ($class, $root, $file) = @_;

    open my $page, '<', "$root/$file" or die "$file: $!\n";

    my ($heading, $block, @blocks) = ('');

    while (my $line = <$page>) {

        if ($line =~ /^\s*```(\w*)/) {

            if ($block) {
                push @blocks, $block;
                $block = undef;
                next;
            }

            $block = { heading => $heading, language => $1, text => '' };

        } elsif ($block) {
            $block->{text} .= $line;

        } elsif ($line =~ /^#+ (.*)/) {
            $heading = $1;
        }
    }

    return bless { file => $file, blocks => \@blocks }, $class;
}


# the text of the one block under a heading that a line of it tells
sub block {
    my ($self, $heading, $language, $regex) = @_;

    my @found = grep { $_->{heading} eq $heading
                       && $_->{language} eq $language
                       && $_->{text} =~ /$regex/m } @{ $self->{blocks} };

    die "$self->{file}: not one block of $regex under $heading\n"
        if @found != 1;

    return $found[0]{text};
}


1;
