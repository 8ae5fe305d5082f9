package Postroom::Delivered;

=head1 NAME

Postroom::Delivered - messages sent into an instance, and found again in mailboxes

=head1 SYNOPSIS

    my $d = Postroom::Delivered->new($p);
    my $mark = $d->send(to => ['anna@example.test'], header => ['Subject: x'], login => 'bob');
    my $text = $d->arrives('anna', 'INBOX', $mark);
    $d->is_not_in('anna', 'Elsewhere', $mark);

=head1 DESCRIPTION

Each message bears a mark of its own in the field X-Mark, by which it is found. Passwords are the user's name and
"-secret".

=over

=item send(%options)

to (addresses, anna's by default), from, header (lines), body, login (a user who submits it). Returns the mark.

=item find($user, $folder, $mark)

The texts of messages with that mark in a folder, each with its flags before it. A mark that is a hash looks for
C<subject> instead.

=item arrives($user, $folder, $mark)

Waits for one, and tests that there is one alone; returns its text.

=item settled

Waits until the spool holds nothing.

=item is_not_in($user, $folder, $mark)

Waits until the spool holds nothing, and tests that there is none.

=back

=cut

use strict;
use warnings;
use Test::More ();

my $sent = 0;

sub new {
	my ($class, $p) = @_;
	return bless { p => $p }, $class;
}

sub send { ## no critic (ProhibitBuiltinHomonyms): it sends
	my ($self, %options) = @_;
	my $p = $self->{p};
	my $mark = 'mark-' . ++$sent . '-end';
	my $smtp = $p->smtp(service => $options{login} ? 'submission' : 'smtp');
	$smtp->ehlo('client.test');
	if ($options{login}) {
		$smtp->starttls == 220 && $smtp->ehlo('client.test');
		$smtp->auth(PLAIN => $options{login}, "$options{login}-secret");
	}
	$smtp->{greeted} = 1;
	my $text = join "\r\n", @{ $options{header} // ['Subject: a message'] }, "X-Mark: $mark", '', $options{body} // 'Hello', '';
	my $reply = $smtp->send_message($options{from} // 'sender@stranger.test', $options{to} // ['anna@' . $p->domain], $text);
	Test::More::like($reply, qr/\A250/, "taken: $mark");
	$smtp->quit;
	return $mark;
}

sub find {
	my ($self, $user, $folder, $mark) = @_;
	my $imap = $self->{p}->imap;
	$imap->login($user, "$user-secret");
	my @found;
	my $search = ref $mark ? qq{SUBJECT "$mark->{subject}"} : qq{HEADER X-Mark "$mark"};
	if ($imap->cmd(qq{SELECT "$folder"})->{type} eq 'OK') {
		$imap->cmd("SEARCH $search");
		my ($found) = $imap->untagged('SEARCH');
		for my $number ($found->{raw} =~ /\b(\d+)\b/g) {
			$imap->cmd("FETCH $number (FLAGS BODY.PEEK[])");
			push @found, join '', map { $_->{raw} } $imap->untagged('FETCH');
		}
	}
	$imap->logout;
	return @found;
}

sub arrives {
	my ($self, $user, $folder, $mark) = @_;
	my @found;
	$self->{p}->wait_for(sub { @found = $self->find($user, $folder, $mark) }, "a message in $folder of $user", 20);
	Test::More::is(scalar @found, 1, "one in $folder of $user");
	return $found[0];
}

sub settled {
	my ($self) = @_;
	my $p = $self->{p};
	$p->wait_for(sub { my @names = map { glob $p->dir . "/spool/$_" } 'active/*', '*/new/*'; !@names }, 'the spool is empty', 20);
	return;
}

sub is_not_in {
	my ($self, $user, $folder, $mark) = @_;
	$self->settled;
	return Test::More::is(scalar($self->find($user, $folder, $mark)), 0, "none in $folder of $user");
}

1;
